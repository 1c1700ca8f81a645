"""Applying what is said about leads: keep the input, fold, write the row, publish the difference."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from prometheus_client import Counter
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.events.base import Cause, Received
from libs.common.events.catalogue import LEAD_STATES
from libs.common.events.crm import CrmLeadChanged
from libs.common.events.deals import DealState
from libs.common.events.leads import LeadState
from libs.common.messaging import outbox
from libs.common.web.auth import Principal
from libs.common.web.errors import Conflict, NotFound
from libs.common.web.paging import UnreadableCursor, decode_cursor, encode_cursor
from services.leads.conversion import service as conversion
from services.leads.conversion.schemas import ChanceOut
from services.leads.register import repository
from services.leads.register.models import LeadRow, NewInput, NewLink
from services.leads.register.timeline import (
    DealLink,
    Folded,
    Input,
    entries_to_publish,
    events_between,
    fold,
    input_key,
    standing,
    timeline,
)

_CHANGES = Counter("foretell_leads_changes_total", "Lead events published", ["event"])
for _event in LEAD_STATES:
    _CHANGES.labels(event=_event.TYPE)


WRITERS = ("seller", "manager", "sales_ops", "cso")
"""Roles that may capture and judge leads."""


class LeadNotFound(NotFound):
    """No such lead, or none within the principal's scope."""


class LeadIsGone(Conflict):
    """The CRM deleted the lead, or it was merged into another."""


def check_is_there(row: LeadRow) -> None:
    """Raise LeadIsGone for a lead that is deleted or merged into another."""
    if row.merged_into is not None:
        raise LeadIsGone(
            f"Lead {row.lead_id} was merged into {row.merged_into}; go on with that one.", merged_into=row.merged_into
        )
    if row.state is None or row.state.deleted:
        raise LeadIsGone(f"Lead {row.lead_id} was deleted in the CRM; restore it there first.")


async def read_lead(session: AsyncSession, lead_id: UUID, *, lock: bool = False, principal: Principal) -> LeadRow:
    """A lead within the principal's scope, `lock`ed for a change on demand. Raises LeadNotFound."""
    row = await repository.find_lead(session, lead_id, lock=lock, principal=principal)
    if row is None:
        raise _not_found(lead_id)
    return row


async def read_lead_told(
    session: AsyncSession, lead_id: UUID, *, principal: Principal
) -> tuple[LeadRow, ChanceOut | None]:
    """A lead within the principal's scope, and its chance as long as it waits. Raises LeadNotFound."""
    found = await repository.find_lead_told(session, lead_id, principal=principal)
    if found is None:
        raise _not_found(lead_id)
    row, model_id = found
    (chance,) = await conversion.chances_by(
        session, model_id, [row.state] if row.state else [], principal=principal
    ) or [None]
    return row, chance


def _not_found(lead_id: UUID) -> LeadNotFound:
    return LeadNotFound(f"There is no lead {lead_id} among those you may see.")


async def list_leads(
    session: AsyncSession,
    *,
    verdict: str | None,
    grade: str | None,
    region: str | None,
    include_removed: bool,
    cursor: str | None,
    limit: int,
    principal: Principal,
) -> tuple[list[LeadRow], str | None]:
    """A page of leads, newest first, and the cursor of the next. `grade` is a fit such as `A` or a grade such as `A1`."""
    rows = await repository.list_leads(
        session,
        verdict=verdict,
        fit=grade if grade is not None and len(grade) == 1 else None,
        grade=grade if grade is not None and len(grade) > 1 else None,
        region=region,
        include_removed=include_removed,
        after=_sort_key(cursor),
        limit=limit + 1,
        principal=principal,
    )
    if len(rows) <= limit:
        return rows, None
    last = rows[limit - 1]
    return rows[:limit], encode_cursor(last.first_at, last.lead_id)


