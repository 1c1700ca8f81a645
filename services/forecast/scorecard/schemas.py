"""Scorecards as they are asked for, signed and questioned."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from libs.common.web.schemas import In, Out

Standing = Literal["open", "closing", "closed"]


class SignIn(In):
    """What is said with the signature. Which document is signed says If-Match: the digest of what was read."""

    comment: Annotated[str, Field(max_length=2000)] = ""


class SignatureOut(Out):
    """Who signed which contents when. `digest` proves the document and, by `previous_digest`, all signed before it."""

    position: int
    period: str
    version: int
    contents_digest: str
    previous_digest: str
    digest: str
    signed_by: str
    signed_at: datetime
    comment: str
    unmatched: Decimal | None


class NoteOut(Out):
    """A question about a line of one version, or an answer to one."""

    note_id: UUID
    line: str
    answers: UUID | None
    body: str
    written_by: str
    written_at: datetime


class NoteIn(In):
    """A question on a line of the document, or, with `answers`, an answer to one."""

    line: Annotated[str, Field(min_length=1, max_length=300)]
    body: Annotated[str, Field(min_length=1, max_length=4000)]
    answers: UUID | None = None


class DraftOut(Out):
    """A month as it would be signed. `digest` names exactly this; `why_not` says what is missing before it can be signed.

    `contents` are those of `format`, see the guide.
    """

    format: str
    digest: str
    can_be_signed: bool
    why_not: str | None
    contents: dict[str, Any]


class CardOut(Out):
    """A signed month, from its own text alone, with what was asked about it."""

    format: str
    signature: SignatureOut
    contents: dict[str, Any]
    notes: list[NoteOut]


class VersionOut(Out):
    """A signed version. `questions`: how many were asked about it."""

    version: int
    position: int
    digest: str
    contents_digest: str
    signed_by: str
    signed_at: datetime
    questions: int


class MonthOut(Out):
    """A month that is over, with its signed versions, newest first. `due`: by when finance should close it."""

    period: str
    label: str
    start: date
    last_day: date
    state: Standing
    due: date
    versions: list[VersionOut]


class MonthsOut(Out):
    """Months of the last two fiscal years that are over, newest first."""

    items: list[MonthOut]


class BreakOut(Out):
    """The first document from which on nothing is proven."""

    position: int
    period: str
    version: int
    why: str


class VerifiedOut(Out):
    """Whether all signed documents are what was signed. `head` is the newest digest: keep it elsewhere to prove the whole chain."""

    documents: int
    is_whole: bool
    head: str | None
    broken: BreakOut | None


class RefusedOrder(Out):
    """A line of the file that was not taken, and why."""

    line: int
    column: str | None
    reason: str


class OrdersOut(Out):
    """How many lines were taken, were there already, and were refused."""

    dry_run: bool
    rows: int
    accepted: int
    known: int
    refused: list[RefusedOrder]
