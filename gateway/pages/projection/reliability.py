"""Pictures of how right the projection was: promises against what came true, and errors by time to the end. Pure.

Positions are thousandths of the picture, as in `axis`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from gateway.pages.axis import EXTENT, Mark, axis, written
from gateway.pages.projection.methods import Method, method_of

OURS = "foretell"
FEWEST = 6
"""With fewer distinct periods it is too early to say who is closer."""
LINES = ("moving_average", "same_day_pacing", "commit", "weighted_pipeline")
"""Methods that are drawn beside ours, as far as they said something; the table has all of them."""
HIGHEST = 5
"""A line that errs by more times ours at its worst leaves the picture: a method off by multiples would flatten all others."""


@dataclass(frozen=True, slots=True)
class Promise:
    """A probability that was said and how often it came true, with the ends of its interval."""

    x: Mark
    y: str
    low: str
    high: str
    said: float
    came: Mapping[str, Any]
    kept: bool


@dataclass(frozen=True, slots=True)
class Reliability:
    """Promises, and the marks of both axes (the same shares)."""

    promises: Sequence[Promise]
    levels: Sequence[Mark]
    shares: Sequence[Mark]

    @property
    def line(self) -> str:
        return " ".join(f"{each.x.at},{each.y}" for each in self.promises)


def reliability(levels: Sequence[Mapping[str, Any]]) -> Reliability | None:
    """The geometry of a reading's reliability; None without any."""
    if not levels:
        return None
    promises = [
        Promise(
            x=Mark(written(_across(each["said"])), Decimal(str(each["said"]))),
            y=written(_down(each["came"]["share"])),
            low=written(_down(each["came"]["low"])),
            high=written(_down(each["came"]["high"])),
            said=each["said"],
            came=each["came"],
            kept=each["came"]["low"] <= each["said"] <= each["came"]["high"],
        )
        for each in levels
    ]
    shares = [Decimal(step) / 5 for step in range(6)]
    return Reliability(
        promises,
        [Mark(written(_down(share)), share) for share in shares],
        [Mark(written(_across(share)), share, _anchor(share)) for share in shares],
    )


def _anchor(share: Decimal) -> str:
    return "end" if share == 1 else "start" if share == 0 else "middle"


def _across(share: float | Decimal) -> Decimal:
    return Decimal(str(share)) * EXTENT


def _down(share: float | Decimal) -> Decimal:
    return EXTENT - _across(share)


@dataclass(frozen=True, slots=True)
class Line:
    """A method's error by time to the end. `name` is the class it is drawn with."""

    name: str
    method: Method
    points: str
    dots: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Errors:
    """Errors by part, from the farthest to the nearest to the end; `floor` is the noise floor as a line."""

    lines: Sequence[Line]
    floor: str
    levels: Sequence[Mark]
    parts: Sequence[Mark]
    labels: Sequence[str]
    left_out: Sequence[Method]


def errors(parts: Sequence[Mapping[str, Any]]) -> Errors | None:
    """The geometry of WAPE by part, of parts with enough periods; None when there are fewer than two."""
    told = [part for part in parts if (ours := _wape(part, OURS)) is not None and ours >= 0]
    if len(told) < 2:
        return None
    worst = max(_wape(part, OURS) or 0.0 for part in told)
    shown: list[str] = [OURS]
    left_out: list[str] = []
    for name in LINES:
        found = [wape for part in told if (wape := _wape(part, name)) is not None]
        if len(found) > 1:
            (shown if max(found) <= HIGHEST * worst else left_out).append(name)
    floors = [part["noise_floor"] for part in told]
    amounts = [Decimal(str(each)) for part in told for name in shown if (each := _wape(part, name)) is not None]
    levels = axis([*amounts, *(Decimal(str(each)) for each in floors if each is not None)])
    step = EXTENT / (len(told) - 1)

    def drawn(values: Sequence[float | None]) -> list[tuple[str, str]]:
        return [
            (written(step * at), written(levels.down(Decimal(str(value)))))
            for at, value in enumerate(values)
            if value is not None
        ]

    def joined(points: Sequence[tuple[str, str]]) -> str:
        return " ".join(f"{x},{y}" for x, y in points)

    lines = []
    for name in shown:
        points = drawn([_wape(part, name) for part in told])
        lines.append(Line(name, method_of(name), joined(points), points if name == OURS else ()))
    return Errors(
        lines=lines,
        floor=joined(drawn(floors)),
        levels=[Mark(written(levels.down(tick)), tick) for tick in levels.ticks],
        parts=[
            Mark(
                written(step * at),
                Decimal(part["key"]),
                "start" if at == 0 else "end" if part is told[-1] else "middle",
            )
            for at, part in enumerate(told)
        ],
        labels=[part["label"] for part in told],
        left_out=[method_of(name) for name in left_out],
    )


def _wape(part: Mapping[str, Any], name: str) -> float | None:
    found = method_in(part, name)
    return found["wape"] if found else None


@dataclass(frozen=True, slots=True)
class Opponent:
    """A method beside ours on the locks at which it said something, and what is to be said of it."""

    found: Mapping[str, Any]
    method: Method
    verdict: str
    tone: str


VERDICTS = {
    "foretell": ("the projection is closer", "good"),
    "other": ("we lose", "bad"),
    "unclear": ("too close to call", ""),
    None: ("too early", "warn"),
}


def opponents(methods: Sequence[Mapping[str, Any]]) -> list[Opponent]:
    """All but ours, those that are closer first."""
    rank = {"other": 0, "unclear": 1, "foretell": 2, None: 3}
    rows = [each for each in methods if each["method"] != OURS]
    rows.sort(key=lambda each: (rank[each["closer"]], each["wape"] if each["wape"] is not None else 0.0))
    return [Opponent(each, method_of(each["method"]), *VERDICTS[each["closer"]]) for each in rows]


def method_in(judged: Mapping[str, Any], name: str = OURS) -> Mapping[str, Any] | None:
    """What a method, or the projection itself, was worth in a part; None where nothing of it was scored."""
    return next((each for each in judged["methods"] if each["method"] == name), None)
