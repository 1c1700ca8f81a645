"""Quotes, their lines, and deals as far as quotes need them."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

QuoteStatus = Literal["draft", "accepted", "withdrawn"]


@dataclass(frozen=True, slots=True)
class DealReference:
    """A deal as its newest event has it. Version 0: a placeholder, its first event has not come yet."""

    deal_id: UUID
    version: int
    valid_from: datetime | None
    name: str
    state: Literal["open", "won", "lost"]
    owner_id: UUID | None
    absorbed_into: UUID | None
    removed: bool
    market: str | None
    segment: str | None


@dataclass(frozen=True, slots=True)
class WantedLine:
    """A line as asked for; without `unit_price` the catalogue's list price is taken."""

    product_id: UUID
    quantity: Decimal
    unit_price: Decimal | None
    discount: Decimal


@dataclass(frozen=True, slots=True)
class QuoteLine:
    position: int
    product_id: UUID
    quantity: Decimal
    list_price: Decimal | None
    unit_price: Decimal
    discount: Decimal
    net_amount: Decimal


@dataclass(frozen=True, slots=True)
class Quote:
    """A quote without its lines; lines never change."""

    quote_id: UUID
    version: int
    deal_id: UUID
    status: QuoteStatus
    currency: str
    list_amount: Decimal | None
    net_amount: Decimal
    valid_from: datetime
    created_at: datetime
    created_by: str
    request_digest: str
