"""The fold: inputs in order, one moment per instant.

Order: time, then lead's verdict or merge, CRM record, quote, decision about the gate, statement, touch, then each kind's own order. The kinds
touch different parts of the state, so within one instant only the order inside a kind matters.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from libs.common.events.crm import CrmDealChanged
from libs.common.events.deals import Gate
from libs.common.events.leads import LeadState, Verdict
from libs.common.events.pricing import QuoteState
from libs.common.qualification import Entry
from services.deals.chronicle import Moment, standing_records
from services.deals.ledger.timeline.content import Content
from services.deals.ledger.timeline.gate import GateDecision
from services.deals.ledger.timeline.pursuit import follow
from services.deals.ledger.timeline.standing import (
    Merged,
    authority,
    decided_at,
    holding,
    standing_quotes,
    standing_verdicts,
)
from services.deals.ledger.timeline.state import Fold, Pursuit
from services.deals.relationship import Touch, reached, threads_until

Links = Mapping[UUID, datetime]
"""The leads that a deal's CRM records name, each with the first instant."""


@dataclass(frozen=True, slots=True)
class Absorbed:
    """A provisional deal that this deal absorbed: its quotes are this deal's from `at` on."""

    at: datetime
    quotes: Sequence[QuoteState]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Everything known about one deal, in any order, repetitions allowed.

    `leads` are the states of the leads it names and of those that stand for them.
    """

    records: Sequence[CrmDealChanged] = ()
    quotes: Sequence[QuoteState] = ()
    leads: Sequence[LeadState] = ()
    converted_from: UUID | None = None
    absorbed: Sequence[Absorbed] = ()
    decisions: Sequence[GateDecision] = ()
    economic_buyer: Sequence[Entry] = ()
    """What was said about an economic buyer, of the deal and of its leads."""
    touches: Sequence[Touch] = ()
    """The touchpoints of the deal that stand."""


@dataclass(frozen=True, slots=True)
class Decided:
    """A lead's verdict at its own time."""

    lead_id: UUID
    at: datetime
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Quoted:
    """A quote's state and when this deal has it: its own at once, one of an absorbed deal not before the absorption."""

    at: datetime
    quote: QuoteState


Step = Decided | Merged | CrmDealChanged | Quoted | GateDecision | Entry | Touch


class _Key(NamedTuple):
    at: datetime
    rank: int
    tie: tuple[Any, ...]


def fold(inputs: Inputs, zone: ZoneInfo) -> tuple[list[Moment[Content]], Fold]:
    """The whole timeline from the beginning, and the state from which `advance` can continue it."""
    return advance(Fold(converted_from=inputs.converted_from), order(inputs), zone)


def order(inputs: Inputs) -> list[Step]:
    """The inputs that stand, as steps in order."""
    steps: list[Step] = list(standing_records(inputs.records))
    steps.extend(Decided(lead.lead_id, decided_at(lead), lead.verdict) for lead in standing_verdicts(inputs.leads))
    steps.extend(holding(inputs.leads).values())
    steps.extend(Quoted(quote.valid_from, quote) for quote in standing_quotes(inputs.quotes))
    for absorbed in inputs.absorbed:
        quotes = standing_quotes(absorbed.quotes)
        steps.extend(Quoted(max(quote.valid_from, absorbed.at), quote) for quote in quotes)
    steps.extend({decision.decision_id: decision for decision in inputs.decisions}.values())
    steps.extend({entry.entry_id: entry for entry in inputs.economic_buyer}.values())
    steps.extend({touch.touchpoint_id: touch for touch in inputs.touches}.values())
    return sorted(steps, key=_key)


def advance(state: Fold, steps: Iterable[Step], zone: ZoneInfo) -> tuple[list[Moment[Content]], Fold]:
    """Continue a fold by steps that are in order and none of them before `state.at`.

    Returns the moments of the steps' instants, without those at which the deal is not yet known, and the new state.
    """
    moments: list[Moment[Content]] = []
    for at, together in groupby(steps, key=lambda step: _key(step).at):
        records: list[CrmDealChanged] = []
        for step in together:
            state = _step(state, step, zone)
            if isinstance(step, CrmDealChanged):
                records.append(step)
        content = content_of(state)
        if content is not None:
            moments.append(_moment(at, content, records))
    return moments, state


def _moment(at: datetime, content: Content, records: Sequence[CrmDealChanged]) -> Moment[Content]:
    """What holds from `at` on, known from the last of the instant's records; unobserved since the earliest of theirs.

    Who made the change: as the last of them says that says it at all.
    """
    if not records:
        return Moment(at, content)
    unobserved = min((each.unobserved_since for each in records if each.unobserved_since), default=None)
    changed_by = next((each.changed_by for each in reversed(records) if each.changed_by), None)
    last = records[-1]
    return Moment(at, content, last.source_recorded_at, last.reconstructed, unobserved, changed_by)


def links(records: Iterable[CrmDealChanged]) -> Links:
    """The leads that living records name, each with the first instant at which one did."""
    found: dict[UUID, datetime] = {}
    for record in standing_records(records):
        if record.lead_id is not None and not record.deleted and record.merged_into is None:
            found.setdefault(record.lead_id, record.clock.crm_time)
    return found


