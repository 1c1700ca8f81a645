"""The ledger: inputs are kept, timelines folded, and what changed is appended and told.

One function takes every kind of input, so that locks have one order: leads by id, then deals by id.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
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
from services.deals.ledger import lead_repository, repository, touch_repository
from services.deals.ledger.arrivals import ECONOMIC_BUYER, Arrivals, Trigger, arrivals
from services.deals.ledger.entries import entries_for, event_of
from services.deals.ledger.lead_repository import Lead, conversion
from services.deals.ledger.repository import FOLD, Entry, Head, Input, Kept, Turned
from services.deals.ledger.timeline import (
    Absorbed,
    Absorption,
    Content,
    Fold,
    Inputs,
    Merged,
    advance,
    along_merges,
    begins,
    fold,
    fold_provisional,
    holding,
    links,
)


async def apply(session: AsyncSession, events: Sequence[Received[Any]], *, principal: Principal) -> None:
    """Apply CRM records of deals, states of leads and quotes, in any order and repetition.

    Raises TypeError for other events. Afterwards every timeline equals the fold of its kept inputs.
    """
    require(principal, "system")
    await take(session, arrivals(events), principal=principal)


async def take(session: AsyncSession, batch: Arrivals, *, principal: Principal) -> None:
    """Keep what a batch brought and fold what it concerns; the entries name the person who acted, if one did."""
    actor = None if "system" in principal.roles else principal.subject
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
            actor=actor,
        )
    await repository.write(session, work.entries, work.turned, recorded_at=recorded_at)
    crash.point("deals.applied_not_committed")


async def hold(session: AsyncSession, batch: Arrivals, *, principal: Principal) -> None:
    """Lock what a batch will touch, for a caller that has to write before it calls `take`."""
    del principal  # whoever may write what the batch tells of
    await _lock(session, batch)


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
    merged: Mapping[UUID, Merged]
    """Lead to the merge that holds for it now."""
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
    named = batch.lead_ids | batch.named_leads | {lead.merged_into for lead in batch.leads if lead.merged_into}
    deals = batch.deal_ids | {deal for deal in map(conversion, batch.leads) if deal}
    while True:
        touched = await lead_repository.touched(session, deals=deals | heads.keys(), leads=named | leads.keys())
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
    merged = await _merged(session, batch, leads)
    work = _Work(heads, {}, set(), set(new_leads), batch.triggers, provisional, _conversions(batch, leads), merged)
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
    work.deals |= await _deals_of_those_for(session, batch, leads, new_leads | batch.evidenced_leads)
    work.deals |= batch.evidenced_deals - provisional.keys()
    return work


async def _deals_of_those_for(
    session: AsyncSession, batch: Arrivals, leads: Mapping[UUID, Lead], concerned: Collection[UUID]
) -> set[UUID]:
    """The CRM's deals of these leads and of those that stand, or stood until now, for them: what was said of a merged lead counts there."""
    into = [(lead.lead_id, lead.merged_into) for lead in leads.values()]
    into += [(state.lead_id, state.merged_into) for state in batch.leads]
    found = set(concerned)
    while more := {target for lead, target in into if lead in found and target} - found:
        found |= more
    return await lead_repository.deals_of(session, found)


def _conversions(batch: Arrivals, leads: Mapping[UUID, Lead]) -> dict[UUID, UUID]:
    """Deal to the lead whose conversion names it, now that the batch is kept; the smallest id if several do."""
    newest = {lead.lead_id: (lead.version, lead.converted_deal_id) for lead in leads.values()}
    for state in batch.leads:
        if state.version > newest[state.lead_id][0]:
            newest[state.lead_id] = (state.version, conversion(state))
    return {deal: lead for lead, (_, deal) in sorted(newest.items(), reverse=True) if deal}


