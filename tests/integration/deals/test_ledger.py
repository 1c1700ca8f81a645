"""What the ledger tells and keeps, through the real handlers and a real database."""

import asyncio
from collections.abc import Callable
from decimal import Decimal

import orjson
import pytest_asyncio
from sqlalchemy import text

from libs.common.db import Database, is_passing
from libs.common.ids import UNASSIGNED_UNIT, entity_id, provisional_deal_id, unit_id
from libs.common.messaging import outbox
from tests.integration.deals.books import apply, books, told
from tests.support.keys import bearer
from tests.unit.deals.given import day, deal_id, lead, lead_id, quote, record, user


@pytest_asyncio.fixture
async def database(database_for: Callable[[str], Database]) -> Database:
    return database_for("deals")


async def events_of(database: Database, *batch: object) -> list[str]:
    """Apply one committed batch; the types of events it told."""
    async with database.transaction() as session:
        await apply(session, batch)  # type: ignore[arg-type]
        return told(session)


async def test_a_deal_is_told_from_its_opening_to_its_return(database: Database) -> None:
    told_of = [
        *await events_of(database, record(day(0), stage="Qualify")),
        *await events_of(database, record(day(1))),
        *await events_of(database, record(day(2), state="won", stage="Won")),
        *await events_of(database, record(day(3))),
        *await events_of(database, record(day(4), deleted=True)),
    ]

    assert [name.split(".")[2] for name in told_of] == ["opened", "changed", "won", "reopened", "removed"]


async def test_a_repeated_record_and_one_without_effect_tell_nothing(database: Database) -> None:
    assert await events_of(database, record(day(0))) == ["deals.deal.opened.v1"]
    assert await events_of(database, record(day(0)), record(day(0))) == []
    assert await events_of(database, record(day(1))) == []

    async with database.reading() as session:
        assert await session.scalar(text("SELECT count(*) FROM deal_input")) == 2
        assert await session.scalar(text("SELECT count(*) FROM deal_version")) == 1


async def test_a_gap_is_told_once_although_the_deal_looks_the_same_after_it(database: Database) -> None:
    await events_of(database, record(day(0)))
    again = record(day(3), unobserved_since=day(1))

    async with database.transaction() as session:
        await apply(session, [again])
        (event,) = [orjson.loads(row[-1]) for row in outbox.pending(session)]
    assert (event["valid_from"], event["unobserved_since"]) == ("2026-03-05T09:00:00Z", "2026-03-03T09:00:00Z")
    assert await events_of(database, again) == []
    assert await events_of(database, record(day(4), amount=Decimal(7))) == ["deals.deal.changed.v1"]


async def test_a_late_record_corrects_the_past_and_what_followed_from_it(database: Database) -> None:
    await events_of(database, record(day(0), stage="Qualify"), record(day(5)))

    told_of = await events_of(database, record(day(2)))

    assert told_of == ["deals.deal.corrected.v1", "deals.deal.changed.v1"]
    async with database.reading() as session:
        rows = await session.execute(
            text(
                "SELECT valid_from, content->>'stage_entered_at' AS entered, version FROM deal_version ORDER BY version"
            )
        )
        versions = [(row.valid_from, row.entered[:10], row.version) for row in rows]
        recorded = await session.scalar(text("SELECT count(DISTINCT recorded_at) FROM deal_version WHERE version > 2"))
    assert versions[2:] == [(day(2), "2026-03-04", 3), (day(5), "2026-03-04", 4)]
    assert recorded == 1


async def test_a_verdict_that_came_before_its_deal_lets_it_pass(database: Database) -> None:
    await events_of(database, lead(1, day(0)))
    await events_of(database, record(day(1), lead_id=lead_id("L")))
    await events_of(database, record(day(2), "E", lead_id=lead_id("K")))
    await events_of(database, lead(1, day(1), "K"))

    async with database.reading() as session:
        rows = await session.execute(
            text("SELECT content->>'external_id', gate FROM deal WHERE version > 0 AND NOT provisional")
        )
        gates = {row[0]: row[1] for row in rows}
    assert gates == {"D": "passed", "E": "passed"}


async def test_an_opportunity_absorbs_the_provisional_deal_of_its_lead_in_either_order(database: Database) -> None:
    opened = await events_of(database, lead(1, day(0)))
    assert opened == ["deals.deal.opened.v1"]
    absorbed = await events_of(database, record(day(1), lead_id=lead_id("L")))
    assert absorbed == ["deals.deal.opened.v1", "deals.deal.removed.v1"]

    await events_of(database, record(day(1), "E", lead_id=lead_id("K")))
    await events_of(database, lead(1, day(0), "K"))

    async with database.reading() as session:
        found = await books(session)
    assert found.heads[str(provisional_deal_id(lead_id("L")))] == str(deal_id("D"))
    assert found.heads[str(provisional_deal_id(lead_id("K")))] == str(deal_id("E"))


async def test_what_arrives_at_once_by_several_workers_finds_each_other(database: Database) -> None:
    async def until_applied(*batch: object) -> None:
        while True:
            try:
                await events_of(database, *batch)
                return
            except Exception as error:
                if not is_passing(error):
                    raise

    names = [f"{number}" for number in range(10)]
    for name in names:
        await asyncio.gather(
            until_applied(record(day(2), name, lead_id=lead_id(name))),
            until_applied(lead(1, day(0), name)),
            until_applied(quote(1, day(3), deal_id(name), name=name)),
            until_applied(quote(1, day(1), provisional_deal_id(lead_id(name)), name=f"for the lead {name}")),
        )

    async with database.reading() as session:
        found = await books(session)
    for name in names:
        own = found.heads[str(deal_id(name))]
        assert (own["gate"], own["amount"]) == ("passed", "880.00")
        assert found.heads[str(provisional_deal_id(lead_id(name)))] == str(deal_id(name))
        assert found.readings[str(provisional_deal_id(lead_id(name))), day(1)]["amount"] == "880.00"


