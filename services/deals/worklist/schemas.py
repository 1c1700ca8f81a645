"""Deals to work on, as they go out; saved views as they come in."""

from datetime import date, datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from pydantic import Field

from libs.common.events.crm import Category, EditedField, State
from libs.common.web.schemas import In, Out
from services.deals.edits.schemas import EditOut

Sort = Literal["close_date", "-amount", "name", "stage_entered"]
Check = Literal[
    "no_next_step", "overdue", "no_close_date", "no_amount", "no_owner", "no_account", "no_contact", "unmapped_type"
]


class WorkDeal(Out):
    """A deal with what is under way or refused of it (`edits`, by field) and what of it can be edited here."""

    deal_id: UUID
    version: int
    name: str
    connection: str | None
    external_id: str | None
    account_id: UUID | None
    state: State
    pipeline: str
    stage: str
    stage_entered_at: datetime
    category: Category | None
    amount: Decimal | None
    currency: str | None
    close_date: date | None
    is_overdue: bool
    pushes: int
    next_step: str | None
    next_step_known: bool
    owner_id: UUID | None
    owner_share: Decimal | None = Field(
        description="what of the amount is credited to the owner; null: no split was said"
    )
    provisional: bool
    checks: list[Check]
    editable: list[EditedField]
    stages: list[str] = Field(description="the stages into which it can be moved from here")
    edits: dict[str, EditOut]


class Money(Out):
    currency: str
    amount: Decimal


class WorkPage(Out):
    """Deals that the filters leave. `today` is the business date by which `is_overdue` is meant."""

    as_of: datetime
    today: date
    items: list[WorkDeal]
    next_cursor: str | None


class OwnerCheck(Out):
    """What lacks in the open deals of one owner. `amounts` by currency; deals without an amount are in none of them."""

    owner_id: UUID | None
    check: Check
    deals: int
    unpriced: int
    amounts: list[Money]


class QualityOut(Out):
    """What lacks in open deals, by owner and kind, the most deals first. `unknown`: checks that nothing is told about."""

    as_of: datetime
    today: date
    open_deals: int
    items: list[OwnerCheck]
    unknown: list[Check]


class BoardStage(Out):
    """The open deals of one stage of a pipeline: how many, how much, and those closing first."""

    pipeline: str
    stage: str
    deals: int
    unpriced: int
    amounts: list[Money]
    first: list[WorkDeal]


class BoardOut(Out):
    as_of: datetime
    today: date
    stages: list[BoardStage]


class ViewIn(In):
    """A view to keep: the filters as they stand in the address of a list."""

    name: str = Field(min_length=1, max_length=80)
    query: str = Field(max_length=1000)
    shared: bool = False


class ViewOut(Out):
    """A kept view. It holds filters, never deals: whoever opens it sees their own scope."""

    view_id: UUID
    name: str
    query: str
    shared: bool
    is_mine: bool
    created_at: datetime


class ViewsOut(Out):
    items: list[ViewOut]
