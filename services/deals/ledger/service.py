"""The ledger: inputs are kept, timelines folded, and what changed is appended and told.

One function takes every kind of input, so that locks have one order: leads by id, then deals by id.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import crash
from libs.common.events.base import Received
from libs.common.events.crm import CrmDealChanged
from libs.common.events.pricing import QuoteState
from libs.common.ids import provisional_deal_id
from libs.common.messaging import outbox
from libs.common.web.auth import Principal, require
from services.deals.chronicle import Moment, standing_records
from services.deals.config import business_zone
from services.deals.ledger import lead_repository, repository
from services.deals.ledger.arrivals import Arrivals, Trigger, arrivals
from services.deals.ledger.entries import entries_for, event_of
from services.deals.ledger.lead_repository import Lead, conversion
from services.deals.ledger.repository import FOLD, Entry, Head, Input, Turned
from services.deals.ledger.timeline import Absorption, Content, Fold, Inputs, advance, fold, fold_provisional, links


async def apply(session: AsyncSession, events: Sequence[Received[Any]], *, principal: Principal) -> None:
    """Apply CRM records of deals, states of leads and quotes, in any order and repetition.

    Raises TypeError for other events. Afterwards every timeline equals the fold of its kept inputs.
    """
    require(principal, "system")
    batch = arrivals(events)
    leads, heads = await _lock(session, batch)
    work = await _keep(session, batch, leads, heads)
    if work.is_empty:
        return
    recorded_at = await outbox.stamp(session)
    await _fold_pursuits(session, work, business_zone())
    await _fold_provisional(session, work)
    for entry in work.entries:
        outbox.add(
            session,
            event_of(entry),
            key=entry.deal_id,
            version=entry.version,
            occurred_at=entry.moment.valid_from,
            cause=entry.cause,
        )
    await repository.write(session, work.entries, work.turned, recorded_at=recorded_at)
    crash.point("deals.applied_not_committed")


@dataclass(slots=True)
class _Work:
    """What one batch has to look at again, and what came of it."""

    heads: dict[UUID, Head]
    inputs: dict[UUID, list[Input]]
    """New inputs by deal."""
    deals: set[UUID]
    """CRM deals whose lead or its quotes changed: these are folded from the beginning."""
    leads: set[UUID]
    """Leads whose provisional deal has to be folded."""
    triggers: Mapping[UUID, Sequence[Trigger]]
    provisional: dict[UUID, UUID]
    """Provisional deal to lead, of all leads in the batch."""
    converted: Mapping[UUID, UUID]
    """Deal to the lead that was converted to it."""
    entries: list[Entry] = field(default_factory=list)
    turned: list[Turned] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        return not (self.inputs or self.deals or self.leads)

    def conclude(
        self,
        head: Head,
        stored: Sequence[Moment[Content]],
        moments: Sequence[Moment[Content]],
        triggers: Sequence[Trigger],
        state: Fold,
    ) -> None:
        """Note what has to be appended to one timeline and how its row stands afterwards."""
        entries, now = entries_for(head.deal_id, stored, moments, version=head.version, triggers=triggers)
        self.entries += entries
        version = head.version + len(entries)
        self.turned.append(Turned(head.deal_id, version, now, state.at, state, bool(entries)))


async def _lock(session: AsyncSession, batch: Arrivals) -> tuple[dict[UUID, Lead], dict[UUID, Head]]:
    """Lock all leads and deals that the batch touches, until a look under the locks finds no more of them."""
    leads: dict[UUID, Lead] = {}
    heads: dict[UUID, Head] = {}
    told, named = batch.lead_ids, batch.named_leads
    deals = batch.deal_ids | {deal for deal in map(conversion, batch.leads) if deal}
    while True:
        touched = await lead_repository.touched(session, deals=deals | heads.keys(), told=told, named=named)
        more_leads = {lead: known for lead, known in touched.leads.items() if lead not in leads}
        more_deals = {deal: known for deal, known in touched.deals.items() if deal not in heads}
        if not more_leads and not more_deals:
            return leads, heads
        leads |= await lead_repository.lock_leads(session, more_leads)
        heads |= await repository.lock_deals(session, more_deals)


async def _keep(session: AsyncSession, batch: Arrivals, leads: Mapping[UUID, Lead], heads: dict[UUID, Head]) -> _Work:
    """Keep the inputs that are new and find what they make worth folding."""
    new = await repository.keep_inputs(session, batch.inputs)
    new_leads = await lead_repository.keep_leads(session, batch.leads)
    provisional = {provisional_deal_id(lead): lead for lead in leads}
    work = _Work(heads, {}, set(), set(new_leads), batch.triggers, provisional, _conversions(batch, leads))
    for item in batch.inputs:
        if (item.deal_id, item.kind, item.key) not in new:
            continue
        new.discard((item.deal_id, item.kind, item.key))
        if item.deal_id in provisional:
            work.leads.add(provisional[item.deal_id])
        else:
            work.inputs.setdefault(item.deal_id, []).append(item)
    work.deals = await lead_repository.deals_of(session, work.leads)
    work.deals |= {leads[lead].converted_deal_id for lead in new_leads} - {None}  # type: ignore[arg-type]
    return work


def _conversions(batch: Arrivals, leads: Mapping[UUID, Lead]) -> dict[UUID, UUID]:
    """Deal to the lead whose conversion names it, now that the batch is kept; the smallest id if several do."""
    newest = {lead.lead_id: (lead.version, lead.converted_deal_id) for lead in leads.values()}
    for state in batch.leads:
        if state.version > newest[state.lead_id][0]:
            newest[state.lead_id] = (state.version, conversion(state))
    return {deal: lead for lead, (_, deal) in sorted(newest.items(), reverse=True) if deal}


async def _fold_pursuits(session: AsyncSession, work: _Work, zone: ZoneInfo) -> None:
    """Fold the CRM's deals: continue where every input is newer than all before, else from the beginning."""
    from_beginning = set(work.deals)
    for deal_id, inputs in work.inputs.items():
        head = work.heads[deal_id]
        if deal_id in work.deals or not _continue(work, head, inputs, zone):
            from_beginning.add(deal_id)
    if not from_beginning:
        return
    known = {deal for deal in from_beginning if work.heads[deal].folded_to is not None}
    records, quotes = await repository.inputs_of(session, known)
    for deal_id in from_beginning - known:
        payloads = [item.payload for item in work.inputs.get(deal_id, ())]
        records[deal_id] = [payload for payload in payloads if isinstance(payload, CrmDealChanged)]
        quotes[deal_id] = [payload for payload in payloads if isinstance(payload, QuoteState)]
    named = {deal: links(records.get(deal, ())) for deal in from_beginning}
    converted = {deal: work.converted[deal] for deal in from_beginning if deal in work.converted}
    leads = {lead for deal in from_beginning for lead in named[deal]} | set(converted.values())
    states = await lead_repository.lead_states(session, leads)
    stored = await repository.stored_entries(session, known)
    linked_before = await lead_repository.links_of(session, known)
    linked: dict[UUID, dict[UUID, Any]] = {}
    for deal_id in sorted(from_beginning):
        of_deal = set(named[deal_id]) | ({converted[deal_id]} if deal_id in converted else set())
        inputs_now = Inputs(
            records=records.get(deal_id, ()),
            quotes=quotes.get(deal_id, ()),
            leads=[state for lead in of_deal for state in states.get(lead, ())],
            converted_from=converted.get(deal_id),
        )
        moments, state = fold(inputs_now, zone)
        linked[deal_id] = dict(named[deal_id])
        if deal_id in converted and moments:
            linked[deal_id][converted[deal_id]] = moments[0].valid_from
        work.conclude(work.heads[deal_id], stored.get(deal_id, ()), moments, _triggers(work, deal_id, of_deal), state)
    changed = {deal: links for deal, links in linked.items() if links != linked_before.get(deal, {})}
    if changed:
        await lead_repository.relink(session, changed, linked=changed.keys() & linked_before.keys())
        for deal_id, now in changed.items():
            work.leads |= now.keys() | linked_before.get(deal_id, {}).keys()


