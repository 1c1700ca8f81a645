"""Roll-up cells: how a deal spreads over them, and the difference that a change of deals makes. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

TOTAL = "total"
DIMENSIONS = ("region", "market", "product", "segment")
"""Properties of the deal itself. Owner, team and region units come from the owner, who is part of every key."""

NOBODY = UUID(int=0)
"""Stands for "no owner" in keys, which cannot be null."""


class Key(NamedTuple):
    """What names a cell. `slot` spreads the writers: a deal stays in the slot it came in, readers add the slots."""

    dim: str
    month: date
    line: str
    dim_value: str
    owner_id: UUID
    deal_type: str
    value_basis: str
    slot: int


@dataclass(slots=True)
class Measures:
    """What a cell holds. `unpriced`: deals without amount or rate; `unweighted`: open ones that cannot be weighted."""

    deal_count: int = 0
    amount: Decimal = Decimal()
    weighted: Decimal = Decimal()
    unpriced: int = 0
    unweighted: int = 0

    def add(self, other: "Measures", sign: int) -> None:
        self.deal_count += sign * other.deal_count
        self.amount += sign * other.amount
        self.weighted += sign * other.weighted
        self.unpriced += sign * other.unpriced
        self.unweighted += sign * other.unweighted

    @property
    def is_zero(self) -> bool:
        return not (self.deal_count or self.amount or self.weighted or self.unpriced or self.unweighted)


def spread(row: Mapping[str, Any]) -> Iterator[tuple[Key, Measures]]:
    """The cells that one row of `deal_current` stands in; none when it has no line, or when others share in it."""
    if row["line"] is None or row.get("is_split", False):
        return
    amount, weighted = row["amount_base"], row["weighted_base"]
    measures = Measures(1, amount or Decimal(), weighted or Decimal(), int(amount is None), int(weighted is None))
    for dim in (TOTAL, *DIMENSIONS):
        value = "" if dim == TOTAL else row[dim] or ""
        yield (
            Key(
                dim,
                row["month"],
                row["line"],
                value,
                row["owner_id"] or NOBODY,
                row["deal_type"],
                row["value_basis"],
                row["slot"],
            ),
            measures,
        )


def difference(old: Iterable[Mapping[str, Any]], new: Iterable[Mapping[str, Any]]) -> dict[Key, Measures]:
    """What must be added to the cells when the rows `old` become the rows `new`; without zeros."""
    moved: dict[Key, Measures] = {}
    for rows, sign in ((old, -1), (new, 1)):
        for row in rows:
            for key, measures in spread(row):
                moved.setdefault(key, Measures()).add(measures, sign)
    return {key: measures for key, measures in moved.items() if not measures.is_zero}
