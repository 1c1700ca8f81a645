"""What a batch of events brought to the ledger, sorted by what it concerns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from libs.common.events.base import Cause, Received
from libs.common.events.crm import CrmDealChanged
from libs.common.events.leads import LeadEvidenceHanded, LeadState
from libs.common.events.pricing import QuoteState
from libs.common.qualification import Entry
from libs.common.qualification.elements import Key
from services.deals.chronicle import input_key, with_digest
from services.deals.ledger.repository import Input
from services.deals.ledger.timeline import GateDecision, decided_at


@dataclass(frozen=True, slots=True)
class Trigger:
    """An event that made a timeline be looked at again: the cause of what is appended."""

    at: datetime
    cause: Cause
    delivery_received_at: datetime | None


@dataclass(slots=True)
class Arrivals:
    """Inputs and lead states of one batch, in order of arrival."""

    inputs: list[Input] = field(default_factory=list)
    leads: list[LeadState] = field(default_factory=list)
    triggers: dict[UUID, list[Trigger]] = field(default_factory=dict)
    """By deal or lead id."""
    evidenced_deals: set[UUID] = field(default_factory=set)
    evidenced_leads: set[UUID] = field(default_factory=set)
    """About which somebody said something of an economic buyer, or told of a touchpoint."""

    @property
    def deal_ids(self) -> set[UUID]:
        return {item.deal_id for item in self.inputs} | self.evidenced_deals

    @property
    def lead_ids(self) -> set[UUID]:
        """Leads that something new is told of."""
        return {lead.lead_id for lead in self.leads} | self.evidenced_leads

    @property
    def named_leads(self) -> set[UUID]:
        """Leads that arriving CRM records name."""
        payloads = (item.payload for item in self.inputs)
        return {record.lead_id for record in payloads if isinstance(record, CrmDealChanged) and record.lead_id}


def arrivals(events: Sequence[Received[Any]]) -> Arrivals:
    """Sort a batch. Raises TypeError for an event the ledger has no use for."""
    batch = Arrivals()
    for event in events:
        data = event.data
        if isinstance(data, CrmDealChanged):
            record = with_digest(data)
            at = record.clock.crm_time
            batch.inputs.append(Input(record.deal_id, "crm", input_key(record), at, event.id, record))
            _note(batch, record.deal_id, at, event, record.received_at)
        elif isinstance(data, QuoteState):
            key = f"{data.quote_id}|{data.version}"
            batch.inputs.append(Input(data.deal_id, "quote", key, data.valid_from, event.id, data))
            _note(batch, data.deal_id, data.valid_from, event, None)
        elif isinstance(data, LeadState):
            batch.leads.append(data)
            _note(batch, data.lead_id, decided_at(data), event, None)
        else:
            raise TypeError(f"the ledger has no use for {event.type}")
    return batch


def arrival(decision: GateDecision) -> Arrivals:
    """A person's decision about a gate, as a batch of its own; the entries it makes name it as their cause."""
    cause = Cause(event=decision.decision_id)
    key, at = str(decision.decision_id), decision.at
    return Arrivals(
        inputs=[Input(decision.deal_id, "gate", key, at, decision.decision_id, decision)],
        triggers={decision.deal_id: [Trigger(at, cause, None)]},
    )


ECONOMIC_BUYER: Final[Key] = "meddpicc.economic_buyer"
"""The element of which timelines tell."""


def evidence(events: Sequence[Received[LeadEvidenceHanded]]) -> Arrivals:
    """Statements about leads that timelines tell of, as a batch of its own."""
    batch = Arrivals()
    for event in events:
        if event.data.entry.element == ECONOMIC_BUYER:
            batch.evidenced_leads.add(event.data.lead_id)
            _note(batch, event.data.lead_id, event.data.entry.at, event, None)
    return batch


def statement(deal_id: UUID, entry: Entry) -> Arrivals:
    """A person's statement about a deal, as a batch of its own; empty if timelines do not tell of its element."""
    if entry.element != ECONOMIC_BUYER:
        return Arrivals()
    trigger = Trigger(entry.at, Cause(event=entry.entry_id), None)
    return Arrivals(triggers={deal_id: [trigger]}, evidenced_deals={deal_id})


def touched(deals: Mapping[UUID, Trigger]) -> Arrivals:
    """Touchpoints of deals that were told, changed or withdrawn, as a batch of its own; the last of each deal is the cause."""
    return Arrivals(triggers={deal: [trigger] for deal, trigger in deals.items()}, evidenced_deals=set(deals))


def _note(batch: Arrivals, key: UUID, at: datetime, event: Received[Any], received_at: datetime | None) -> None:
    cause = Cause(connection=event.cause.connection, delivery=event.cause.delivery, event=event.id)
    batch.triggers.setdefault(key, []).append(Trigger(at, cause, received_at))