def _sort_key(cursor: str | None) -> tuple[datetime, UUID] | None:
    values = decode_cursor(cursor, 2)
    if values is None:
        return None
    try:
        return datetime.fromisoformat(values[0]), UUID(values[1])
    except (TypeError, ValueError, AttributeError):
        raise UnreadableCursor("The cursor is not one that this list gave; start without a cursor.") from None


async def apply_records(
    session: AsyncSession, events: Sequence[Received[CrmLeadChanged]], *, principal: Principal
) -> dict[UUID, LeadRow]:
    """Apply CRM records in any order and with repetitions; returns the leads as they then stand."""
    inputs = [NewInput(event.data, _caused_by(event), event.actor) for event in events]
    return await apply_inputs(session, inputs, principal=principal)


async def lock_lead(session: AsyncSession, lead_id: UUID, *, principal: Principal) -> LeadRow:  # noqa: ARG001
    """The lead's row, locked; a placeholder (version 0) if it is new. The caller answers for the principal's right."""
    return (await repository.lock_leads(session, [lead_id]))[lead_id]


async def lock_leads(
    session: AsyncSession,
    ids: Iterable[UUID],
    *,
    principal: Principal,  # noqa: ARG001
) -> dict[UUID, LeadRow]:
    """The leads' rows, locked in id order. The caller answers for the principal's right."""
    return await repository.lock_leads(session, ids)


async def said_of(
    session: AsyncSession,
    ids: Iterable[UUID],
    *,
    principal: Principal,  # noqa: ARG001
) -> Mapping[UUID, Sequence[Input]]:
    """Everything that was said of these leads, in no order. The caller answers for the principal's right."""
    found = await repository.load_inputs(session, ids)
    return {lead_id: list(found[lead_id].values()) for lead_id in ids}


async def merged_into(session: AsyncSession, lead_id: UUID, *, principal: Principal) -> list[LeadRow]:
    """The leads that `lead_id` stands for, itself left out, over all merges; in the order of their creation.

    The principal sees `lead_id`, and so these, whoever owns them. Raises LeadNotFound.
    """
    await read_lead(session, lead_id, principal=principal)
    return await repository.merged_into(session, lead_id)


async def apply_inputs(
    session: AsyncSession,
    inputs: Sequence[NewInput],
    *,
    principal: Principal,  # noqa: ARG001
) -> dict[UUID, LeadRow]:
    """Keep `inputs` and bring their leads up to date; returns the leads as they then stand.

    What is published does not depend on how inputs are cut into calls: each new one is folded in for itself. The caller
    has checked that the principal may say this of the leads.
    """
    rows = await repository.lock_leads(session, (new.given.lead_id for new in inputs))
    recorded_at = await outbox.stamp(session)
    fresh = await repository.store_inputs(session, inputs, recorded_at=recorded_at)
    touched = {lead_id for lead_id, _ in fresh}
    known = await repository.load_inputs(session, touched)
    links = await repository.load_links(session, touched)
    waiting = _in_order_of_arrival(inputs, fresh)
    for lead_id in touched:
        said = {key: given for key, given in known[lead_id].items() if (lead_id, key) not in fresh}
        before = timeline(said.values())
        for key, new in waiting[lead_id].items():
            said[key] = new.given
            after = timeline(said.values())
            rows[lead_id] = _follow(session, rows[lead_id], before, after, links[lead_id], new)
            before = after
    await repository.write_leads(session, [rows[lead_id] for lead_id in sorted(touched) if rows[lead_id].state])
    return rows


async def apply_deals(
    session: AsyncSession, events: Sequence[Received[DealState]], *, principal: Principal
) -> set[UUID]:
    """Learn from deals which leads they came of. A provisional, removed or absorbed deal is no conversion.

    Returns the leads that the deals name or named.
    """
    newest: dict[UUID, Received[DealState]] = {}
    for event in events:
        known = newest.get(event.data.deal_id)
        if known is None or _place(known.data) < _place(event.data):
            newest[event.data.deal_id] = event
    named = await repository.link_deals(session, [_link(event.data) for event in newest.values()])
    causes = {event.data.lead_id: _caused_by(event) for event in events if event.data.lead_id}
    await refold(session, named, causes=causes, principal=principal)
    return named


