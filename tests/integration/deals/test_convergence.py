"""Any order and repetition of what happens to deals ends in the same books: those of the pure fold of all of it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.common.db import Database
from libs.common.events.base import EventData
from libs.common.events.crm import CrmDealChanged
from libs.common.events.leads import LeadEvidenceHanded, LeadState
from libs.common.events.pricing import QuoteState
from libs.common.ids import provisional_deal_id
from services.deals.chronicle import Moment, with_digest
from services.deals.config import business_zone
from services.deals.ledger.repository import CONTENT
from services.deals.ledger.timeline import (
    Absorbed,
    Absorption,
    Content,
    GateDecision,
    Inputs,
    along_merges,
    fold,
    fold_provisional,
    holding,
    links,
)
from tests.integration.deals.books import READINGS, Books, apply, books, standing
from tests.unit.deals.given import absorptions, arrivals_of, buyers, histories, users


class _Undo(Exception):
    pass


@pytest_asyncio.fixture
async def database(database_for: Callable[[str], Database]) -> Database:
    return database_for("deals")


async def outcome(database: Database, batches: Sequence[Sequence[Any]]) -> Books:
    """The books after the batches; nothing of it stays."""
    found: Books | None = None
    try:
        async with database.transaction() as session:
            for batch in batches:
                await apply(session, batch)
            found = await books(session)
            raise _Undo
    except _Undo:
        assert found is not None
        return found


def timelines(events: Sequence[Any]) -> dict[UUID, list[Moment[Content]]]:
    """What every deal's timeline must be, from everything that ever arrives, without a database."""
    records = [with_digest(event) for event in events if isinstance(event, CrmDealChanged)]
    leads = [event for event in events if isinstance(event, LeadState)]
    quotes = [event for event in events if isinstance(event, QuoteState)]
    newest = {lead.lead_id: lead for lead in sorted(leads, key=lambda lead: lead.version)}
    conversions = sorted((lead.converted_deal_id, lead.lead_id) for lead in newest.values() if lead.converted_deal_id)
    found: dict[UUID, list[Moment[Content]]] = {}
    linked: dict[UUID, list[tuple[datetime, UUID]]] = {}
    inputs: dict[UUID, Inputs] = {}
    for deal in {record.deal_id for record in records}:
        own = [record for record in records if record.deal_id == deal]
        converted = next((lead for to, lead in conversions if to == deal), None)
        inputs[deal] = Inputs(
            records=own,
            quotes=[quote for quote in quotes if quote.deal_id == deal],
            leads=leads,
            converted_from=converted,
            decisions=[event for event in events if isinstance(event, GateDecision) and event.deal_id == deal],
        )
        named = dict(links(own))
        if converted and (moments := fold(inputs[deal], business_zone())[0]):
            named[converted] = moments[0].valid_from
        for lead, at in along_merges(named, holding(leads)).items():
            linked.setdefault(lead, []).append((at, deal))
        theirs = {lead for lead, found in linked.items() if any(by == deal for _, by in found)}
        theirs |= {lead for to, lead in conversions if to == deal}
        while merged := {lead for lead, state in newest.items() if state.merged_into in theirs} - theirs:
            theirs |= merged
        said = [event for event in events if isinstance(event, LeadEvidenceHanded) and event.lead_id in theirs]
        inputs[deal] = replace(inputs[deal], economic_buyer=[event.entry for event in said])
    firsts = {lead: min(found) for lead, found in linked.items()}
    for deal, own_inputs in inputs.items():
        absorbed = [
            Absorbed(at, [quote for quote in quotes if quote.deal_id == provisional_deal_id(lead)])
            for lead, (at, by) in firsts.items()
            if by == deal
        ]
        found[deal], _ = fold(replace(own_inputs, absorbed=absorbed), business_zone())
    for lead in newest:
        found[provisional_deal_id(lead)] = fold_provisional(
            [state for state in leads if state.lead_id == lead],
            [quote for quote in quotes if quote.deal_id == provisional_deal_id(lead)],
            Absorption(firsts[lead][1], firsts[lead][0]) if lead in firsts else None,
        )
    return found


def as_read(moments: Sequence[Moment[Content]], at: datetime | None) -> Any:
    seen = [moment for moment in moments if at is None or moment.valid_from <= at]
    return standing(CONTENT.dump_json(seen[-1].content)) if seen else None


async def check(database: Database, events: list[Any], batches: list[list[Any]]) -> None:
    """The books after the batches are those of the pure fold of all events."""
    expected = timelines(events)

    found = await outcome(database, batches)

    for deal, moments in expected.items():
        assert found.heads.get(str(deal)) == as_read(moments, None)
        for at in READINGS:
            assert found.readings.get((str(deal), at)) == as_read(moments, at)
        gaps = {m.valid_from: m.unobserved_since for m in moments if m.unobserved_since}
        assert {at: since for (of, at), since in found.gaps.items() if of == str(deal)} == gaps
        told = {m.valid_from: m.changed_by for m in moments}
        assert all(who == told.get(at) for (of, at), who in found.tellers.items() if of == str(deal))
    assert found.heads.keys() <= {str(deal) for deal in expected}


@settings(max_examples=40)
@given(data=st.data())
async def test_any_order_and_repetition_of_inputs_gives_the_books_of_their_fold(
    database: Database, data: st.DataObject
) -> None:
    events = data.draw(histories())

    await check(database, events, data.draw(arrivals_of(events)))


@settings(max_examples=150)
@given(data=st.data())
async def test_in_any_order_the_quotes_of_a_provisional_deal_are_those_of_the_deal_that_absorbs_it(
    database: Database, data: st.DataObject
) -> None:
    events = data.draw(absorptions())

    await check(database, events, data.draw(arrivals_of(events)))


@settings(max_examples=100)
@given(data=st.data())
async def test_in_any_order_what_was_said_of_merged_leads_is_known_of_the_deal_of_the_one_that_stands_for_them(
    database: Database, data: st.DataObject
) -> None:
    events = data.draw(buyers())

    await check(database, events, data.draw(arrivals_of(events)))


@settings(max_examples=15)
@given(data=st.data())
async def test_any_order_and_repetition_of_users_gives_the_same_organisation(
    database: Database, data: st.DataObject
) -> None:
    events: list[EventData] = list(data.draw(st.lists(users(), min_size=2, max_size=8)))

    found = await outcome(database, data.draw(arrivals_of(events)))

    assert found == await outcome(database, [events])
    for person, unit_id, *_ in found.current_people:
        assert found.people[str(person), READINGS[-1]]["unit_id"] == str(unit_id)


def test_the_reader_of_these_tests_knows_gone_from_absorbed() -> None:
    gone = {"removed": True, "absorbed_into": None}

    assert standing(orjson.dumps(gone)) is None
    assert standing(orjson.dumps(gone | {"absorbed_into": "x"})) == "x"
