"""What the tab Assumptions of a plan shows: each beside its tolerance, every lock as a mark, and one of them with its history."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from gateway.pages.format import grouped
from gateway.proxy.client import Services
from libs.common.web.auth import Principal

STATES: Final = {
    "holding": ("good", "holds"),
    "drifting": ("warn", "drifting"),
    "broken": ("bad", "broken"),
    "too_little_data": ("", "too little data"),
    "not_looked_at": ("", "not looked at yet"),
}
"""By state: how it is coloured, and in words."""
METRICS: Final = {
    "win_rate": ("Win rate", "%"),
    "creation": ("Creation", "deals a month"),
    "size": ("Average size", "money"),
    "cycle": ("Cycle", "days"),
    "pushed": ("Pushed", "%"),
}
WIDE: Final = 1000
HIGH: Final = 240
ROOM: Final = 14
MARKS: Final = 53
"""Locks of a row: those of a year."""


class Ruler(NamedTuple):
    """The tolerance and what was seen on one axis, in thousandths; the latter None where it is not known."""

    low: float
    high: float
    expected: float
    seen_low: float | None
    seen_high: float | None
    seen: float | None


class Mark(NamedTuple):
    """A lock: where it stands, and what it said."""

    x: float
    state: str
    title: str


@dataclass(frozen=True)
class Line:
    """An assumption as a row of the table."""

    item: Mapping[str, Any]
    expected: str
    tolerance: str
    within: str
    seen: str | None
    interval: str | None
    colour: str
    words: str
    ruler: Ruler
    marks: Sequence[Mark]
    width: float


@dataclass(frozen=True)
class Picture:
    """What every lock saw: the tolerance as a stripe, the interval as an area, and the value as a line through it."""

    top: float
    bottom: float
    expected: float
    area: str
    line: str
    marks: Sequence[tuple[float, float, str, str]]
    highest: str
    lowest: str


async def assumptions(
    services: Services, view: Any, found: Mapping[str, Any], measure: str, *, principal: Principal
) -> dict[str, Any]:
    """All of a version, or one of them with its history; and the parts that may be assumed of."""
    del measure
    asked = {"version": view.version} if view.version else {}
    path = f"plans/{view.plan_id}"
    tree = await services.get(
        "forecast",
        f"{path}/nodes",
        principal=principal,
        params=asked | {"measure": found["measures"][0], "levels": "2"},
    )
    told = await services.get("forecast", f"{path}/assumptions", principal=principal, params=dict(asked))
    one, review = None, None
    if view.assumption:
        one = await services.get(
            "forecast", f"{path}/assumptions/{view.assumption}", principal=principal, params=dict(asked)
        )
        opened = await services.get("forecast", "reviews", principal=principal, params={"plan_id": view.plan_id})
        about = [each for each in opened["items"] if each["subject_id"] == view.assumption]
        review = max(about, key=lambda each: str(each["opened_at"]), default=None)
    currency = told["currency"]
    return {
        "nodes": tree["nodes"],
        "told": told,
        "lines": [line(each, currency) for each in told["items"]],
        "states": STATES,
        "metrics": METRICS,
        "counted": {name: sum(each["state"] == name for each in told["items"]) for name in STATES},
        "review": review,
        "one": one and line(one["assumption"], currency),
        "looks": one and [look(each, one["assumption"]["unit"], currency) for each in one["history"]],
        "picture": one and picture(one, currency),
        "csv_href": f"/api/v1/{path}/assumptions?{urlencode({**asked, 'format': 'csv'})}",
    }


def line(item: Mapping[str, Any], currency: str) -> Line:
    """A row of the table."""
    unit, seen = item["unit"], item["seen"]
    colour, words = STATES[item["state"]]
    count = max(len(item["locks"]), 1)
    width = WIDE / max(count, 13)
    return Line(
        item=item,
        expected=written(item["expected"], unit, currency),
        tolerance=f"± {Decimal(item['tolerance']):.0%}",
        within=_between(item["within"], unit, currency),
        seen=written(seen["value"], unit, currency) if seen and seen["value"] is not None else None,
        interval=_between((seen["low"], seen["high"]), unit, currency) if seen and seen["low"] is not None else None,
        colour=colour,
        words=words,
        ruler=ruler(item),
        marks=[
            Mark(round(at * width, 1), each["state"], f"{each['due_at'][:10]}: {STATES[each['state']][1]}")
            for at, each in enumerate(item["locks"][-MARKS:])
        ],
        width=round(width * 0.8, 1),
    )


def look(each: Mapping[str, Any], unit: str, currency: str) -> dict[str, Any]:
    """A lock as a row of the history."""
    return {
        **each,
        "words": STATES[each["state"]][1],
        "colour": STATES[each["state"]][0],
        "written": None if each["value"] is None else written(each["value"], unit, currency),
        "interval": None if each["low"] is None else _between((each["low"], each["high"]), unit, currency),
    }


def ruler(item: Mapping[str, Any]) -> Ruler:
    """The axis begins where the lowest end of either lies, less a tenth."""
    low, high = (float(each) for each in item["within"])
    seen = item["seen"] if item["seen"] and item["seen"]["low"] is not None else None
    ends = [low, high, *((seen["low"], seen["high"]) if seen else ())]
    ends += [seen["value"]] if seen and seen["value"] is not None else []
    first, last = min(ends), max(ends)
    edge = (last - first) * 0.1 or 1.0

    def x(value: float) -> float:
        return float(round((value - first + edge) / (last - first + 2 * edge) * WIDE, 1))

    return Ruler(
        x(low),
        x(high),
        x(float(item["expected"])),
        x(seen["low"]) if seen else None,
        x(seen["high"]) if seen else None,
        x(seen["value"]) if seen and seen["value"] is not None else None,
    )


def picture(one: Mapping[str, Any], currency: str) -> Picture | None:
    """None before two locks saw anything."""
    item = one["assumption"]
    looks = [each for each in reversed(one["history"]) if each["value"] is not None and each["low"] is not None]
    if len(looks) < 2:
        return None
    low, high = (float(each) for each in item["within"])
    values = [low, high, *(each[name] for each in looks for name in ("low", "high", "value"))]
    least, most = min(values), max(values)
    span = most - least or 1.0
    step = WIDE / (len(looks) - 1)

    def y(value: float) -> float:
        return float(round(HIGH - ROOM - (value - least) / span * (HIGH - 2 * ROOM), 1))

    at = [round(place * step, 1) for place in range(len(looks))]
    upper = [f"{x},{y(each['high'])}" for x, each in zip(at, looks, strict=True)]
    lower = [f"{x},{y(each['low'])}" for x, each in zip(at, looks, strict=True)]
    return Picture(
        top=y(high),
        bottom=y(low),
        expected=y(float(item["expected"])),
        area=" ".join([*upper, *reversed(lower)]),
        line=" ".join(f"{x},{y(each['value'])}" for x, each in zip(at, looks, strict=True)),
        marks=[
            (x, y(each["value"]), each["state"], f"{each['due_at'][:10]}: {STATES[each['state']][1]}")
            for x, each in zip(at, looks, strict=True)
        ],
        highest=written(most, item["unit"], currency),
        lowest=written(least, item["unit"], currency),
    )


def written(value: Any, unit: str, currency: str) -> str:
    """A number in its unit, as people say it."""
    number = Decimal(str(value))
    if unit == "share":
        return f"{number:.1%}"
    if unit == "money":
        return f"{grouped(str(round(number)))} {currency}"
    return f"{number:,.1f}" + (" days" if unit == "days" else " a month")


def _between(ends: Sequence[Any], unit: str, currency: str) -> str:
    low, high = (written(each, unit, currency) for each in ends)
    tail = {"share": "%", "money": f" {currency}", "days": " days", "a_month": " a month"}[unit]
    return f"{low.removesuffix(tail)} to {high}"
