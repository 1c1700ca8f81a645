"""Edits of deals as they come in and go out."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from libs.common.events.crm import EditedField
from libs.common.web.schemas import In, Out
from services.deals.edits.standing import State

MOST_AT_ONCE = 1000


class EditIn(In):
    """A value that somebody wants in a field. Empty or null clears it where it may be empty.

    `seen`: the value that the author had before them. Where the deal has another by now, nothing is changed and both are told.
    """

    field: EditedField
    value: str | None = Field(default=None, max_length=2000)
    seen: str | None = Field(default=None, max_length=2000)
    checks_seen: bool = Field(default=False, description="whether `seen` is told; without, the newest value is changed")


class EditOut(Out):
    """An edit and what became of it. Until it is confirmed every number counts the CRM's value."""

    edit_id: UUID
    deal_id: UUID
    field: EditedField
    wanted: str | None
    seen: str | None
    state: State
    crm_value: str | None = Field(description="what the CRM holds instead, where it is a conflict")
    reason: str | None
    author: str
    wanted_at: datetime
    settled_at: datetime | None
    acknowledged_at: datetime | None = Field(description="when somebody put a refusal or conflict aside")


class EditsOut(Out):
    """The edits of a deal, the newest first."""

    items: list[EditOut]


class BulkRow(In):
    """One deal of a bulk edit, with what is wanted of it."""

    deal_id: UUID
    edits: list[EditIn] = Field(min_length=1, max_length=6)


class BulkIn(In):
    """Edits of up to 1000 deals; what cannot be taken of one leaves the others as they are."""

    rows: list[BulkRow] = Field(min_length=1, max_length=MOST_AT_ONCE)


class BulkResult(Out):
    """What came of one edit of a bulk: `row` counts from 1 as sent."""

    row: int
    deal_id: UUID
    name: str | None
    field: EditedField
    outcome: Literal["pending", "unchanged", "refused"]
    edit_id: UUID | None
    reason: str | None


class BulkOut(Out):
    """The report of a bulk edit: one line per row and field, in the order in which they were sent."""

    pending: int
    unchanged: int
    refused: int
    results: list[BulkResult]


class WriteBackOut(Out):
    """What a connection takes back from here."""

    connection: str
    fields: list[EditedField]
    stages: list["StageOut"]


class StageOut(Out):
    pipeline: str | None
    stage: str


class WriteBacksOut(Out):
    items: list[WriteBackOut]
