"""What an entry of a deal's timeline says about the deal: everything but version, times of recording and cause."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from libs.common.events.crm import Category, DealType, State, ValueBasis
from libs.common.events.deals import Gate


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Two entries with equal content are one entry. The fields are those of `DealState`.

    Those with a value from the start came later: what was kept before they did knows nothing of them.
    """

    connection: str | None
    external_id: str | None
    name: str
    state: State
    pipeline: str
    stage: str
    stage_entered_at: datetime
    stage_probability: Decimal | None
    category: Category | None
    category_by_person: bool
    gate: Gate
    amount: Decimal | None
    currency: str | None
    amount_from: Literal["crm", "quote", "lead"]
    quote_id: UUID | None
    close_date: date | None
    close_date_provisional: bool
    closed_on: date | None
    created_at: datetime
    owner_id: UUID | None
    account_id: UUID | None
    lead_id: UUID | None
    region: str | None
    market: str | None
    segment: str | None
    product: str | None
    source: str | None
    deal_type: DealType
    value_basis: ValueBasis
    term_months: int | None
    loss_reason: str | None
    next_step: str | None = None
    next_step_known: bool = False
    last_activity_at: datetime | None = None
    activity_known: bool = False
    economic_buyer_until: datetime | None = None
    threads_until: tuple[datetime, ...] | None = None
    pushes: int
    provisional: bool
    absorbed_into: UUID | None
    removed: bool
