"""The picture of a period: what is closed day by day, and from today on the band into which it will come. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from gateway.pages.axis import EXTENT, Mark, axis, placed, written

LATEST = Decimal(950)
"""A month that begins later has no room for its name."""


@dataclass(frozen=True, slots=True)
class Day:
    """A day of the period as it is told: closed by its end, or P10, P50 and P90 of what will be."""

    day: date
    closed: Decimal | None
    low: Decimal | None
    middle: Decimal | None
    high: Decimal | None

    @property
    def amounts(self) -> list[Decimal]:
        """All that is told of the day."""
        return [amount for amount in (self.closed, self.low, self.middle, self.high) if amount is not None]


@dataclass(frozen=True, slots=True)
class Fan:
    """Points of lines and of the band between P10 and P90, with the marks beside them. Empty texts where nothing is drawn."""

    closed: str
    band: str
    middle: str
    levels: Sequence[Mark]
    dates: Sequence[Mark]
    today: Mark | None
    target: Mark | None
    days: Sequence[Day]


def fan(points: Iterable[Mapping[str, Any]], *, start: date, end: date, target: Decimal | None = None) -> Fan | None:
    """The geometry of a reading's fan from the period's first day to its last; None where it tells of no day.

    A point stands for the evening of its day; before the first day nothing is closed. The band opens at what is closed.
    """
    days = [_day(each) for each in points]
    if not days:
        return None
    levels = axis([amount for each in days for amount in each.amounts] + ([] if target is None else [target]))
    length = Decimal((end - start).days + 1)

    def across(day: date) -> Decimal:
        return Decimal((day - start).days + 1) * EXTENT / length

    def line(places: Iterable[tuple[Decimal, Decimal]]) -> str:
        return " ".join(f"{written(x)},{written(levels.down(amount))}" for x, amount in places)

    known = [(Decimal(), Decimal()), *((across(each.day), each.closed) for each in days if each.closed is not None)]
    coming = [each for each in days if each.low is not None]
    lower, middle, upper = (
        [known[-1], *((across(each.day), amount) for each in coming if (amount := getattr(each, name)) is not None)]
        for name in ("low", "middle", "high")
    )
    last = max((each.day for each in days if each.closed is not None), default=None)
    return Fan(
        closed=line(known) if len(known) > 1 else "",
        band=line([*upper, *reversed(lower)]) if coming else "",
        middle=line(middle) if coming else "",
        levels=[Mark(written(levels.down(tick)), tick) for tick in levels.ticks],
        dates=[
            Mark(written(at), day) for day in _firsts(start, end) if (at := across(day - timedelta(days=1))) <= LATEST
        ],
        today=placed(across(last), last) if last is not None and coming else None,
        target=None if target is None else Mark(written(levels.down(target)), target),
        days=days,
    )


def _day(point: Mapping[str, Any]) -> Day:
    amounts = (None if point[name] is None else Decimal(point[name]) for name in ("closed", "low", "middle", "high"))
    return Day(date.fromisoformat(point["day"]), *amounts)


def _firsts(start: date, end: date) -> list[date]:
    """The first of every month that begins in the period."""
    days = (start + timedelta(days=number) for number in range((end - start).days + 1))
    return [day for day in days if day.day == 1]
