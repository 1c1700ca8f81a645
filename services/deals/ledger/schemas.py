"""Deals as they go out."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from libs.common.events.base import REHEARSED_AT_ONCE
from libs.common.events.crm import Category, CrmDealChanged, DealType, State, ValueBasis
from libs.common.events.deals import DealChanged, Gate
from libs.common.web.schemas import In, Out


class DealFacts(Out):
    """What one entry of a timeline says."""

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
    next_step: str | None = Field(description="null: none where next_step_known, else unknown")
    next_step_known: bool
    last_activity_at: datetime | None = Field(description="null: never where activity_known, else unknown")
    activity_known: bool
    economic_buyer_until: datetime | None = Field(
        description="until when what is known of an economic buyer is fresh; null: nothing is"
    )
    threads_until: tuple[datetime, ...] | None = Field(
        description="until when each thread lives, the longest first: there are as many as end at an instant or later; null: no touchpoint was ever told"
    )
    pushes: int
    provisional: bool
    absorbed_into: UUID | None
    removed: bool


class DealOut(DealFacts):
    """A deal as it stands. `version` rises with every entry appended to its timeline."""

    deal_id: UUID
    version: int
    valid_from: datetime
    recorded_at: datetime


class DealPage(Out):
    items: list[DealOut]
    next_cursor: str | None


class TimelineEntry(Out):
    """One version. Newest at an instant is the greatest `(valid_from, version)` not after it.

    `unobserved_since`: what held from there until `valid_from` is unknown, as the CRM was asked too late to see it.
    `changed_by`: who made the change in the CRM, by its key of users, if it tells.
    """

    version: int
    valid_from: datetime
    recorded_at: datetime
    source_recorded_at: datetime | None
    reconstructed: bool
    unobserved_since: datetime | None
    changed_by: UUID | None
    event: str
    cause: dict[str, Any]
    delivery_received_at: datetime | None
    deal: DealFacts


class TimelineOut(Out):
    deal_id: UUID
    entries: list[TimelineEntry]


class GateIn(In):
    """Why a held-back deal is let into the forecast, or no longer is."""

    reason: str = Field(min_length=3, max_length=1000)


class GateDecisionOut(Out):
    """Somebody overrode the gate, or withdrew that. `decision_id` is the cause of the entries that followed."""

    decision_id: UUID
    at: datetime
    overrides: bool
    reason: str
    actor: str


class GateOut(Out):
    """A deal's gate and all decisions of people about it, oldest first."""

    deal_id: UUID
    gate: Gate
    decisions: list[GateDecisionOut]


class RehearsalIn(In):
    """CRM records as the gateway would publish them."""

    records: list[CrmDealChanged] = Field(min_length=1, max_length=REHEARSED_AT_ONCE)


class RehearsalOut(Out):
    """Entries of deals' timelines as they would be told; versions continue those that there are."""

    entries: list[DealChanged]
