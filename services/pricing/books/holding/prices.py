"""The newest statement by (day from which it holds, instant at which it was recorded) stands in its place of the book.

A place is product x kind x market x segment x currency. Of the places that fit, the closest answers: market and segment, market,
segment, neither. Where none does, a bundle costs what its parts do, and a product what the catalogue says.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

BookKind = Literal["list", "cost"]
Place = tuple[UUID, BookKind, str | None, str | None, str]


@dataclass(frozen=True, slots=True)
class PriceStatement:
    statement_id: UUID
    product_id: UUID
    kind: BookKind
    market: str | None
    segment: str | None
    currency: str
    amount: Decimal | None
    holds_from: date
    recorded_at: datetime

    @property
    def place(self) -> Place:
        return (self.product_id, self.kind, self.market, self.segment, self.currency)

    @property
    def order(self) -> tuple[date, datetime, UUID]:
        return (self.holds_from, self.recorded_at, self.statement_id)


@dataclass(frozen=True, slots=True)
class BundleStatement:
    statement_id: UUID
    product_id: UUID
    parts: tuple[tuple[UUID, Decimal], ...]
    holds_from: date
    recorded_at: datetime

    @property
    def order(self) -> tuple[date, datetime, UUID]:
        return (self.holds_from, self.recorded_at, self.statement_id)


@dataclass(frozen=True, slots=True)
class Held:
    """What holds on a day, by place; `own` are the catalogue's (list price, cost) in the currency that was asked for."""

    entries: Mapping[Place, PriceStatement]
    bundles: Mapping[UUID, BundleStatement]
    own: Mapping[UUID, tuple[Decimal | None, Decimal | None]] = field(default_factory=dict)

    def amount(
        self, product_id: UUID, kind: BookKind, *, market: str | None, segment: str | None, currency: str
    ) -> Decimal | None:
        """Of one unit. Unknown is None: a bundle with one unknown part is unknown."""
        return self._amount(product_id, kind, market, segment, currency, frozenset())

    def _amount(
        self,
        product_id: UUID,
        kind: BookKind,
        market: str | None,
        segment: str | None,
        currency: str,
        inside: frozenset[UUID],
    ) -> Decimal | None:
        for place in dict.fromkeys(((market, segment), (market, None), (None, segment), (None, None))):
            entry = self.entries.get((product_id, kind, *place, currency))
            if entry is not None and entry.amount is not None:
                return entry.amount
        own = self.own.get(product_id, (None, None))[0 if kind == "list" else 1]
        bundle = self.bundles.get(product_id)
        if own is not None or bundle is None or not bundle.parts or product_id in inside:
            return own
        parts = [
            (quantity, self._amount(part, kind, market, segment, currency, inside | {product_id}))
            for part, quantity in bundle.parts
        ]
        known = [quantity * amount for quantity, amount in parts if amount is not None]
        return sum(known, Decimal()) if len(known) == len(parts) else None


def held(
    entries: Iterable[PriceStatement],
    bundles: Iterable[BundleStatement] = (),
    *,
    on: date,
    known_at: datetime | None = None,
    own: Mapping[UUID, tuple[Decimal | None, Decimal | None]] | None = None,
) -> Held:
    """What holds on a day as it was known at an instant (None: now), in whatever order the statements come."""
    parts: dict[UUID, BundleStatement] = {}
    for each in bundles:
        if each.holds_from > on or (known_at is not None and each.recorded_at > known_at):
            continue
        if each.product_id not in parts or parts[each.product_id].order < each.order:
            parts[each.product_id] = each
    return Held(holding_entries(entries, on=on, known_at=known_at), parts, own or {})


def holding_entries(
    entries: Iterable[PriceStatement], *, on: date, known_at: datetime | None = None
) -> dict[Place, PriceStatement]:
    """The statement that stands in each place; one without an amount stands too, and says that nothing does."""
    found: dict[Place, PriceStatement] = {}
    for entry in entries:
        if entry.holds_from > on or (known_at is not None and entry.recorded_at > known_at):
            continue
        if entry.place not in found or found[entry.place].order < entry.order:
            found[entry.place] = entry
    return found
