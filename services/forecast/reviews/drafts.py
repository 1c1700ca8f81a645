"""The draft that an adjustment begins: the numbers that an option says, and their periods in proportion. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from services.forecast.plans.content import Content
from services.forecast.plans.spans import parts_of
from services.forecast.reviews.options import scaled


def cells(content: Content, said: Mapping[UUID, int]) -> list[dict[str, Any]]:
    """Rows for the whole period of every node that has another number, and for the periods within it that had one."""
    rows = []
    for node, units in said.items():
        place = content.tree.place[node]
        for span, amount in _periods(content, place, 0, units):
            of = content.spans[span]
            rows.append(
                {
                    "node_id": node,
                    "measure": content.measure,
                    "period_start": of.start,
                    "period_end": of.end,
                    "amount": content.amount(amount),
                    "manual": span == 0 or bool(content.said.manual[place, span]),
                }
            )
    return rows


def _periods(content: Content, place: int, span: int, units: int) -> Iterator[tuple[int, int]]:
    """A period's number and those of the periods within it, as they were shared before."""
    yield span, units
    grid = content.grid
    within = parts_of(content.spans, span)
    # A number that is the sum of those below the node is not said of the period: nothing is written in its place.
    given = [part for part in within if grid.source[place, part] in (1, 2)]
    before = int(grid.amount[place, span])
    if not given or before <= 0:
        return
    shares = scaled([int(grid.amount[place, part]) for part in given], before, units)
    for part, amount in zip(given, shares, strict=True):
        yield from _periods(content, place, part, amount)
