"""Comparisons as they are read."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from gateway.reconciliation.standing import Kind
from libs.common.web.schemas import Out


class AmountOut(Out):
    """Amounts of one currency without their signs. `share`: what is equal, of the larger side; null where neither has any."""

    currency: str
    crm: Decimal
    ours: Decimal
    equal: Decimal
    share: float | None


class ComparisonOut(Out):
    """A comparison of a connection's live deals with its CRM's.

    `compared`: both sides are known. `refused`: the CRM did not answer, `not_asked`: it cannot be asked, `reason` says why; then
    nothing is known of its side, and `share` is null. `share`: the smallest of the shares of count and amounts.
    `under_way`: deals whose change is still on its way, in none of the other numbers. `delivery_ids` signal what is fetched back.
    """

    comparison_id: UUID
    connection: str
    begun_at: datetime
    ended_at: datetime
    outcome: Literal["compared", "refused", "not_asked"]
    reason: str | None
    share: float | None
    count_share: float | None
    crm_count: int
    our_count: int
    equal_count: int
    amounts: list[AmountOut]
    listed: int
    under_way: int
    missing: int
    different: int
    ours_only: int
    unreadable: int
    delivery_ids: list[UUID]


class CellOut(Out):
    """A pipeline, stage and close month in which the two sides differ; empty names: deals that cannot be understood."""

    pipeline: str
    stage: str
    close_month: date | None
    crm_count: int
    our_count: int
    equal_count: int
    amounts: list[AmountOut]


class RecordOut(Out):
    """A deal that differs, by both sides as the mapping understands them. `is_fetched`: it was asked back."""

    external_id: str
    entity_id: UUID | None
    kind: Kind
    fields: list[str]
    note: str | None
    theirs: dict[str, Any] | None
    ours: dict[str, Any] | None
    is_fetched: bool


class ComparisonDetail(ComparisonOut):
    cells: list[CellOut]
    records: list[RecordOut]
    """At most 1000; the counts are of all."""


class ComparisonPage(Out):
    items: list[ComparisonOut]
    next_cursor: str | None


class ComparisonWished(Out):
    """The comparison begins within seconds, unless one that began later is done already."""

    connection: str
    wished_at: datetime
