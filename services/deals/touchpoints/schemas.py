"""Touchpoints and relationships as they come in and go out."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field, model_validator

from libs.common.web.schemas import In, Out
from services.deals.relationship import Direction, Seniority

Kind = Literal["call", "mail", "meeting"]
People = Annotated[tuple[UUID, ...], Field(max_length=50)]


class TouchpointIn(In):
    """Who of ours spoke with which contacts, when and how. It names a deal or an account; `direction` says who spoke."""

    at: AwareDatetime
    kind: Kind
    direction: Direction = "both"
    deal_id: UUID | None = None
    account_id: UUID | None = None
    contacts: People = ()
    ours: People = ()

    @model_validator(mode="after")
    def _names_something(self) -> "TouchpointIn":
        if (self.deal_id is None) == (self.account_id is None):
            raise ValueError("name a deal_id or an account_id, one of them")
        return self


class TouchpointOut(Out):
    """A touchpoint as last stated."""

    touchpoint_id: UUID
    stated_at: datetime
    at: datetime
    kind: Kind
    direction: Direction
    deal_id: UUID | None
    account_id: UUID | None
    contacts: tuple[UUID, ...]
    ours: tuple[UUID, ...]
    withdrawn: bool


class TouchpointsOut(Out):
    """The newest first; at most `limit` of them."""

    as_of: datetime
    known_at: datetime
    items: list[TouchpointOut]


class RelationshipOut(Out):
    """How close we are at `as_of`. All but `as_of` and `known_at` is null while nobody in the company tells touchpoints.

    A thread is a contact touched both ways within 90 days. `silent`: no touch for 30 days. `touches`: within 90 days.
    """

    as_of: datetime
    known_at: datetime
    last_touch_at: datetime | None
    silent: bool | None
    two_way: bool | None
    threads: list[UUID] | None
    thread_count: int | None
    single_threaded: bool | None
    seniority: Seniority | None
    touches: int | None


class RefusedLine(Out):
    """A line of a file that was not taken, and why."""

    line: int
    column: str
    reason: str


class TouchpointImportOut(Out):
    """`accepted`: new or changed; `known`: said the same before."""

    rows: int
    accepted: int
    known: int
    refused: list[RefusedLine]
