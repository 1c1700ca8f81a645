"""How values of the API are written on a page. Formatting only: nothing is added, divided or rounded into another number.

Amounts are shown in whole currency units; the exact value stays in the element's `value`, in the CSV and in the API.
"""

from datetime import date, datetime, time, timedelta
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal, InvalidOperation
from zoneinfo import ZoneInfo

NONE = "–"
UNDATED_YEAR = 1900
_THIN = "\u202f"


def whole(amount: str | Decimal | None) -> str:
    """`"1234567.89"` -> `1,234,568`; a dash for what is unknown. Never 0 for unknown."""
    if amount is None:
        return NONE
    rounded = Decimal(amount).quantize(Decimal(1), rounding=ROUND_HALF_UP)
    return f"{rounded:,}".replace("-", "−")


def grouped(amount: str | Decimal) -> str:
    """`"1234.50"` -> `1,234.50`: the exact amount, as it is typed; what is no number stays as it is."""
    try:
        return f"{Decimal(amount):,}"
    except InvalidOperation:
        return str(amount)


def signed(amount: str | Decimal | int) -> str:
    """A difference in whole units with its sign: `+1,235`, `−40`, `0`."""
    text = whole(str(amount))
    return f"+{text}" if Decimal(amount) > 0 and text != "0" else text


def compact(amount: str | Decimal | None) -> str:
    """Three significant places for headlines: `12.4 M`, `981 k`, `640`."""
    if amount is None:
        return NONE
    value = Decimal(amount)
    for unit, name in ((Decimal(10) ** 9, "bn"), (Decimal(10) ** 6, "M"), (Decimal(10) ** 3, "k")):
        if abs(value) >= unit:
            scaled = value / unit
            places = 2 if abs(scaled) < 10 else 1 if abs(scaled) < 100 else 0
            return f"{scaled:,.{places}f}{_THIN}{name}".replace("-", "−")
    return whole(value)


def percent(share: str | Decimal | None) -> str:
    """A share as `12.3 %`, with a minus where it is negative; a dash for what is unknown."""
    if share is None:
        return NONE
    value = (Decimal(share) * 100).quantize(Decimal("0.1"), rounding=ROUND_HALF_UP)
    return f"{value}{_THIN}%".replace("-", "−")


def portion(share: float | None) -> str:
    """How much of a whole is there, cut to the tenth, so that only all of it reads as `100.0 %`; a dash for what is unknown."""
    if share is None:
        return NONE
    return f"{(Decimal(str(share)) * 100).quantize(Decimal('0.1'), rounding=ROUND_DOWN)}{_THIN}%"


def measure(value: str | float | None, unit: str) -> str:
    """A value of a metric in its unit: money in whole units, a share in percent, days to the tenth; a dash for what is unknown."""
    if value is None:
        return NONE
    if unit.startswith("money"):
        return whole(str(value))
    if unit == "share":
        return percent(str(value))
    if unit == "count":
        return count(int(value))
    places = 1 if unit == "days" else 2
    return f"{float(value):,.{places}f}".replace("-", "−")


def count(number: int | None) -> str:
    return NONE if number is None else f"{number:,}"


def deals(number: int) -> str:
    """`1 deal`, `12 deals`."""
    return f"{number:,} {'deal' if number == 1 else 'deals'}"


def _aware(instant: str | datetime) -> datetime:
    return datetime.fromisoformat(instant) if isinstance(instant, str) else instant


def clock_time(instant: str | datetime | None, zone: str) -> str:
    """The local time of day, to the second."""
    return NONE if instant is None else f"{_aware(instant).astimezone(ZoneInfo(zone)):%H:%M:%S}"


def moment(instant: str | datetime | None, zone: str) -> str:
    """Local date and time, to the second: `22 Nov 2026 14:03:07`."""
    return NONE if instant is None else f"{_aware(instant).astimezone(ZoneInfo(zone)):%-d %b %Y %H:%M:%S}"


def typed_moment(instant: str, zone: str) -> str:
    """As a field for date and time wants it: local, to the minute."""
    return f"{_aware(instant).astimezone(ZoneInfo(zone)):%Y-%m-%dT%H:%M}"


def until(instant: str | datetime | None, zone: str) -> str:
    """The moment at which something ends; midnight reads as the end of the day before: `end of 20 Dec 2026`."""
    if instant is None:
        return NONE
    local = _aware(instant).astimezone(ZoneInfo(zone))
    return f"end of {day(local.date() - timedelta(days=1))}" if local.time() == time() else moment(instant, zone)


def day(value: str | date | None) -> str:
    """`22 Nov 2026`."""
    if value is None:
        return NONE
    return f"{date.fromisoformat(value) if isinstance(value, str) else value:%-d %b %Y}"


def day_of(instant: str | datetime | None, zone: str) -> str:
    """The local day of an instant: `22 Nov 2026`."""
    return NONE if instant is None else day(_aware(instant).astimezone(ZoneInfo(zone)).date())


def month(value: str | date | None) -> str:
    """`Nov 2026`; `undated` without one, as in the year 1900, where the forecast keeps what has no date."""
    found = date.fromisoformat(value) if isinstance(value, str) else value
    return "undated" if found is None or found.year == UNDATED_YEAR else f"{found:%b %Y}"


def duration(seconds: float | None) -> str:
    """A length of time in the largest fitting unit: `420 ms`, `4.2 s`, `12 s`, `3 min`, `2 h`, `4 d`."""
    if seconds is None:
        return NONE
    if seconds < 1:
        return f"{max(seconds, 0) * 1000:.0f} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    for limit, unit, name in ((120, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            return f"{seconds // unit:.0f} {name}"
    return f"{seconds // 86_400:.0f} d"


def ago(seconds: float | None) -> str:
    """`12 s ago`; `just now` below a second, `never` for what has not happened."""
    if seconds is None:
        return "never"
    return "just now" if seconds < 1 else f"{duration(seconds)} ago"


def words(name: str) -> str:
    """`closed_won` -> `Closed won`."""
    return name.replace("_", " ").replace("-", " ").strip().capitalize()


def chance(probability: float) -> str:
    """A probability in whole percents; what is only almost sure is not called sure: `62 %`, `over 99 %`, `100 %`."""
    if 0 < probability < 0.01:
        return f"under 1{_THIN}%"
    if 0.99 < probability < 1:
        return f"over 99{_THIN}%"
    return f"{probability * 100:.0f}{_THIN}%"
