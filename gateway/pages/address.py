"""The address of a view of the call or of a movement: everything the page shows follows from it, so that it can be shared and reloaded. Pure."""

from dataclasses import dataclass, fields, replace
from datetime import date, datetime, time, timedelta
from typing import Any, Literal
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from libs.common.web.errors import Invalid

By = Literal["organisation", "region", "market", "product", "team", "owner"]
View = Literal["single", "cumulative"]
Mode = Literal["ends", "gross"]
Rate = Literal["constant", "booked"]

MOST_OPEN = 24
"""Units that may stand open in the tree at once; each is one question to the forecast."""


class UnreadableTime(Invalid):
    """A time in the address is not written as one."""


@dataclass(frozen=True)
class CallView:
    """What of the call is shown. Empty values leave the choice to the forecast: current period, whole scope, business date."""

    period: str = ""
    org: str = ""
    date: str = ""
    by: By = "organisation"
    view: View = "single"
    deal_type: str = ""
    value_basis: str = ""
    rate: Rate = "constant"
    open: tuple[UUID, ...] = ()

    def href(self, path: str = "/call", **changes: Any) -> str:
        """The address with some parts changed; what is at its default is left out."""
        return address(replace(self, **changes), path)

    def toggled(self, unit: str) -> "CallView":
        """The view with a unit of the tree opened or closed."""
        identifier = UUID(unit)
        if identifier in self.open:
            return replace(self, open=tuple(one for one in self.open if one != identifier))
        return replace(self, open=(*self.open, identifier)[-MOST_OPEN:])

    def asked(self, **more: str) -> dict[str, str]:
        """The forecast's query parameters for this view."""
        parts = {
            "period": self.period,
            "org": self.org,
            "date": self.date,
            "deal_type": self.deal_type,
            "value_basis": self.value_basis,
            "rate": self.rate if self.rate != "constant" else "",
            **more,
        }
        return {name: value for name, value in parts.items() if value}


@dataclass(frozen=True)
class MovementView:
    """Which movement is shown. `since`, `as_of` and when they were known are days or times as the address has them."""

    period: str = ""
    org: str = ""
    deal_type: str = ""
    value_basis: str = ""
    since: str = ""
    as_of: str = ""
    since_known_at: str = ""
    known_at: str = ""
    mode: Mode = "ends"

    def href(self, path: str = "/movement", **changes: Any) -> str:
        """The address with some parts changed; what is at its default is left out."""
        more = {name: changes.pop(name) for name in ("side", "term") if name in changes}
        return address(replace(self, **changes), path, **more)

    def asked(self, zone: str, **more: str) -> dict[str, str]:
        """The forecast's query parameters. Raises UnreadableTime."""
        parts = {field.name: getattr(self, field.name) for field in fields(self)}
        for name in ("since", "since_known_at", "as_of", "known_at"):
            if parts[name]:
                parts[name] = instant(parts[name], zone, name=name, is_end=name in ("as_of", "known_at")).isoformat()
        return {name: value for name, value in (parts | more).items() if value}


def instant(text: str, zone: str, *, name: str, is_end: bool) -> datetime:
    """A time of the address: an instant, a local time, or a day, which is its beginning or, as an end, all of it.

    Raises UnreadableTime.
    """
    try:
        if len(text) == len("2026-11-15"):
            day = date.fromisoformat(text) + timedelta(days=is_end)
            return datetime.combine(day, time(), tzinfo=ZoneInfo(zone))
        found = datetime.fromisoformat(text)
        return found if found.tzinfo else found.replace(tzinfo=ZoneInfo(zone))
    except (ValueError, OverflowError):
        raise UnreadableTime(f"{name}: {text!r} is no time; write 2026-11-15 or 2026-11-15T12:00.") from None


def address(view: CallView | MovementView, path: str, **more: str) -> str:
    """The path with everything of the view that is not at its default, and `more`."""
    pairs = [(field.name, getattr(view, field.name), field.default) for field in fields(view)]
    query = urlencode(
        [
            *(
                (name, ",".join(map(str, value)) if isinstance(value, tuple) else str(value))
                for name, value, default in pairs
                if value and value != default
            ),
            *more.items(),
        ],
        safe=",",
    )
    return f"{path}?{query}" if query else path


def opened(text: str) -> tuple[UUID, ...]:
    """Units from the address; what is no id is ignored, as an address may be cut by mail programs."""
    units: list[UUID] = []
    for part in text.split(",")[:MOST_OPEN]:
        try:
            units.append(UUID(part))
        except ValueError:
            continue
    return tuple(dict.fromkeys(units))