async def test_a_lead_converted_to_a_deal_that_does_not_name_it_is_its_lead(database: Database) -> None:
    await events_of(database, record(day(1)))
    await events_of(database, lead(1, day(2), converted_deal_id=deal_id("D")))

    async with database.reading() as session:
        found = await books(session)
    assert found.heads[str(deal_id("D"))]["lead_id"] == str(lead_id("L"))
    assert found.heads[str(provisional_deal_id(lead_id("L")))] == str(deal_id("D"))


async def test_an_accepted_quote_sets_the_amount_of_a_deal_that_is_not_known_yet(database: Database) -> None:
    assert await events_of(database, quote(1, day(1), deal_id("D"))) == []
    await events_of(database, record(day(0)))

    async with database.reading() as session:
        assert await session.scalar(text("SELECT amount FROM deal WHERE version > 0")) == Decimal("880.00")


async def test_a_late_old_record_of_a_user_does_not_move_them_back(database: Database) -> None:
    await events_of(database, user(day(5), team_path="EMEA/North"))
    told_of = await events_of(database, user(day(1), team_path="EMEA/South"))

    assert sorted(told_of) == ["deals.person.placed.v1", "deals.unit.changed.v1", "deals.unit.changed.v1"]
    async with database.reading() as session:
        unit = await session.scalar(text("SELECT unit_id FROM org_person"))
    assert unit == unit_id("EMEA/North")


async def test_a_user_is_placed_although_their_newest_record_changed_nothing(database: Database) -> None:
    await events_of(database, user(day(0), team_path="EMEA/North"), user(day(1), team_path="EMEA/North"))

    async with database.reading() as session:
        assert await session.scalar(text("SELECT unit_id FROM org_person")) == unit_id("EMEA/North")


async def test_a_seller_sees_only_the_deals_of_their_units(api_for) -> None:  # type: ignore[no-untyped-def]
    client, runtime = api_for("deals")
    owner = entity_id("crm", "user", "U")
    async with runtime.database.transaction() as session:
        await apply(
            session, [user(day(0), team_path="EMEA/North"), record(day(0), owner_id=owner), record(day(0), "E")]
        )
    mine = bearer("seller", scope=(unit_id("EMEA"),))

    everything = (await client.get("/v1/deals", headers=bearer("cso"))).json()["items"]
    visible = (await client.get("/v1/deals", headers=mine)).json()["items"]
    hidden = await client.get(f"/v1/deals/{deal_id('E')}", headers=mine)
    unplaced = (await client.get("/v1/deals", headers=bearer("seller", scope=(UNASSIGNED_UNIT,)))).json()["items"]
    tree = (await client.get("/v1/organisation/tree", headers=mine)).json()["units"]

    assert {row["external_id"] for row in everything} == {"D", "E"}
    assert [row["external_id"] for row in visible] == ["D"]
    assert [row["external_id"] for row in unplaced] == ["E"]
    assert hidden.status_code == 404
    assert [(unit["name"], unit["people"]) for unit in tree] == [("EMEA", 0), ("North", 1)]


async def test_a_deal_and_its_timeline_are_read_with_both_clocks_and_cause(api_for) -> None:  # type: ignore[no-untyped-def]
    client, runtime = api_for("deals")
    async with runtime.database.transaction() as session:
        await apply(session, [record(day(0), name="Big one", stage="Qualify"), record(day(1), name="Big one")])

    deal = await client.get(f"/v1/deals/{deal_id('D')}", headers=bearer())
    timeline = (await client.get(f"/v1/deals/{deal_id('D')}/timeline", headers=bearer())).json()["entries"]
    found = (await client.get("/v1/deals", params={"q": "BIG", "month": "2026-09"}, headers=bearer())).json()
    missed = (await client.get("/v1/deals", params={"month": "2026-10"}, headers=bearer())).json()
    unreadable = await client.get("/v1/deals", params={"month": "soon"}, headers=bearer())

    assert deal.headers["etag"] == '"2"'
    assert deal.json()["amount"] == "1000.00"
    assert [entry["deal"]["stage"] for entry in timeline] == ["Qualify", "Propose"]
    assert all(entry["cause"]["event"] and entry["recorded_at"] for entry in timeline)
    assert (len(found["items"]), missed["items"]) == (1, [])
    assert unreadable.status_code == 422


async def test_a_list_goes_on_where_its_cursor_says(api_for) -> None:  # type: ignore[no-untyped-def]
    client, runtime = api_for("deals")
    async with runtime.database.transaction() as session:
        await apply(session, [record(day(0), f"D{number}") for number in range(5)])

    seen: list[str] = []
    cursor = None
    while True:
        page = (
            await client.get(
                "/v1/deals", params={"limit": 2} | ({"cursor": cursor} if cursor else {}), headers=bearer()
            )
        ).json()
        seen += [row["external_id"] for row in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert sorted(seen) == [f"D{number}" for number in range(5)]