async def refold(
    session: AsyncSession,
    lead_ids: Iterable[UUID],
    *,
    causes: Mapping[UUID, Cause],
    principal: Principal,  # noqa: ARG001
) -> None:
    """Fold leads again after something other than their inputs changed."""
    ids = set(lead_ids)
    if not ids:
        return
    rows = await repository.lock_leads(session, ids)
    await outbox.stamp(session)
    known = await repository.load_inputs(session, ids)
    links = await repository.load_links(session, ids)
    changed = []
    for lead_id, row in rows.items():
        folded = fold(known[lead_id].values(), links[lead_id])
        if folded is None:
            continue
        after = _publish(session, row, row.state, folded, cause=causes.get(lead_id), actor=None)
        if after != row:
            changed.append(after)
    await repository.write_leads(session, changed)


def _follow(
    session: AsyncSession,
    row: LeadRow,
    before: Sequence[Folded],
    after: Sequence[Folded],
    links: Sequence[DealLink],
    new: NewInput,
) -> LeadRow:
    """The row after an input turned timeline `before` into `after`; publishes the entries that differ, the newest last.

    So the highest version is the lead as it stands, and whoever keeps all versions knows its past as corrected.
    """
    for preceding, entry in entries_to_publish(before, after):
        told = standing(entry, links) if entry is after[-1] else entry
        known = None if preceding is None else preceding.state
        row = _publish(session, row, known, told, cause=new.cause, actor=new.actor)
    return _row_of(row, after[-1]) if after else row


def _publish(
    session: AsyncSession,
    row: LeadRow,
    preceding: LeadState | None,
    entry: Folded,
    *,
    cause: Cause | None,
    actor: str | None,
) -> LeadRow:
    """The row with `entry` as its state, told as a change from `preceding`; each event is a version."""
    after = _row_of(row, entry)
    for event in events_between(preceding, entry.state, captured=row.captured):
        state = entry.state.model_copy(update={"version": after.version + 1})
        outbox.add(
            session,
            event.model_validate(state.model_dump()),
            key=row.lead_id,
            version=state.version,
            occurred_at=state.valid_from,
            cause=cause,
            actor=actor,
        )
        _CHANGES.labels(event=event.TYPE).inc()
        after = replace(after, version=state.version, state=state)
    return after


def _row_of(row: LeadRow, folded: Folded) -> LeadRow:
    return replace(
        row,
        captured=row.captured or not folded.state.deleted,
        merged_into=folded.merged_into,
        connection=folded.connection,
        external_id=folded.external_id,
        first_at=folded.first_at,
    )


def _in_order_of_arrival(inputs: Sequence[NewInput], fresh: set[tuple[UUID, str]]) -> dict[UUID, dict[str, NewInput]]:
    """By lead and key, each new input once, in the order in which they came."""
    found: dict[UUID, dict[str, NewInput]] = defaultdict(dict)
    for new in inputs:
        key = input_key(new.given)
        if (new.given.lead_id, key) in fresh:
            found[new.given.lead_id].setdefault(key, new)
    return found


def _caused_by(event: Received[CrmLeadChanged] | Received[DealState]) -> Cause:
    return Cause(connection=event.cause.connection, delivery=event.cause.delivery, event=event.id)


def _place(deal: DealState) -> tuple[object, int]:
    return (deal.valid_from, deal.version)


def _link(deal: DealState) -> NewLink:
    counts = not (deal.provisional or deal.removed or deal.absorbed_into)
    link = DealLink(deal.deal_id, deal.created_at, counts)
    return NewLink(link, deal.lead_id, deal.valid_from, deal.version)
