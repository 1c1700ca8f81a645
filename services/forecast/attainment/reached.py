"""How far one node of a plan is reached: its target beside what it has done and what it will. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from services.forecast.attainment.schemas import PlanMonthOut, PlanReachedOut
from services.forecast.attainment.targets import attainment, less
from services.forecast.plans.content import Content
from services.forecast.plans.reading import cell_out
from services.forecast.plans.tree import Ints
from services.forecast.projection.landing import Landing

TIMES: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Node:
    """A node of a plan in one of its periods."""

    content: Content
    place: int
    span: int


@dataclass(frozen=True, slots=True)
class Stand:
    """What all nodes have done: in the period, then in each of its `months`.

    Of margin `bookings` are the bookings, and `costed` those of which the cost is known.
    """

    done: Ints
    months: Sequence[int]
    day: date
    bookings: Ints | None = None
    costed: Ints | None = None

    def closed(self, content: Content, place: int, at: int = 0) -> Decimal | None:
        """What a node has done; None for margin where it booked something and no cost of it is known."""
        if self.bookings is not None and self.costed is not None:
            is_unknown = self.bookings[place, at] and not self.costed[place, at]
            if is_unknown:
                return None
        return content.amount(self.done[place, at])


@dataclass(frozen=True, slots=True)
class Likely:
    """What a node will bring by the period's end: mean, P10, P90 and P(target).

    `from_open`, `from_new`: what is still to come of open deals and of those not created yet. `open`: what is open now.
    `landing`: the whole distribution.
    """

    mean: float
    low: float
    high: float
    chance: float | None
    from_open: float
    from_new: float
    open: float
    landing: Landing | None = None


def node_out(node: Node, stand: Stand, likely: Likely | None, conversion: Decimal | None) -> PlanReachedOut:
    """The node as it is told."""
    content, place = node.content, node.place
    of = content.tree.nodes[place]
    cell = cell_out(content, place, node.span)
    closed = stand.closed(content, place)
    gap = None if closed is None or cell.amount is None else cell.amount - closed
    to_date = wanted_to_date(node, stand)
    children = content.tree.children.get(place, ())
    elsewhere = None
    if closed is not None and children:
        elsewhere = content.amount(stand.done[place, 0] - stand.done[list(children), 0].sum())
    return PlanReachedOut(
        node_id=of.node_id,
        parent_id=of.parent_id,
        depth=int(content.tree.depth[place]),
        dimension=of.dimension,
        value=of.value,
        label=of.label,
        path=[content.tree.nodes[each].label for each in content.tree.path(place)],
        has_children=bool(children),
        target=cell.amount,
        state=cell.state,
        source=cell.source,
        unallocated=cell.unallocated,
        over_assigned=cell.over_assigned,
        closed=closed,
        closed_elsewhere=elsewhere,
        bookings=None if stand.bookings is None else content.amount(stand.bookings[place, 0]),
        bookings_costed=None if stand.costed is None else content.amount(stand.costed[place, 0]),
        attainment=None if closed is None else attainment(closed, cell.amount),
        gap=gap,
        target_to_date=to_date,
        pace=None if closed is None else less(closed, to_date),
        projection=_money(content, likely.mean if likely else None),
        low=_money(content, likely.low if likely else None),
        high=_money(content, likely.high if likely else None),
        chance=None if likely is None or likely.chance is None else round(likely.chance, 6),
        open=_money(content, likely.open if likely else None),
        **_needed(content, gap, likely, conversion),
        months=[_month(node, stand, month, at) for at, month in enumerate(stand.months, start=1)],
    )


def wanted_to_date(node: Node, stand: Stand) -> Decimal | None:
    """What of the target lies in the days that are over: spread as the months' numbers where all have one, else over the days."""
    content, place, grid = node.content, node.place, node.content.grid
    if not grid.known[place, node.span]:
        return None
    whole = Decimal(int(grid.amount[place, node.span]))
    by_months = all(grid.known[place, month] for month in stand.months) and any(
        grid.amount[place, month] for month in stand.months
    )
    spans = list(stand.months) if by_months else [node.span]
    over = Decimal()
    for span in spans:
        of = content.spans[span]
        days = (of.end - of.start).days
        over += Decimal(int(grid.amount[place, span])) * min(max((stand.day - of.start).days, 0), days) / days
    units = over
    if by_months:
        # The months need not make the whole: they say how it is spread.
        units = whole * over / sum(int(grid.amount[place, span]) for span in spans)
    return content.amount(int(units.to_integral_value(ROUND_HALF_UP)))


def _needed(
    content: Content, gap: Decimal | None, likely: Likely | None, conversion: Decimal | None
) -> dict[str, Decimal | None]:
    if gap is None or likely is None:
        return {"required_open": None, "creation": None}
    return needed(gap, Decimal(likely.from_open), Decimal(likely.from_new), conversion, content.places)


def needed(
    gap: Decimal, from_open: Decimal, from_new: Decimal, conversion: Decimal | None, places: int
) -> dict[str, Decimal | None]:
    """What open pipeline the gap needs, and how many times what is expected to be created.

    required_open = max(0, gap - what new deals bring) / conversion; creation = max(0, gap - what open deals bring) / what new
    deals bring.
    """
    required = creation = None
    if conversion is not None and conversion > 0:
        missing = max(Decimal(), gap - from_new)
        required = (missing / conversion).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    if from_new > 0:
        creation = (max(Decimal(), gap - from_open) / from_new).quantize(TIMES, ROUND_HALF_UP)
    return {"required_open": required, "creation": creation}


def _month(node: Node, stand: Stand, month: int, at: int) -> PlanMonthOut:
    content, place, span = node.content, node.place, node.content.spans[month]
    known = bool(content.grid.known[place, month])
    target = content.amount(content.grid.amount[place, month]) if known else None
    closed = stand.closed(content, place, at)
    return PlanMonthOut(
        period=span.key,
        target=target,
        closed=closed,
        variance=None if closed is None else less(closed, target),
        is_over=span.end <= stand.day,
    )


def _money(content: Content, amount: float | None) -> Decimal | None:
    if amount is None:
        return None
    return Decimal(repr(amount)).quantize(Decimal(1).scaleb(-content.places), ROUND_HALF_UP)
