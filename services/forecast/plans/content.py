"""What stands in a version of a plan: its tree, its periods and what was said. What can change no more is read once."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any, Final
from uuid import UUID
from weakref import WeakKeyDictionary

import numpy as np
from sqlalchemy import Pool
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import money
from libs.common.web.auth import Principal
from services.forecast.plans import repository
from services.forecast.plans.grid import Grid, Said, grid
from services.forecast.plans.spans import Span, of_document
from services.forecast.plans.tree import Node, Tree

COUNTS: Final = frozenset({"new_customers"})
"""Measures that are counted, not paid."""
_KEPT: Final = 64


@dataclass(frozen=True)
class Content:
    """A version in one measure. Amounts inside are whole numbers of 10^-`places`."""

    plan_id: UUID
    version: int
    measure: str
    currency: str | None
    places: int
    tree: Tree
    spans: Sequence[Span]
    said: Said

    @cached_property
    def grid(self) -> Grid:
        """What is wanted of every node in every period."""
        return grid(self.tree, self.spans, self.said)

    @cached_property
    def span_at(self) -> Mapping[str, int]:
        """Where each period stands, by its key."""
        return {span.key: at for at, span in enumerate(self.spans)}

    def units(self, amount: Decimal) -> int:
        """An amount in whole units."""
        return int(amount.scaleb(self.places))

    def amount(self, units: int) -> Decimal:
        """Whole units as an amount."""
        return scaled(units, self.places)


class Memory:
    """The contents of versions that can change no more, and of drafts by their sequence; the least used go first."""

    def __init__(self) -> None:
        self._held: OrderedDict[tuple[UUID, int, int, str], Content] = OrderedDict()

    def get(self, key: tuple[UUID, int, int, str]) -> Content | None:
        found = self._held.get(key)
        if found is not None:
            self._held.move_to_end(key)
        return found

    def put(self, key: tuple[UUID, int, int, str], content: Content) -> None:
        self._held[key] = content
        while len(self._held) > _KEPT:
            self._held.popitem(last=False)


def scaled(units: int, places: int) -> Decimal:
    """Whole units as an amount."""
    return Decimal(int(units)).scaleb(-places)


def places_of(measure: str, currency: str) -> int:
    """Decimals of a measure."""
    return 0 if measure in COUNTS else money.exponent(currency)


async def load(
    session: AsyncSession, plan: Mapping[str, Any], version: int, sequence: int, measure: str, *, principal: Principal
) -> Content:
    """A version as `sequence` left it; `plan` is its row, which the caller found within scope."""
    memory = _memory_of(session)
    key = (plan["plan_id"], version, sequence, measure)
    known = memory.get(key)
    if known is not None:
        return known
    nodes = await repository.nodes(session, plan["plan_id"], version, principal=principal)
    cells = await repository.cells(session, plan["plan_id"], version, measure, principal=principal)
    content = content_of(plan, version, measure, nodes, cells)
    memory.put(key, content)
    return content


def content_of(
    plan: Mapping[str, Any],
    version: int,
    measure: str,
    nodes: Iterable[Mapping[str, Any]],
    cells: Iterable[Mapping[str, Any]],
) -> Content:
    """What rows of nodes and of one measure's numbers say."""
    tree = Tree.of(
        Node(row["node_id"], row["parent_id"], row["dimension"], row["value"], row["label"], row["position"])
        for row in nodes
    )
    spans = [of_document(stored) for stored in plan["spans"]]
    places = places_of(measure, plan["currency"])
    return Content(
        plan_id=plan["plan_id"],
        version=version,
        measure=measure,
        currency=None if measure in COUNTS else plan["currency"],
        places=places,
        tree=tree,
        spans=spans,
        said=_said(tree, spans, cells, places),
    )


def _said(tree: Tree, spans: Sequence[Span], cells: Iterable[Mapping[str, Any]], places: int) -> Said:
    said = Said.nothing(len(tree), len(spans))
    at_span = {(span.start, span.end): at for at, span in enumerate(spans)}
    known = [
        (
            tree.place[row["node_id"]],
            at_span[row["period_start"], row["period_end"]],
            int(row["amount"].scaleb(places)),
            row["manual"],
        )
        for row in cells
        if row["node_id"] in tree.place and (row["period_start"], row["period_end"]) in at_span
    ]
    if known:
        node, span, amount, manual = (np.array(column) for column in zip(*known, strict=True))
        said.amount[node, span] = amount
        said.has[node, span] = True
        said.manual[node, span] = manual
    return said


_memories: WeakKeyDictionary[Pool, Memory] = WeakKeyDictionary()


def _memory_of(session: AsyncSession) -> Memory:
    """The memory of the database that a session reads, one for the whole process."""
    return _memories.setdefault(session.get_bind().pool, Memory())  # type: ignore[union-attr]
