"""Response clocks by HTTP."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from libs.common.web.schemas import Out
from services.leads.responses.clocks import Kind


class MarkOut(Out):
    """Somebody was told. `level` 1 of an escalation is the owner's manager, 2 theirs; `told_id` null: nobody is known."""

    kind: Kind
    level: int
    passed_at: datetime
    told_id: UUID | None
    recorded_at: datetime


class ClockHistoryOut(Out):
    """A clock of the lead; a new one begins when somebody else gets it before it was answered."""

    clock_id: UUID
    owner_id: UUID | None
    started_at: datetime
    due_at: datetime
    marks: list[MarkOut]


class ClocksOut(Out):
    """The lead's clocks, the newest first."""

    lead_id: UUID
    items: list[ClockHistoryOut]


class ShareOut(Out):
    """Of the `n` clocks of a team that ended or ran out, how many were answered in time; `share` null where n is 0.

    `running` ones, neither answered nor due, are in no other number. Team null: nobody owns these leads.
    """

    unit_id: UUID | None
    unit_name: str | None
    n: int
    in_time: int
    running: int
    share: Decimal | None


class SharesOut(Out):
    """Of clocks started from `since` on, by the team of who owns the lead."""

    since: datetime
    as_of: datetime
    teams: list[ShareOut]
