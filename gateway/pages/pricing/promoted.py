"""Pictures of promotions and what a form says of one. Pure."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from gateway.pages.format import day, grouped, whole

KINDS = {"percent": "Percent off", "amount": "Amount off the price of one", "free_months": "Months free"}
STATES = {
    "planned": ("Waits for a decision", "warn"),
    "approved": ("Approved", "good"),
    "refused": ("Refused", "bad"),
    "running": ("Running", "good"),
    "ended": ("Over", ""),
}
METHODS = {"difference_in_differences": "Beside segments where it did not run", "pre_period": "Before and after"}
_PLAIN = ("name", "starts_on", "ends_on", "currency", "kind", "stacking", "note")


def gives(row: Mapping[str, Any]) -> str:
    """What a promotion takes off, in words."""
    value = Decimal(row["value"])
    if row["kind"] == "percent":
        return f"{(value * 100).normalize():f}\u202f% off"
    if row["kind"] == "amount":
        off = grouped(f"{value.normalize():f}")
        return f"{off} {row['currency']} off each"
    return f"{value.normalize():f} months free" if value != 1 else "1 month free"


def last_day(row: Mapping[str, Any]) -> str:
    found: str = min(row["ended_on"] or row["ends_on"], row["ends_on"])
    return found


def spans(rows: Sequence[Mapping[str, Any]], today: date) -> dict[str, Any]:
    """Windows on one line of time of 0 to 1000: a year back and a year ahead at most, with today and the turns of months."""
    near = [(date.fromisoformat(row["starts_on"]), date.fromisoformat(last_day(row))) for row in rows]
    reach = timedelta(days=366)
    first = max(min([today, *(start for start, _ in near)]), today - reach) - timedelta(days=7)
    last = min(max([today, *(end for _, end in near)]), today + reach) + timedelta(days=7)
    days = (last - first).days

    def at(when: date) -> float:
        return round(1000 * min(max((when - first).days, 0), days) / days, 1)

    bars = [
        {"x": at(start), "width": max(4.0, round(at(end + timedelta(days=1)) - at(start), 1))} for start, end in near
    ]
    turns = [each for each in (first + timedelta(days=n) for n in range(days)) if each.day == 1]
    step = max(1, len(turns) // 6)
    ends = {"first": first.isoformat(), "last": last.isoformat()}
    return {"bars": bars, "today": at(today), "turns": [at(each) for each in turns[::step]], **ends}


def share_used(row: Mapping[str, Any]) -> dict[str, float]:
    """Of the budget, accepted and still only offered, as widths of 0 to 1000."""
    budget = Decimal(row["budget"])
    if budget <= 0:
        return {"accepted": 0.0, "offered": 0.0}
    accepted = min(Decimal(1), Decimal(row["accepted"]) / budget)
    used = min(Decimal(1), Decimal(row["used"]) / budget)
    return {"accepted": round(float(1000 * accepted), 1), "offered": round(float(1000 * (used - accepted)), 1)}


def weekly(lift: Mapping[str, Any]) -> dict[str, Any] | None:
    """Bars of what was sold each week on 1000 x 240 and the baseline over them; None without sales."""
    weeks = lift["weeks"]
    top = max([0.0, *(float(each["actual"]) for each in weeks), *(float(each["baseline"] or 0) for each in weeks)])
    if not weeks or top <= 0:
        return None
    wide = 1000 / len(weeks)
    bars, line = [], []
    for place, each in enumerate(weeks):
        height = 230 * float(each["actual"]) / top
        bars.append(
            {
                "x": round(place * wide + wide * 0.12, 1),
                "width": round(wide * 0.76, 1),
                "y": round(240 - height, 1),
                "height": round(height, 1),
                "during": each["is_during"],
            }
        )
        if each["baseline"] is not None:
            y = round(240 - 230 * float(each["baseline"]) / top, 1)
            line += [f"{place * wide:.1f},{y}", f"{(place + 1) * wide:.1f},{y}"]
    begins = next((round(place * wide, 1) for place, each in enumerate(weeks) if each["is_during"]), None)
    return {"bars": bars, "line": line, "begins": begins, "top": top}


def interval(lift: Mapping[str, Any]) -> dict[str, float | None] | None:
    """The lift with its interval and 0 on a scale of 0 to 1000, and what was expected; None where there is none."""
    if lift["lift"] is None:
        return None
    values = {name: float(lift[name]) for name in ("lift", "low", "high")}
    expected = None if lift["expected"] is None else float(lift["expected"])
    every = [0.0, *values.values(), *([expected] if expected is not None else [])]
    low, high = min(every), max(every)
    room = (high - low) * 0.06 or 1.0

    def at(value: float) -> float:
        return round(1000 * (value - low + room) / (high - low + 2 * room), 1)

    return {**{name: at(value) for name, value in values.items()}, "zero": at(0.0), "expected": None if expected is None else at(expected)}  # fmt: skip


def verdict(lift: Mapping[str, Any]) -> tuple[str, str]:
    """What the interval lets one say, with its colour."""
    if lift["lift"] is None:
        return "Too early to say", ""
    money = f"{whole(lift['lift'])} {lift['currency']}"
    if Decimal(lift["low"]) > 0:
        return f"It brought about {money} more", "good"
    if Decimal(lift["high"]) < 0:
        return f"About {money.lstrip('−-')} less came than without it", "bad"
    return "It may have brought nothing", "warn"


def written(form: Mapping[str, Any], products: Sequence[str]) -> tuple[dict[str, Any], str]:
    """The plan that a form says, and what is wrong with it."""
    plan: dict[str, Any] = {name: str(form.get(name) or "").strip() for name in _PLAIN}
    plan |= {"products": list(products), "currency": plan["currency"].upper()}
    for name in ("markets", "segments"):
        plan[name] = [part.strip() for part in str(form.get(name) or "").split(",") if part.strip()]
    try:
        plan["budget"] = str(_number(form.get("budget")))
        value = _number(form.get("value"))
        plan["value"] = str(value / 100 if plan["kind"] == "percent" else value)
        plan["expected"] = str(_number(form.get("expected"))) if str(form.get("expected") or "").strip() else None
    except InvalidOperation:
        return plan, "Write numbers only, such as 5000 or 12.5."
    if not plan["name"] or not plan["starts_on"] or not plan["ends_on"]:
        return plan, "Give it a name, a first and a last day."
    return plan, ""


def typed(row: Mapping[str, Any]) -> dict[str, str]:
    """A plan as a form shows it."""
    value = Decimal(row["value"]) * (100 if row["kind"] == "percent" else 1)
    found = {name: str(row[name]) for name in _PLAIN}
    found |= {name: ", ".join(row[name]) for name in ("markets", "segments")}
    found |= {"value": f"{value.normalize():f}", "budget": f"{Decimal(row['budget']).normalize():f}"}
    return found | {"expected": "" if row["expected"] is None else f"{Decimal(row['expected']).normalize():f}"}


def scope(row: Mapping[str, Any], codes: Mapping[str, str]) -> str:
    """Where it runs, in words."""
    products = ", ".join(codes.get(each, "an unknown product") for each in row["products"]) or "all products"
    places = [*row["markets"], *row["segments"]]
    return f"{products} · {', '.join(places)}" if places else f"{products} · everywhere"


def window(row: Mapping[str, Any]) -> str:
    return f"{day(row['starts_on'])} to {day(last_day(row))}"


def fitting(
    rows: Sequence[Mapping[str, Any]], *, currency: str, product: str, deal: Mapping[str, Any] | None
) -> list[Mapping[str, Any]]:
    """Promotions that a line may take as far as a page can tell; the pricing service decides."""
    return [
        row
        for row in rows
        if row["currency"] == currency
        and (not row["products"] or product in row["products"])
        and (deal is None or not row["markets"] or deal.get("market") in row["markets"])
        and (deal is None or not row["segments"] or deal.get("segment") in row["segments"])
    ]


def _number(value: object) -> Decimal:
    """Raises InvalidOperation."""
    number = Decimal(str(value or "").strip().replace(",", "."))
    if not number.is_finite():
        raise InvalidOperation
    return number
