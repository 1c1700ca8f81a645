"""Leads as they go out by HTTP."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal, Self
from uuid import UUID

from libs.common.web.schemas import Out
from services.leads.conversion.schemas import ChanceOut
from services.leads.register.models import LeadRow

Grade = Literal["A", "B", "C", "A1", "A2", "A3", "B1", "B2", "B3", "C1", "C2", "C3"]
Verdict = Literal["pending", "qualified", "rejected"]


class ReasonOut(Out):
    rule: str
    detail: str
    points: int


class LeadOut(Out):
    """A lead as it stands."""

    lead_id: UUID
    version: int
    connection: str | None
    external_id: str | None
    company: str | None
    person_id: UUID | None
    owner_id: UUID | None
    assigned_at: datetime | None
    assigned_by: str | None
    assigned_reason: str | None
    account_id: UUID | None
    source: str | None
    campaign: str | None
    first_source: str | None
    first_campaign: str | None
    last_source: str | None
    last_campaign: str | None
    region: str | None
    market: str | None
    segment: str | None
    product: str | None
    amount: Decimal | None
    currency: str | None
    employees: int | None
    industry: str | None
    role: str | None
    engagement_count: int | None
    last_activity_at: datetime | None
    grade: str | None
    fit: Literal["A", "B", "C"] | None
    engagement: Literal[1, 2, 3] | None
    reasons: list[ReasonOut]
    verdict: Verdict
    verdict_at: datetime | None
    verdict_by: str | None
    verdict_reason: str | None
    recycled_until: date | None
    converted_deal_id: UUID | None
    deleted: bool
    merged_into: UUID | None
    created_at: datetime | None
    valid_from: datetime

    @classmethod
    def of(cls, row: LeadRow) -> Self:
        """Raises ValueError for a placeholder, which has nothing to show."""
        return cls.model_validate(_fields(row))


class LeadReadOut(LeadOut):
    """A lead as it stands, with its chance to convert; null for a lead that waits no more."""

    conversion: ChanceOut | None

    @classmethod
    def read(cls, row: LeadRow, conversion: ChanceOut | None) -> Self:
        return cls.model_validate(_fields(row) | {"conversion": conversion})


def _fields(row: LeadRow) -> dict[str, Any]:
    if row.state is None:
        raise ValueError(f"lead {row.lead_id} is a placeholder")
    state = row.state
    return dict(state) | {
        "version": row.version,
        "grade": f"{state.fit}{state.engagement}" if state.fit and state.engagement else None,
        "connection": row.connection,
        "external_id": row.external_id,
        "merged_into": row.merged_into,
    }


class LeadPageOut(Out):
    """A page of leads, newest first; `next_cursor` is null on the last."""

    items: list[LeadReadOut]
    next_cursor: str | None
