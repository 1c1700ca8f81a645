"""The picture of a period: what is closed day by day, and from today on the band into which it will come. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from gateway.pages.axis import EXTENT, Mark, axis, placed, written

MOST_DATES = 12
"""Firsts of months are told while they are so few; of a longer span every other is."""


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
        dates=[placed(across(day - timedelta(days=1)), day) for day in _firsts(start, end)],
        today=placed(across(last), last) if last is not None and coming else None,
        target=None if target is None else Mark(written(levels.down(target)), target),
        days=days,
    )


def _day(point: Mapping[str, Any]) -> Day:
    amounts = (None if point[name] is None else Decimal(point[name]) for name in ("closed", "low", "middle", "high"))
    return Day(date.fromisoformat(point["day"]), *amounts)


def _firsts(first: date, last: date) -> list[date]:
    """The first day, and the first of every later month."""
    days = (first + timedelta(days=number) for number in range((last - first).days + 1))
    firsts = [day for day in days if day == first or day.day == 1]
    return firsts if len(firsts) <= MOST_DATES else firsts[::2]
