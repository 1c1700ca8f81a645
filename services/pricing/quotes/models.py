"""Quotes, their lines, and deals as far as quotes need them."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from services.pricing.quotes.arithmetic import Deduction

QuoteStatus = Literal["draft", "submitted", "approved", "rejected", "accepted", "withdrawn", "expired"]


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
    amount: Decimal | None = None
    currency: str | None = None
    account_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class WantedLine:
    """A line as asked for; without `unit_price` the catalogue's list price is taken. `promotions` are taken after all else."""

    product_id: UUID
    quantity: Decimal
    unit_price: Decimal | None
    discount: Decimal
    deductions: tuple[Deduction, ...] = ()
    promotions: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class Terms:
    """What a quote says besides its lines; unknown is None, and a quote without an end is valid until it is withdrawn."""

    valid_until: date | None = None
    payment_days: int | None = None
    term_months: int | None = None


@dataclass(frozen=True, slots=True)
class QuoteLine:
    """`discount` is what all discounts on the invoice come to; list price and cost are of the quote's day."""

    position: int
    product_id: UUID
    quantity: Decimal
    list_price: Decimal | None
    unit_price: Decimal
    discount: Decimal
    net_amount: Decimal
    cost: Decimal | None = None
    deductions: tuple[Deduction, ...] = ()


@dataclass(frozen=True, slots=True)
class Quote:
    """A quote as it stands, without its lines. `version` counts every change, `revision` what was offered: a revision never changes.

    `content_hash` is of everything that an approver sees of a revision; `net_amount` is the invoice amount.
    """

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
    revision: int
    revised_at: datetime
    revised_by: str
    pocket_amount: Decimal | None
    cost_amount: Decimal | None
    valid_until: date | None
    payment_days: int | None
    term_months: int | None
    content_hash: str

    @property
    def terms(self) -> Terms:
        return Terms(self.valid_until, self.payment_days, self.term_months)


@dataclass(frozen=True, slots=True)
class Revision:
    """What was offered at one time, for the history of a quote."""

    revision: int
    currency: str
    list_amount: Decimal | None
    net_amount: Decimal
    pocket_amount: Decimal | None
    cost_amount: Decimal | None
    valid_until: date | None
    payment_days: int | None
    term_months: int | None
    content_hash: str
    revised_by: str
    revised_at: datetime


@dataclass(frozen=True, slots=True)
class StateEntry:
    """Who brought a quote into a state, and when."""

    version: int
    status: QuoteStatus
    valid_from: datetime
    actor: str | None
    recorded_at: datetime
