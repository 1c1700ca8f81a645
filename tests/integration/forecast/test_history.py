"""Readings of the past on a real database: what a replay gives, whatever arrived when; the organisation as it was."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.calendar import FiscalCalendar
from libs.common.db import Database
from libs.common.events.base import Received
from libs.common.events.deals import DealState, PersonPlaced, UnitChanged
from libs.common.ids import ROOT_UNIT, unit_id
from libs.common.web.auth import Principal
from services.forecast.history import loading
from services.forecast.organisation import service as organisations
from services.forecast.organisation.tree import Organisation
from services.forecast.past import service as past
from services.forecast.past.population import BUCKETS, Population
from services.forecast.past.view import View
from services.forecast.periods import service as periods
from services.forecast.rates import service as rates
from services.forecast.rollup.standing import standing
from tests.integration.forecast.given import AT, TODAY, deal, handle, named, organisation, received
from tests.support.keys import bearer
from tests.unit.forecast.given import CHANGES

pytestmark = pytest.mark.asyncio
Api = Callable[[str], tuple[Any, Any]]
INSTANTS = st.integers(-1, 200).map(lambda hours: AT + timedelta(hours=hours))


@st.composite
def arrivals(draw: st.DrawFn) -> list[list[Received[Any]]]:
    """Batches of entries, shuffled: an entry may arrive after others that were recorded later."""
    events = []
    for name in ("a", "b", "c"):
        for version, change in enumerate(draw(st.lists(CHANGES, min_size=1, max_size=4)), start=1):
            valid, recorded = (AT + timedelta(hours=draw(st.integers(0, 150))) for _ in range(2))
            events.append(deal(name, version, valid_from=valid, recorded_at=recorded, **change))
    shuffled = draw(st.permutations(events))
    size = draw(st.integers(1, len(shuffled)))
    return [shuffled[start : start + size] for start in range(0, len(shuffled), size)]


@settings(max_examples=40, deadline=None)
@given(arrivals(), st.lists(st.tuples(INSTANTS, INSTANTS), min_size=3, max_size=3))
async def test_every_reading_is_what_a_replay_of_what_arrived_gives(
    databases: tuple[Any, Database], batches: list[list[Received[Any]]], instants: list[tuple[datetime, datetime]]
) -> None:
    chosen, owner = databases
    await emptied(owner)
    database = Database(chosen)
    arrived: list[Received[Any]] = []
    try:
        for batch in batches:
            await handle(database, batch)
            arrived += batch
            for as_of, known_at in instants:
                assert await read(database, as_of, known_at) == await replayed(database, arrived, as_of, known_at)
    finally:
        await database.close()


@settings(max_examples=25, deadline=None)
@given(arrivals(), st.integers(0, 150), INSTANTS)
async def test_the_same_question_has_the_same_answer_whatever_is_recorded_later(
    databases: tuple[Any, Database], batches: list[list[Received[Any]]], hours: int, as_of: datetime
) -> None:
    chosen, owner = databases
    await emptied(owner)
    known_at = AT + timedelta(hours=hours)
    events = [event for batch in batches for event in batch]
    database = Database(chosen)
    try:
        if known := [event for event in events if event.recorded_at <= known_at]:
            await handle(database, known)
        before = await read(database, as_of, known_at)
        for batch in batches:
            await handle(database, batch)
        assert await read(database, as_of, known_at) == before
    finally:
        await database.close()


async def test_what_arrives_while_a_writing_session_reads_is_read_once(
    databases: tuple[Any, Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen, owner = databases
    await emptied(owner)
    database = Database(chosen)
    copy = loading._copy

    async def overtaken(*given: Any) -> None:
        await handle(database, [deal("late")])
        await copy(*given)

    try:
        await handle(database, [deal("early")])
        monkeypatch.setattr(loading, "_copy", overtaken)
        async with database.transaction() as session:
            await past.columns(session)
        monkeypatch.setattr(loading, "_copy", copy)
        async with database.reading() as session:
            assert len(await past.columns(session)) == 2
    finally:
        await database.close()


UNITS = ["EMEA", "EMEA/North", "EMEA/South", "APAC", "APAC/East"]
LATER = st.lists(
    st.tuples(
        st.sampled_from(["ann", "cid", "dan"]) | st.sampled_from(UNITS),
        st.sampled_from(UNITS),
        st.integers(-200, 200),
        st.integers(1, 100),
        st.booleans(),
    ),
    min_size=1,
    max_size=6,
)
"""Who or what moves where, valid from when (hours), recorded how much later, and whether they leave or it is closed."""


@settings(max_examples=40, deadline=None)
@given(LATER)
async def test_the_organisation_that_was_is_unchanged_by_moves_leavers_splits_and_merges(
    databases: tuple[Any, Database], changes: list[tuple[str, str, int, int, bool]]
) -> None:
    chosen, owner = databases
    await emptied(owner)
    database = Database(chosen)
    known_at = AT + timedelta(hours=10)
    try:
        await organisation(database, {"EMEA/North": ["ann"], "EMEA/South": ["cid"], "APAC/East": ["dan"]})
        async with database.reading() as session:
            before = await organisations.read(session, "was", as_of=known_at, known_at=known_at)
        for version, (who, where, valid, recorded, ends) in enumerate(changes, start=2):
            valid_from, at = AT + timedelta(hours=valid), known_at + timedelta(hours=recorded)
            if who in UNITS:
                unit = UnitChanged(
                    unit_id=unit_id(who), version=version, valid_from=valid_from, parent_id=unit_id(where),
                    name=f"{who} {version}", kind="team", removed=ends,
                )  # fmt: skip
                await handle(database, [received(unit, unit.unit_id, version, at=at)])
            else:
                placed = PersonPlaced(
                    person_id=named(who),
                    version=version,
                    valid_from=valid_from,
                    unit_id=unit_id(where),
                    is_active=not ends,
                )
                await handle(database, [received(placed, placed.person_id, version, at=at)])
        async with database.reading() as session:
            assert await organisations.read(session, "was", as_of=known_at, known_at=known_at) == before
    finally:
        await database.close()


async def emptied(owner: Database) -> None:
    async with owner.transaction() as session:
        for table in (
            "deal_version",
            "deal_current",
            "rollup_cell",
            "freshness",
            "placement_version",
            "org_person",
            "period_change",
            "restatement",
            "split_version",
            "deal_credit",
        ):
            await session.execute(text(f"DELETE FROM {table}"))  # noqa: S608
        for table in ("unit_version", "org_unit"):
            await session.execute(text(f"DELETE FROM {table} WHERE version > 0"))  # noqa: S608


async def read(database: Database, as_of: datetime, known_at: datetime) -> dict[UUID, tuple[Any, ...]]:
    async with database.reading() as session:
        found = await population(session, as_of, known_at)
    deals = [UUID(each) for each in found.columns.texts("deal", found.rows)]
    amounts = [Decimal(int(cents)) / 100 if known else None for cents, known in zip(*found.amount, strict=True)]
    return dict(zip(deals, zip([BUCKETS[line] for line in found.line], amounts, strict=True), strict=True))


async def population(session: AsyncSession, as_of: datetime, known_at: datetime) -> Population:
    return await past.population(
        session,
        as_of=as_of,
        known_at=known_at,
        rates=await rates.load(session),
        view=View(Organisation({}, {}), None, {}),
        books=await periods.books(session, known_at=known_at, principal=Principal.system("forecast")),
    )


async def replayed(
    database: Database, arrived: list[Received[Any]], as_of: datetime, known_at: datetime
) -> dict[UUID, tuple[Any, ...]]:
    seen = [each.data for each in arrived if each.data.valid_from <= as_of and each.recorded_at <= known_at]
    newest: dict[UUID, DealState] = {
        state.deal_id: state for state in sorted(seen, key=lambda state: (state.valid_from, state.version))
    }
    async with database.reading() as session:
        held = await rates.load(session)
    stands = {deal: standing(state, held, FiscalCalendar()) for deal, state in newest.items()}
    return {deal: (found.line, found.amount_base) for deal, found in stands.items() if found is not None}


async def ask(client: Any, path: str, role: str = "cso", scope: tuple[UUID, ...] = (ROOT_UNIT,), **asked: Any) -> Any:
    params = {"date": TODAY, "period": "2024Q4"} | asked
    answer = await client.get(f"/v1/forecast/{path}", params=params, headers=bearer(role, scope=scope))
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_move_changes_todays_organisation_and_not_the_one_that_was(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    await organisation(runtime.database, {"EMEA/North": ["ann"], "EMEA/South": ["cid"]})
    await handle(runtime.database, [deal("a", owner_id=named("ann")), deal("c", owner_id=named("cid"))])
    moved_at = AT + timedelta(days=5)
    moved = PersonPlaced(person_id=named("ann"), version=2, valid_from=moved_at, unit_id=unit_id("EMEA/South"))
    await handle(runtime.database, [received(moved, moved.person_id, 2, at=moved_at)])
    north, south = unit_id("EMEA/North"), unit_id("EMEA/South")

    async def amount(unit: UUID, **asked: Any) -> str:
        reading = await ask(client, "rollup", org=str(unit), **asked)
        return str(reading["totals"]["total"]["amount"])

    before = {"as_of": (AT + timedelta(days=1)).isoformat()}
    assert await amount(north, **before) == await amount(south, **before) == "1000.00"
    assert (await amount(north, organisation="is", **before), await amount(south, organisation="is", **before)) == (
        "0.00",
        "2000.00",
    )
    after = {"as_of": (AT + timedelta(days=6)).isoformat()}
    assert (await amount(north, **after), await amount(south, **after)) == ("0.00", "2000.00")
    known_before = after | {"known_at": (AT + timedelta(days=4)).isoformat()}
    assert (await amount(north, **known_before), await amount(south, **known_before)) == ("1000.00", "1000.00")
    tree = (await ask(client, "call", org=str(unit_id("EMEA")), **before))["tree"]
    assert [(node["label"], node["total"]["amount"]) for node in tree["children"]] == [
        ("North", "1000.00"),
        ("South", "1000.00"),
    ]


async def test_who_leads_a_team_sees_what_was_the_teams_then_and_nothing_else(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    await organisation(runtime.database, {"EMEA/North": ["ann"], "EMEA/South": ["cid"]})
    await handle(runtime.database, [deal("a", owner_id=named("ann")), deal("c", owner_id=named("cid"))])
    moved_at = AT + timedelta(days=5)
    moved = PersonPlaced(person_id=named("ann"), version=2, valid_from=moved_at, unit_id=unit_id("EMEA/South"))
    await handle(runtime.database, [received(moved, moved.person_id, 2, at=moved_at)])
    scope = (unit_id("EMEA/North"),)
    early = await ask(client, "deals", "manager", scope, as_of=(AT + timedelta(days=1)).isoformat())
    assert [each["name"] for each in early["items"]] == ["a"]
    late = await ask(client, "deals", "manager", scope, as_of=(AT + timedelta(days=6)).isoformat())
    assert late["items"] == []
    today = await ask(client, "deals", "manager", scope, as_of=(AT + timedelta(days=1)).isoformat(), organisation="is")
    assert today["items"] == []


async def test_pages_of_deals_of_the_past_are_the_whole_once(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    amounts = [None, Decimal(5), Decimal(5), Decimal(5), None, Decimal(700), Decimal("0.01"), Decimal(-3)]
    await handle(runtime.database, [deal(f"d{at}", amount=amount) for at, amount in enumerate(amounts)])
    asked = {"as_of": (AT + timedelta(days=1)).isoformat(), "limit": 2}
    found, cursor = [], None
    while True:
        page = await ask(client, "deals", **asked, **({"cursor": cursor} if cursor else {}))
        found += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    present = (await ask(client, "deals"))["items"]
    assert [each["deal_id"] for each in found] == [each["deal_id"] for each in present]
    assert len(found) == len(amounts)


async def test_a_reading_in_another_currency_is_valued_by_deal(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    await handle(runtime.database, [deal("a", amount=Decimal("10.01")), deal("b", amount=Decimal("20.01"))])
    reading = await ask(client, "rollup", currency="USD")
    assert (reading["currency"], reading["totals"]["total"]["amount"]) == ("USD", "32.63")
    answer = await client.get("/v1/forecast/rollup", params={"currency": "EURO"}, headers=bearer("cso"))
    assert answer.status_code == 422
    assert "EURO" in answer.json()["detail"]
