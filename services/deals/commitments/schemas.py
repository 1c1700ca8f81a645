"""Commitments as they come in and go out."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field, model_validator

from libs.common.web.schemas import In, Out
from services.deals.commitments.standing import Kind, State

Side = Literal["ours", "theirs"]
Words = Annotated[str, Field(min_length=1, max_length=1000)]


class CommitmentIn(In):
    """A promise to be kept by the end of `due`, of a deal or an account. Words about the case; no person data belongs here.

    `owner_id`: who keeps it: somebody of ours, or a contact of theirs.
    """

    deal_id: UUID | None = None
    account_id: UUID | None = None
    promise: Words
    side: Side = "ours"
    owner_id: UUID
    due: date
    at: AwareDatetime | None = None

    @model_validator(mode="after")
    def _names_something(self) -> "CommitmentIn":
        if (self.deal_id is None) == (self.account_id is None):
            raise ValueError("name a deal_id or an account_id, one of them")
        return self


class EntryIn(In):
    """What became of a promise. `moved` needs `due`, `evidenced` a `note`: what there is to show, a link or a document's name."""

    kind: Literal["moved", "evidenced", "kept", "broken", "withdrawn"]
    due: date | None = None
    note: Words | None = None
    at: AwareDatetime | None = None

    @model_validator(mode="after")
    def _says_enough(self) -> "EntryIn":
        if (self.kind == "moved") != (self.due is not None):
            raise ValueError("due: belongs to moved, and moved needs it")
        if self.kind == "evidenced" and self.note is None:
            raise ValueError("note: say what there is to show")
        return self


class EntryOut(Out):
    entry_id: UUID
    kind: Kind
    at: datetime
    due: date | None
    note: str | None
    author: str
    recorded_at: datetime


class CommitmentOut(Out):
    """A promise as it stands. `on_time`: kept by `first_due`; null while it is open or when it was withdrawn."""

    commitment_id: UUID
    deal_id: UUID | None
    account_id: UUID | None
    promise: str
    side: Side
    owner_id: UUID
    due: date
    first_due: date
    moves: int
    state: State
    kept_on: date | None
    on_time: bool | None
    entries: list[EntryOut]


class CommitmentsOut(Out):
    """Open and overdue ones first, by due day. `on_time_rate` over `ended`, those kept, broken or overdue, of our side; null without any."""

    as_of: datetime
    known_at: datetime
    items: list[CommitmentOut]
    ended: int
    kept_on_time: int
    on_time_rate: Decimal | None