async def _merged(session: AsyncSession, batch: Arrivals, leads: Mapping[UUID, Lead]) -> dict[UUID, Merged]:
    """The merge that now holds for each of the leads that is merged at all, once the batch is kept."""
    ever = {lead.lead_id for lead in leads.values() if lead.merged_into}
    ever |= {lead.lead_id for lead in batch.leads if lead.merged_into}
    states = await lead_repository.lead_states(session, ever)
    return holding(state for known in states.values() for state in known)


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
    kept = await repository.inputs_of(session, known)
    for deal_id in from_beginning - known:
        for item in work.inputs.get(deal_id, ()):
            kept.add(deal_id, item.payload)
    links_now = {deal: _links(work, deal, kept.records.get(deal, ())) for deal in from_beginning}
    absorptions, others = await _relink(session, work, links_now, known)
    if others:
        more = await repository.inputs_of(session, others)
        kept = Kept(kept.records | more.records, kept.quotes | more.quotes, kept.decisions | more.decisions)
        links_now |= {deal: _links(work, deal, more.records.get(deal, ())) for deal in others}
        known |= others
        unseen = {lead for deal in others for lead in links_now[deal]} - absorptions.keys()
        absorptions |= await _absorptions(session, unseen)
    offers = await _offers(session, work, {lead for lead, first in absorptions.items() if first.deal_id in links_now})
    states = await lead_repository.lead_states(session, {lead for links in links_now.values() for lead in links})
    stored = await repository.stored_entries(session, known)
    buyers = await lead_repository.statements_of(session, ECONOMIC_BUYER, links_now)
    touches = await touch_repository.touches_of(session, links_now)
    for deal_id, of_deal in sorted(links_now.items()):
        inputs_now = Inputs(
            records=kept.records.get(deal_id, ()),
            quotes=kept.quotes.get(deal_id, ()),
            leads=[state for lead in of_deal for state in states.get(lead, ())],
            converted_from=work.converted.get(deal_id),
            absorbed=[
                Absorbed(absorptions[lead].at, offers.get(provisional_deal_id(lead), ()))
                for lead in sorted(of_deal)
                if absorptions[lead].deal_id == deal_id
            ],
            decisions=kept.decisions.get(deal_id, ()),
            economic_buyer=buyers.get(deal_id, ()),
            touches=touches.get(deal_id, ()),
        )
        moments, state = fold(inputs_now, zone)
        work.conclude(work.heads[deal_id], stored.get(deal_id, ()), moments, _triggers(work, deal_id, of_deal), state)


def _links(work: _Work, deal_id: UUID, records: Sequence[CrmDealChanged]) -> dict[UUID, datetime]:
    """The leads that a deal names or was converted from, and those that stand for them by a merge, each with the instant
    from which on the deal is theirs.
    """
    found = dict(links(records))
    at = begins(records)
    if deal_id in work.converted and at is not None:
        found[work.converted[deal_id]] = at
    return along_merges(found, work.merged)


async def _relink(
    session: AsyncSession, work: _Work, links_now: Mapping[UUID, Mapping[UUID, datetime]], known: Collection[UUID]
) -> tuple[dict[UUID, Absorption], set[UUID]]:
    """Keep the links of deals as they are now.

    Returns, for every lead that a deal is or was linked to, by which deal its provisional one is absorbed; and the deals
    beside these for which that changed.
    """
    links_before = await lead_repository.links_of(session, known)
    leads = {lead for links in (*links_now.values(), *links_before.values()) for lead in links}
    before = await _absorptions(session, leads)
    changed = {deal: links for deal, links in links_now.items() if links != links_before.get(deal, {})}
    if not changed:
        return before, set()
    await lead_repository.relink(session, changed, linked=changed.keys() & links_before.keys())
    for deal_id, now in changed.items():
        work.leads |= now.keys() | links_before.get(deal_id, {}).keys()
    after = await _absorptions(session, leads)
    turned = [lead for lead in leads if before.get(lead) != after.get(lead)]
    concerned = {found[lead].deal_id for lead in turned for found in (before, after) if lead in found}
    return after, concerned - links_now.keys()


async def _absorptions(session: AsyncSession, leads: Collection[UUID]) -> dict[UUID, Absorption]:
    """By which deal each lead's provisional one is absorbed: the first that the lead is linked to."""
    linked = await lead_repository.links_to(session, leads)
    return {lead: Absorption(deal_id=found[0][1], at=found[0][0]) for lead, found in linked.items()}


async def _offers(session: AsyncSession, work: _Work, leads: Collection[UUID]) -> dict[UUID, list[QuoteState]]:
    """Quotes of these leads' provisional deals, locked first: one that arrives meanwhile then finds who absorbed them."""
    deals = {provisional_deal_id(lead) for lead in leads}
    work.heads |= await repository.lock_deals(session, dict.fromkeys(deals - work.heads.keys(), False))
    return (await repository.inputs_of(session, deals)).quotes


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
    absorptions = await _absorptions(session, ever)
    deals = {provisional_deal_id(lead): lead for lead in ever}
    work.heads |= await repository.lock_deals(session, dict.fromkeys(deals.keys() - work.heads.keys(), False))
    stored = await repository.stored_entries(session, deals)
    quotes = (await repository.inputs_of(session, deals)).quotes
    for deal_id, lead in sorted(deals.items()):
        absorbed = absorptions.get(lead)
        moments = fold_provisional(states[lead], quotes.get(deal_id, ()), absorbed)
        causes = [*work.triggers.get(lead, ()), *(_triggers(work, absorbed.deal_id, ()) if absorbed else ())]
        state = Fold(at=moments[-1].valid_from if moments else None)
        work.conclude(work.heads[deal_id], stored.get(deal_id, ()), moments, causes, state)


def _triggers(work: _Work, deal_id: UUID, leads: Collection[UUID]) -> list[Trigger]:
    """What in this batch concerns a deal: its own inputs, else those of its leads."""
    own = list(work.triggers.get(deal_id, ()))
    return [trigger for lead in sorted(leads) for trigger in work.triggers.get(lead, ())] + own
