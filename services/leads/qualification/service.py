"""A person's verdict on a lead: an input like a CRM record, with its own time and author."""

from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.calendar import local_date
from libs.common.events.base import Cause
from libs.common.events.leads import Verdict
from libs.common.web import etags
from libs.common.web.auth import Principal, require
from libs.common.web.errors import Conflict, Invalid
from services.leads.config import settings_of
from services.leads.evidence import service as evidence
from services.leads.register import service as register
from services.leads.register.models import LeadRow, NewInput
from services.leads.register.timeline import PersonVerdict

_WORDS: dict[Verdict, str] = {"qualified": "qualified", "rejected": "rejected", "pending": "waiting for a verdict"}
_TICK = timedelta(microseconds=1)


class LeadAlreadyJudged(Conflict):
    """The lead has this verdict already."""


class RecycledIntoThePast(Invalid):
    """A lead was to be set aside until a day that is not to come."""


async def judge(
    session: AsyncSession,
    lead_id: UUID,
    verdict: Verdict,
    *,
    reason: str,
    recycled_until: date | None = None,
    if_match: str | None = None,
    principal: Principal,
) -> LeadRow:
    """Give a verdict, `pending` to take one back; returns the lead as it then stands.

    With `recycled_until`, a local date, a pending lead is set aside until that day.
    The verdict counts from now, or from just after the newest verdict where a CRM's clock runs ahead of ours: a person
    decides on what they see. Raises NotFound outside the principal's scope, LeadIsGone, LeadAlreadyJudged,
    RecycledIntoThePast, EvidenceLacking, VersionHasMoved.
    """
    require(principal, *register.WRITERS)
    row = await register.read_lead(session, lead_id, lock=True, principal=principal)
    etags.check(if_match, row.version, noun=f"Lead {lead_id}")
    register.check_is_there(row)
    state = row.state
    if state is None:
        raise ValueError(f"lead {lead_id} is a placeholder")
    today = local_date(clock.now(), settings_of(session).org_timezone)
    if recycled_until is not None and recycled_until <= today:
        raise RecycledIntoThePast(f"{recycled_until} is not to come; name a later day on which to look at it again.")
    if (state.verdict, state.recycled_until) == (verdict, recycled_until):
        raise LeadAlreadyJudged(f"Lead {lead_id} is already {_WORDS[verdict]}; reopen it or choose another verdict.")
    said = PersonVerdict(
        lead_id=lead_id,
        at=_time_of_verdict(state.verdict_at),
        verdict=verdict,
        by=principal.subject,
        reason=reason,
        recycled_until=recycled_until,
    )
    if verdict == "qualified":
        await evidence.check_gate(session, lead_id, principal=principal)
    rows = await register.apply_inputs(session, [NewInput(said, Cause(), principal.subject)], principal=principal)
    await evidence.hand_over(session, rows, principal=principal)
    return rows[lead_id]


def _time_of_verdict(newest: datetime | None) -> datetime:
    now = clock.now()
    return now if newest is None else max(now, newest + _TICK)