def begins(records: Iterable[CrmDealChanged]) -> datetime | None:
    """When a deal's timeline begins: at the first living record that stands; None without one."""
    living = (r for r in standing_records(records) if not r.deleted and r.merged_into is None)
    return next((record.clock.crm_time for record in living), None)


def content_of(state: Fold) -> Content | None:
    """What the state says about the deal; None before the first living record."""
    pursuit = state.pursuit
    if pursuit is None:
        return None
    record = pursuit.record
    lead_id = record.lead_id or state.converted_from
    quote = authority(state.quotes.values())
    is_open = record.state == "open"
    return Content(
        connection=record.connection,
        external_id=record.external_id,
        name=record.name,
        state=record.state,
        pipeline=record.pipeline,
        stage=record.stage,
        stage_entered_at=pursuit.stage_entered_at,
        stage_probability=record.stage_probability,
        category=pursuit.category,
        category_by_person=pursuit.category_by_person,
        gate=_gate(lead_id, state),
        amount=quote.net_amount if quote else record.amount,
        currency=quote.currency if quote else record.currency,
        amount_from="quote" if quote else "crm",
        quote_id=quote.quote_id if quote else None,
        close_date=record.close_date,
        close_date_provisional=is_open and _is_provisional(pursuit),
        closed_on=pursuit.closed_on,
        created_at=pursuit.created_at,
        owner_id=record.owner_id,
        account_id=record.account_id,
        lead_id=lead_id,
        region=record.region,
        market=record.market,
        segment=record.segment,
        product=record.product,
        source=record.source,
        deal_type=record.deal_type,
        value_basis=record.value_basis,
        term_months=record.term_months,
        loss_reason=record.loss_reason if record.state == "lost" else None,
        next_step=record.next_step,
        next_step_known=record.next_step_known,
        last_activity_at=record.last_activity_at,
        activity_known=record.activity_known,
        economic_buyer_until=state.economic_buyer_until,
        threads_until=None if state.reached is None else threads_until(state.reached),
        pushes=pursuit.pushes,
        provisional=False,
        absorbed_into=pursuit.merged_into,
        removed=pursuit.tombstone,
    )


def _step(state: Fold, step: Step, zone: ZoneInfo) -> Fold:
    if isinstance(step, CrmDealChanged):
        return replace(state, at=step.clock.crm_time, pursuit=follow(state.pursuit, step, zone))
    if isinstance(step, Decided):
        return replace(state, at=step.at, verdicts={**state.verdicts, step.lead_id: step.verdict})
    if isinstance(step, Merged):
        return replace(state, at=step.at, merged={**state.merged, step.lead_id: step.into})
    if isinstance(step, Entry):
        return replace(state, at=step.at, economic_buyer_until=_known_until(state.economic_buyer_until, step))
    if isinstance(step, Touch):
        return replace(state, at=step.at, reached=reached(state.reached or {}, step))
    if isinstance(step, GateDecision):
        return replace(state, at=step.at, gate_overridden=step.overrides)
    quote = step.quote.model_copy(update={"lines": None})  # a fold needs amounts only; inputs keep the lines
    return replace(state, at=step.at, quotes={**state.quotes, quote.quote_id: quote})


def _key(step: Step) -> _Key:
    if isinstance(step, Decided):
        return _Key(step.at, 0, (0, step.lead_id))
    if isinstance(step, Merged):
        return _Key(step.at, 0, (1, step.lead_id))
    if isinstance(step, CrmDealChanged):
        return _Key(step.clock.crm_time, 1, step.clock.order())
    if isinstance(step, Entry):
        return _Key(step.at, 4, (step.entry_id,))
    if isinstance(step, Touch):
        return _Key(step.at, 5, (step.touchpoint_id,))
    if isinstance(step, GateDecision):
        return _Key(step.at, 3, (step.decision_id,))
    return _Key(step.at, 2, (step.quote.quote_id, step.quote.version))


def _known_until(before: datetime | None, said: Entry) -> datetime | None:
    """Statements since the last `void` add up, as in `qualification.readings`: the one that stays fresh longest decides."""
    if said.state == "void":
        return None
    return max(said.fresh_until, before or said.fresh_until)


def _gate(lead_id: UUID | None, state: Fold) -> Gate:
    if lead_id is None:
        return "not_applicable"
    if state.verdicts.get(stands_for(lead_id, state.merged)) == "qualified":
        return "passed"
    return "overridden" if state.gate_overridden else "waiting"


def stands_for(lead_id: UUID, merged: Mapping[UUID, UUID]) -> UUID:
    """The lead that stands for this one over any number of merges; ends where they go in a circle."""
    seen = {lead_id}
    while (into := merged.get(lead_id)) is not None and into not in seen:
        seen.add(into)
        lead_id = into
    return lead_id


def _is_provisional(pursuit: Pursuit) -> bool:
    record = pursuit.record
    return record.close_date is None or record.close_date_by_machine or pursuit.date_was_past
