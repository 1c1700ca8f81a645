"""The sources of an account's brief."""

from datetime import date, datetime
from uuid import UUID

from libs.common.web.schemas import Out


class RecordOut(Out):
    """A record of a CRM."""

    connection: str
    external_id: str


class SourceOut(Out):
    """The entry of a deal's timeline that says it, and the delivery that brought it; null where no delivery did."""

    deal_id: UUID
    version: int
    delivery_id: UUID | None


class DealSourceOut(Out):
    """An open deal: its source, when half of the cases are done by its close plan, and the signals raised on it."""

    deal_id: UUID
    source: SourceOut
    plan_ends: date | None
    signals: list[str]


class TurnOut(Out):
    """A fact of a deal that is another than before."""

    field: str
    was: str | None
    now: str | None


class ChangeOut(Out):
    """What changed about a deal. `event` is the type of its event."""

    deal_id: UUID
    name: str | None
    at: datetime
    event: str
    turns: list[TurnOut]
    source: SourceOut


class SourcesOut(Out):
    """What the lines of a brief refer to; only of deals within scope."""

    account_id: UUID
    as_of: datetime
    record: RecordOut | None
    deals: list[DealSourceOut]
    since: datetime
    changes: list[ChangeOut]
