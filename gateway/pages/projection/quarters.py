"""Past periods as they would have been called: ranges beside what came, and who was closer. Pure.

Positions are thousandths of the picture, as in `axis`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from gateway.pages.axis import EXTENT, Axis, Mark, axis, written
from gateway.pages.projection.methods import Method, method_of

OURS = "foretell"
"""The name of what Foretell says among the methods."""
GAP = Decimal("0.28")
"""The share of a period's width that is left free beside its ranges."""
THICKNESS = Decimal("0.62")
"""The share of its place that a range fills."""
GUTTER = Decimal(110)
"""What is left free on the left for the amounts of the axis."""
FEWEST = 6
"""With fewer distinct periods it is too early to say who is closer."""


@dataclass(frozen=True, slots=True)
class Range:
    """What was said on one day of a period: a bar from `low` to `high` with the projection at `said`. `top` is its upper end, `centre` its middle across."""

    day: int
    x: str
    width: str
    y: str
    height: str
    said: str
    until: str
    top: Mark
    centre: Mark
    hit: bool


@dataclass(frozen=True, slots=True)
class Past:
    """A past period in the picture: its ranges, and what came across all of them from `x` to `until`."""

    label: str
    centre: Mark
    x: str
    until: str
    came: str
    ranges: Sequence[Range]

    @property
    def words(self) -> tuple[str, str]:
        """The label on two lines: `Q4` and `2026`."""
        name, _, year = self.label.rpartition(" ")
        return name, year


@dataclass(frozen=True, slots=True)
class Picture:
    """All past periods, oldest first."""

    periods: Sequence[Past]
    levels: Sequence[Mark]


def picture(periods: Sequence[Mapping[str, Any]]) -> Picture:
    """The geometry of the periods of a reading, which has the newest first."""
    days = sorted({saying["day"] for each in periods for saying in each["sayings"]})
    amounts = [
        Decimal(amount)
        for each in periods
        for amount in (each["closed"], *(saying[name] for saying in each["sayings"] for name in ("low", "high")))
    ]
    levels = axis(amounts, with_zero=False)
    place = (EXTENT - GUTTER) / max(len(periods), 1)
    drawn = [_past(each, GUTTER + place * number, place, days, levels) for number, each in enumerate(reversed(periods))]
    return Picture(drawn, [Mark(written(levels.down(tick)), tick) for tick in levels.ticks])


def _past(period: Mapping[str, Any], left: Decimal, place: Decimal, days: Sequence[int], levels: Axis) -> Past:
    start = left + place * GAP / 2
    lane = place * (1 - GAP) / max(len(days), 1)
    came = levels.down(Decimal(period["closed"]))
    ranges = [_range(each, start + lane * days.index(each["day"]), lane, levels) for each in period["sayings"]]
    return Past(
        period["period"]["label"],
        Mark(written(left + place / 2), Decimal(period["closed"])),
        written(start),
        written(left + place - place * GAP / 2),
        written(came),
        ranges,
    )


def _range(saying: Mapping[str, Any], left: Decimal, lane: Decimal, levels: Axis) -> Range:
    top, bottom = (levels.down(Decimal(saying[name])) for name in ("high", "low"))
    x, width = left + lane * (1 - THICKNESS) / 2, lane * THICKNESS
    return Range(
        day=saying["day"],
        x=written(x),
        width=written(width),
        y=written(top),
        height=written(bottom - top),
        said=written(levels.down(Decimal(saying["projection"]))),
        until=written(x + width),
        top=Mark(written(top), Decimal(saying["high"])),
        centre=Mark(written(left + lane / 2), Decimal(saying["projection"])),
        hit=saying["hit"],
    )


@dataclass(frozen=True, slots=True)
class Held:
    """How many of the ranges said on a day of the periods held."""

    day: int
    hits: int
    of: int


def held(periods: Sequence[Mapping[str, Any]]) -> list[Held]:
    """By day of the period, earliest first."""
    said = [(saying["day"], bool(saying["hit"])) for each in periods for saying in each["sayings"]]
    return [
        Held(day, sum(hit for at, hit in said if at == day), sum(at == day for at, _ in said))
        for day in sorted({day for day, _ in said})
    ]


@dataclass(frozen=True, slots=True)
class Score:
    """A method's error on one day of the periods. `closest`: nobody's was smaller."""

    found: Mapping[str, Any]
    closest: bool


@dataclass(frozen=True, slots=True)
class Scored:
    """A method and its scores by day; a day on which it was not judged is missing."""

    name: str
    method: Method
    scores: Mapping[int, Score]


def scored(methods: Sequence[Mapping[str, Any]]) -> list[Scored]:
    """A row per method in the order of the reading, ours first."""
    least = {
        day: min((each["wape"] for each in methods if each["day"] == day and each["wape"] is not None), default=None)
        for day in {each["day"] for each in methods}
    }
    names = sorted(dict.fromkeys(each["method"] for each in methods), key=lambda name: name != OURS)
    return [
        Scored(
            name,
            method_of(name),
            {
                each["day"]: Score(each, each["wape"] is not None and each["wape"] == least[each["day"]])
                for each in methods
                if each["method"] == name
            },
        )
        for name in names
    ]


@dataclass(frozen=True, slots=True)
class Comparison:
    """On one day of the periods: our error, and the methods that were closer, the closest first. `early`: too few periods."""

    day: int
    ours: Mapping[str, Any]
    closer: Sequence[tuple[Method, Mapping[str, Any]]]
    early: bool


def comparisons(methods: Sequence[Mapping[str, Any]]) -> list[Comparison]:
    """By day of the periods, earliest first; a day without an error of ours is left out."""
    found = []
    for ours in sorted((each for each in methods if each["method"] == OURS), key=lambda each: int(each["day"])):
        if ours["wape"] is None:
            continue
        closer = [
            each
            for each in methods
            if each["day"] == ours["day"] and each["wape"] is not None and each["wape"] < ours["wape"]
        ]
        closer.sort(key=lambda each: float(each["wape"]))
        told = [(method_of(each["method"]), each) for each in closer]
        found.append(Comparison(ours["day"], ours, told, ours["periods"] < FEWEST))
    return found
