"""Closed and commit, corrected by how much of each person's commit came in before. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

WORTH: Final = 2
"""So many of the company's usual periods stand beside a person's own."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Over so many closed periods, at the same lead time: what was in commit, and what of the period was won afterwards."""

    periods: int
    said: Decimal
    came: Decimal


def corrected(rows: Sequence[Mapping[str, Any]], past: Mapping[UUID, Kept]) -> dict[UUID, Decimal | None]:
    """By node: closed, and commit times the share of it that came before. None while nobody's commit has been judged.

    A person's share is held to everybody's by two periods' worth. A unit is the sum of the people below it.
    """
    said, came = (sum((getattr(kept, name) for kept in past.values()), Decimal()) for name in ("said", "came"))
    periods = sum(kept.periods for kept in past.values())
    if said <= 0 or not periods:
        return {row["node_id"]: None for row in rows}
    usual, everybody = WORTH * said / periods, came / said
    sums: dict[UUID, Decimal] = {row["node_id"]: Decimal() for row in rows}
    parents = {row["node_id"]: row["parent_id"] for row in rows}
    for row in rows:
        if row["node_kind"] != "person":
            continue
        own = past.get(row["node_id"], Kept(0, Decimal(), Decimal()))
        share = (own.came + usual * everybody) / (own.said + usual)
        number = row["closed_won"] + (row["crm"] - row["closed_won"]) * share
        at: UUID | None = row["node_id"]
        seen: set[UUID] = set()
        while at is not None and at in sums and at not in seen:
            seen.add(at)
            sums[at] += number
            at = parents[at]
    return {node: round(number, 2) for node, number in sums.items()}
