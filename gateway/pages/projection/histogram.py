"""The picture of where a period may land: a bar per bin, the projection, and a target with all that reaches it. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Any

from gateway.pages.axis import EXTENT, Axis, Mark, axis, placed, written


@dataclass(frozen=True, slots=True)
class Bin:
    """The probability `share` that the landing lies in [low, high)."""

    low: Decimal
    high: Decimal
    share: Decimal


@dataclass(frozen=True, slots=True)
class Bar:
    """A bin, or the part of it on one side of the target. `reaches`: the target is reached in it, or there is none."""

    x: str
    width: str
    y: str
    height: str
    reaches: bool


@dataclass(frozen=True, slots=True)
class Histogram:
    """Bars over an axis of amounts. A target beyond the bins is not drawn; `beyond` then says on which side it lies."""

    bars: Sequence[Bar]
    ticks: Sequence[Mark]
    projection: Mark
    target: Mark | None
    beyond: str
    bins: Sequence[Bin]


def histogram(
    bins: Iterable[Mapping[str, Any]], *, projection: Decimal, target: Decimal | None = None
) -> Histogram | None:
    """The geometry of a reading's histogram; None when there is nothing to be drawn, as the landing is certain."""
    known = [Bin(Decimal(each["low"]), Decimal(each["high"]), Decimal(str(each["share"]))) for each in bins]
    highest = max((each.share / (each.high - each.low) for each in known if each.high > each.low), default=Decimal())
    if not highest:
        return None
    along = axis([edge for each in known for edge in (each.low, each.high)], with_zero=False, snug=True)
    is_shown = target is not None and along.has(target)
    return Histogram(
        bars=[bar for each in known for bar in _bars(each, along, highest, target)],
        ticks=[placed(along.across(tick), tick) for tick in along.ticks],
        projection=placed(along.across(projection), projection),
        target=placed(along.across(target), target) if target is not None and is_shown else None,
        beyond="" if target is None or is_shown else "above" if target > along.high else "below",
        bins=known,
    )


def _bars(each: Bin, along: Axis, highest: Decimal, target: Decimal | None) -> Iterator[Bar]:
    """Heights are shares per width, so that areas tell the probability whatever the widths of the bins."""
    if each.high <= each.low:
        return
    height = each.share / (each.high - each.low) * EXTENT / highest
    cuts = [each.low, each.high]
    if target is not None and each.low < target < each.high:
        cuts.insert(1, target)
    for low, high in pairwise(cuts):
        x, width = along.across(low), along.across(high) - along.across(low)
        reaches = target is None or low >= target
        yield Bar(written(x), written(width), written(EXTENT - height), written(height), reaches)
