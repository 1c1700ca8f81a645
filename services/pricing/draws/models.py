"""Scopes in which prices are drawn, and the prices that were drawn."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID


@dataclass(frozen=True, slots=True)
class DrawScope:
    """A product, in a market and segment (None: any), with the band and the prices that are drawn for as long as it is open."""

    scope_id: UUID
    product_id: UUID
    market: str | None
    segment: str | None
    floor: Decimal
    target: Decimal
    stretch: Decimal
    band_version: int
    width: Decimal
    ratios: tuple[Decimal, ...]
    secret: bytes
    note: str
    opened_by: str
    opened_at: datetime
    ended_by: str | None = None
    ended_at: datetime | None = None

    def fits(self, market: str | None, segment: str | None) -> bool:
        return self.market in (None, market) and self.segment in (None, segment)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A price as it was drawn for a deal; it was kept before anybody saw it."""

    scope_id: UUID
    deal_id: UUID
    ratio: Decimal
    probability: Decimal
    drawn_by: str
    drawn_at: datetime


@dataclass(frozen=True, slots=True)
class Outcome:
    """A closed deal with its price as a share of list: the one that was drawn, or one that somebody chose."""

    deal_id: UUID
    ratio: float
    is_won: bool
    is_drawn: bool
