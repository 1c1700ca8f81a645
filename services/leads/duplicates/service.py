"""Finding leads that may be one, and merging them reversibly: nothing of either lead is changed or lost by it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.events.base import Cause, Received
from libs.common.events.crm import CrmPersonKeyed
from libs.common.matching import Matcher
from libs.common.web import etags
from libs.common.web.auth import Principal, require
from libs.common.web.errors import Conflict, Invalid
from libs.common.web.paging import UnreadableCursor, decode_cursor, encode_cursor
from services.leads.config import settings_of
from services.leads.duplicates import repository
from services.leads.duplicates.likeness import SUGGESTED_FROM, keys, likeness
from services.leads.duplicates.repository import Pair
from services.leads.evidence import service as evidence
from services.leads.register import service as register
from services.leads.register.models import LeadRow, NewInput
from services.leads.register.timeline import PersonMerge, PersonVerdict

_TICK = timedelta(microseconds=1)
COMPARED_AT_ONCE = 500


class MergeIntoItself(Invalid):
    """A lead was to be merged into itself."""


class NotMerged(Conflict):
    """Nobody here merged the lead, so there is nothing to take back."""


class MergedInTheCrm(Conflict):
    """The CRM merged the lead; only the CRM can take that back."""


async def compare_next(session: AsyncSession, *, principal: Principal) -> int:
    """Compare the leads that changed, or whose people did, since they were compared last with what they may be like; how many changes.

    One job does this, so no two leads miss each other, and no change waits for it.
    """
    require(principal, "system")
    matcher = Matcher(settings_of(session).match_key.get_secret_value())
    await repository.note_secret(session, matcher.fingerprint)
    rekeyed = await repository.take_rekeyed(session, limit=COMPARED_AT_ONCE)
    changed = await repository.take_uncompared(session, limit=COMPARED_AT_ONCE)
    if not (rekeyed or changed):
        return 0
    ids = sorted({*changed, *(lead for lead in rekeyed if lead is not None)})
    own = await repository.profiles(session, ids, matcher)
    await repository.replace_keys(session, {lead_id: keys(profile) for lead_id, profile in own.items()}, gone=ids)
    candidates = {(min(pair), max(pair)) for pair in await repository.sharing(session, own)}
    others = {lead for pair in candidates for lead in pair} - own.keys()
    known = own | await repository.profiles(session, others, matcher)
    compared = {pair: likeness(known[pair[0]], known[pair[1]]) for pair in candidates if known.keys() >= {*pair}}
    found = {pair: alike for pair, alike in compared.items() if alike.value >= SUGGESTED_FROM}
    await repository.replace_pairs(session, ids, found)
    return len(rekeyed) + len(changed)


async def keep_keys(session: AsyncSession, events: Sequence[Received[CrmPersonKeyed]], *, principal: Principal) -> None:
    """Keep the newest match keys of people; their leads, known already or not, are compared by them within seconds."""
    require(principal, "system")
    newest: dict[UUID, tuple[int, CrmPersonKeyed]] = {}
    for event in events:
        known = newest.get(event.data.person_id)
        if known is None or known[0] < event.aggregate_version:
            newest[event.data.person_id] = (event.aggregate_version, event.data)
    await repository.keep_keys(session, newest)


async def suggestions(
    session: AsyncSession, *, lead_id: UUID | None, cursor: str | None, limit: int, principal: Principal
) -> tuple[list[Pair], str | None]:
    """Pairs of leads that may be one, the likeliest first, of one lead on demand, and the cursor of the next page."""
    found = await repository.pairs(
        session, lead_id=lead_id, after=_sort_key(cursor), limit=limit + 1, principal=principal
    )
    if len(found) <= limit:
        return found, None
    last = found[limit - 1]
    return found[:limit], encode_cursor(last.likeness, last.one, last.other)


async def keep_apart(session: AsyncSession, lead_id: UUID, other: UUID, *, reason: str, principal: Principal) -> None:
    """Say that two leads are not one: they are not suggested again. Raises LeadNotFound, MergeIntoItself."""
    require(principal, *register.WRITERS)
    for each in (lead_id, other):
        await register.read_lead(session, each, principal=principal)
    if lead_id == other:
        raise MergeIntoItself(f"Lead {lead_id} cannot be told apart from itself.")
    await repository.keep_apart(session, lead_id, other, at=clock.now(), said_by=principal.subject, reason=reason)


async def merge(
    session: AsyncSession, lead_id: UUID, *, into: UUID, reason: str, if_match: str | None, principal: Principal
) -> LeadRow:
    """Let `into` stand for the lead from now on; returns the lead that was merged.

    Where the merged one is qualified and the other still waits, the verdict is carried over, so that no pursuit leaves
    the forecast by tidying up. Raises LeadNotFound, LeadIsGone, MergeIntoItself, VersionHasMoved.
    """
    require(principal, *register.WRITERS)
    if lead_id == into:
        raise MergeIntoItself(f"Lead {lead_id} cannot be merged into itself; name another lead.")
    rows = {
        each: await register.read_lead(session, each, lock=True, principal=principal)
        for each in sorted((lead_id, into))
    }
    lead, winner = rows[lead_id], rows[into]
    etags.check(if_match, lead.version, noun=f"Lead {lead_id}")
    for row in (lead, winner):
        register.check_is_there(row)
    said = [
        _said(PersonMerge(lead_id=lead_id, at=_now(lead), into=into, by=principal.subject, reason=reason), principal)
    ]
    if _verdict(lead) == "qualified" and _verdict(winner) == "pending":
        words = f"qualified as lead {lead_id}, which is the same"
        said.append(_said(_carried(winner, "qualified", words, lead_id, principal), principal))
    after = await register.apply_inputs(session, said, principal=principal)
    await evidence.hand_over(session, after, principal=principal)
    return after[lead_id]


async def unmerge(
    session: AsyncSession, lead_id: UUID, *, reason: str, if_match: str | None, principal: Principal
) -> LeadRow:
    """Take a person's merge back: both leads stand for themselves again, with all that was said of each.

    A verdict that came over with the merge goes with it, unless another was given since. Raises LeadNotFound, NotMerged,
    MergedInTheCrm, VersionHasMoved.
    """
    require(principal, *register.WRITERS)
    lead = await register.read_lead(session, lead_id, principal=principal)
    into = lead.merged_into
    if into is None:
        raise NotMerged(f"Lead {lead_id} is not merged into another.")
    locked = await register.lock_leads(session, (lead_id, into), principal=principal)
    etags.check(if_match, locked[lead_id].version, noun=f"Lead {lead_id}")
    inputs = await register.said_of(session, (lead_id, into), principal=principal)
    merges = [given for given in inputs[lead_id] if isinstance(given, PersonMerge)]
    newest = max(merges, key=lambda merge: merge.at, default=None)
    if newest is None or newest.into != into:
        raise MergedInTheCrm(f"The CRM merged lead {lead_id} into {into}; take that back in the CRM.")
    back = PersonMerge(lead_id=lead_id, at=_now(locked[lead_id]), into=None, by=principal.subject, reason=reason)
    said = [_said(back, principal)]
    winner = locked[into]
    carried = any(
        isinstance(given, PersonVerdict)
        and given.carried_from == lead_id
        and winner.state is not None
        and given.at == winner.state.verdict_at
        for given in inputs[into]
    )
    if carried:
        words = f"lead {lead_id}, which had been qualified, is another lead"
        said.append(_said(_carried(winner, "pending", words, lead_id, principal), principal))
    after = await register.apply_inputs(session, said, principal=principal)
    return after[lead_id]


def _carried(row: LeadRow, verdict: str, reason: str, lead_id: UUID, principal: Principal) -> PersonVerdict:
    content = {"verdict": verdict, "by": principal.subject, "reason": reason, "carried_from": lead_id}
    return PersonVerdict.model_validate({"lead_id": row.lead_id, "at": _now(row), **content})


def _said(given: PersonMerge | PersonVerdict, principal: Principal) -> NewInput:
    return NewInput(given, Cause(), principal.subject)


def _verdict(row: LeadRow) -> str | None:
    return row.state.verdict if row.state else None


def _now(row: LeadRow) -> datetime:
    """Now, or just after the newest that is known of the lead where a CRM's clock runs ahead of ours."""
    now = clock.now()
    if row.state is None:
        return now
    return max(now, row.state.valid_from + _TICK, (row.state.verdict_at or row.state.valid_from) + _TICK)


def _sort_key(cursor: str | None) -> tuple[float, UUID, UUID] | None:
    values = decode_cursor(cursor, 3)
    if values is None:
        return None
    try:
        return float(values[0]), UUID(values[1]), UUID(values[2])
    except (TypeError, ValueError, AttributeError):
        raise UnreadableCursor("The cursor is not one that this list gave; start without a cursor.") from None