def _continue(work: _Work, head: Head, inputs: Sequence[Input], zone: ZoneInfo) -> bool:
    """Continue a fold if that equals folding from the beginning; False where it might not."""
    records = [item.payload for item in inputs if isinstance(item.payload, CrmDealChanged)]
    if head.folded_to is None or head.head is None or head.fold is None or len(records) < len(inputs):
        return False
    if any(record.clock.crm_time <= head.folded_to for record in records):
        return False
    state = FOLD.validate_json(head.fold)
    if state.pursuit is None or any(record.lead_id != state.pursuit.record.lead_id for record in records):
        return False
    moments, state = advance(state, standing_records(records), zone)
    work.conclude(head, [head.head], [head.head, *moments], _triggers(work, head.deal_id, ()), state)
    return True


async def _fold_provisional(session: AsyncSession, work: _Work) -> None:
    """Fold the provisional deals of leads that changed, or whose link to an opportunity did."""
    states = await lead_repository.lead_states(session, work.leads)
    ever = {lead for lead, known in states.items() if any(state.verdict == "qualified" for state in known)}
    linked = await lead_repository.links_to(session, ever)
    deals = {provisional_deal_id(lead): lead for lead in ever}
    work.heads |= await repository.lock_deals(session, dict.fromkeys(deals.keys() - work.heads.keys(), False))
    stored = await repository.stored_entries(session, deals)
    _, quotes = await repository.inputs_of(session, deals)
    for deal_id, lead in sorted(deals.items()):
        first = min(linked.get(lead, ()), default=None)
        absorbed = Absorption(deal_id=first[1], at=first[0]) if first else None
        moments = fold_provisional(states[lead], quotes.get(deal_id, ()), absorbed)
        causes = [*work.triggers.get(lead, ()), *(_triggers(work, absorbed.deal_id, ()) if absorbed else ())]
        state = Fold(at=moments[-1].valid_from if moments else None)
        work.conclude(work.heads[deal_id], stored.get(deal_id, ()), moments, causes, state)


def _triggers(work: _Work, deal_id: UUID, leads: Collection[UUID]) -> list[Trigger]:
    """What in this batch concerns a deal: its own inputs, else those of its leads."""
    own = list(work.triggers.get(deal_id, ()))
    return [trigger for lead in sorted(leads) for trigger in work.triggers.get(lead, ())] + own
