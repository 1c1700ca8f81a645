"""Quotes that come with an absorbed deal, and decisions about gates, through the real handlers and by HTTP."""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from itertools import permutations
from typing import Any
from uuid import UUID

import httpx
import orjson
import pytest
import pytest_asyncio
from sqlalchemy import text

from libs.common.db import Database, is_passing
from libs.common.ids import entity_id, provisional_deal_id, unit_id
from tests.integration.deals.books import apply
from tests.support.keys import bearer
from tests.unit.deals.given import day, deal_id, lead, lead_id, quote, record, user

PROVISIONAL = provisional_deal_id(lead_id("L"))
QUALIFIED = lead(1, day(0))
OFFER = quote(1, day(2), PROVISIONAL)
EARLY = record(day(1), "E", lead_id=lead_id("L"))
LATE = record(day(3), "D", lead_id=lead_id("L"))


@pytest_asyncio.fixture
async def database(database_for: Callable[[str], Database]) -> Database:
    return database_for("deals")


async def give(database: Database, *batch: Any) -> None:
    async with database.transaction() as session:
        await apply(session, batch)


async def worth(database: Database) -> dict[UUID, tuple[Decimal, str]]:
    async with database.reading() as session:
        rows = await session.execute(
            text("SELECT deal_id, amount, content->>'amount_from' FROM deal WHERE version > 0 AND NOT removed")
        )
        return {row[0]: (row[1], row[2]) for row in rows}


async def test_a_quote_on_a_provisional_deal_is_worth_the_same_on_the_deal_that_absorbs_it(database: Database) -> None:
    """In every order of arrival of the lead, its quote and the opportunity."""
    for number, order in enumerate(permutations(range(3))):
        name = f"{number}"
        events = [
            lead(1, day(0), name),
            quote(1, day(2), provisional_deal_id(lead_id(name)), name=name),
            record(day(1), name, lead_id=lead_id(name)),
        ]
        for index in order:
            await give(database, events[index])
        assert (await worth(database))[deal_id(name)] == (Decimal("880.00"), "quote"), order


async def test_its_withdrawal_gives_the_amount_back_to_the_crm(database: Database) -> None:
    await give(database, QUALIFIED, OFFER, LATE)
    await give(database, quote(2, day(5), PROVISIONAL, status="withdrawn"))

    assert await worth(database) == {deal_id("D"): (Decimal("1000.00"), "crm")}


async def test_an_absorption_that_turns_out_to_be_anothers_takes_the_quote_along(database: Database) -> None:
    await give(database, QUALIFIED, OFFER, LATE)
    assert await worth(database) == {deal_id("D"): (Decimal("880.00"), "quote")}

    await give(database, EARLY)

    assert await worth(database) == {
        deal_id("D"): (Decimal("1000.00"), "crm"),
        deal_id("E"): (Decimal("880.00"), "quote"),
    }


async def test_an_absorption_that_is_undone_gives_the_quote_back(database: Database) -> None:
    await give(database, QUALIFIED, OFFER, EARLY, LATE)

    await give(database, record(day(1), "E", mapping=2))
    assert await worth(database) == {
        deal_id("D"): (Decimal("880.00"), "quote"),
        deal_id("E"): (Decimal("1000.00"), "crm"),
    }

    await give(database, record(day(3), "D", mapping=2))
    found = await worth(database)
    assert found[deal_id("D")] == (Decimal("1000.00"), "crm")
    assert found[PROVISIONAL] == (Decimal("880.00"), "quote")


async def test_a_quote_that_arrives_while_its_deal_is_absorbed_is_not_lost(database: Database) -> None:
    async def until_applied(event: Any) -> None:
        while True:
            try:
                await give(database, event)
                return
            except Exception as error:
                if not is_passing(error):
                    raise

    names = [f"{number}" for number in range(15)]
    for name in names:
        await asyncio.gather(
            until_applied(quote(1, day(2), provisional_deal_id(lead_id(name)), name=name)),
            until_applied(record(day(1), name, lead_id=lead_id(name))),
        )

    found = await worth(database)
    assert {name: found[deal_id(name)] for name in names} == dict.fromkeys(names, (Decimal("880.00"), "quote"))


@pytest_asyncio.fixture
async def opened(api_for: Callable[[str], tuple[Any, Any]]) -> tuple[httpx.AsyncClient, Database]:
    """A deal of EMEA/North that waits for its lead."""
    client, runtime = api_for("deals")
    owner = entity_id("crm", "user", "U")
    waiting = record(day(0), owner_id=owner, lead_id=lead_id("L"))
    await give(runtime.database, user(day(0), team_path="EMEA/North"), user(day(0), "V", team_path="APAC"), waiting)
    return client, runtime.database


async def decide(client: httpx.AsyncClient, headers: dict[str, str], *, withdraw: bool = False) -> httpx.Response:
    path = f"/v1/deals/{deal_id('D')}/gate" + ("/withdraw" if withdraw else "")
    return await client.post(path, json={"reason": "the customer has called"}, headers=headers)


async def gate(client: httpx.AsyncClient) -> dict[str, Any]:
    answer = await client.get(f"/v1/deals/{deal_id('D')}/gate", headers=bearer("viewer"))
    found: dict[str, Any] = answer.json()
    return found


async def test_a_manager_lets_a_waiting_deal_in_and_takes_that_back(
    opened: tuple[httpx.AsyncClient, Database],
) -> None:
    client, database = opened
    manager = bearer("manager", scope=(unit_id("EMEA"),), subject="mgr")
    assert (await gate(client))["gate"] == "waiting"

    overridden = await decide(client, manager)
    assert (overridden.status_code, overridden.json()["gate"]) == (200, "overridden")
    assert (await decide(client, manager)).status_code == 409
    withdrawn = await decide(client, bearer("sales_ops", subject="ops"), withdraw=True)
    assert (withdrawn.status_code, withdrawn.json()["gate"]) == (200, "waiting")
    assert (await decide(client, manager, withdraw=True)).status_code == 409

    decisions = (await gate(client))["decisions"]
    assert [(entry["actor"], entry["overrides"]) for entry in decisions] == [("mgr", True), ("ops", False)]
    assert {entry["reason"] for entry in decisions} == {"the customer has called"}
    async with database.reading() as session:
        rows = await session.execute(
            text("SELECT data, attributes FROM outbox WHERE topic = 'deal-events' ORDER BY position")
        )
        told = [(orjson.loads(row.data), row.attributes) for row in rows]
    gates = [(data["gate"], attributes.get("actor"), data.get("reason")) for data, attributes in told if "gate" in data]
    assert gates == [("waiting", None, None), ("overridden", "mgr", None), ("waiting", "ops", None)]
    timeline = (await client.get(f"/v1/deals/{deal_id('D')}/timeline", headers=bearer())).json()["entries"]
    assert timeline[1]["cause"]["event"] == decisions[0]["decision_id"]


async def test_a_qualification_after_an_override_makes_the_gate_passed(
    opened: tuple[httpx.AsyncClient, Database],
) -> None:
    client, database = opened
    await decide(client, bearer("manager"))
    await give(database, lead(1, day(5)))
    assert (await gate(client))["gate"] == "passed", "the verdict that was reached earlier but arrived later holds too"
    refused = await decide(client, bearer("manager"))
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:foretell:problem:not-held-back")


@pytest.mark.parametrize("role", ["viewer", "seller", "finance", "cso", "ceo"])
async def test_nobody_but_managers_and_sales_ops_decides_about_gates(
    opened: tuple[httpx.AsyncClient, Database], role: str
) -> None:
    client, _ = opened
    assert (await decide(client, bearer(role))).status_code == 403
    assert (await gate(client)) == {"deal_id": str(deal_id("D")), "gate": "waiting", "decisions": []}


async def test_a_manager_of_other_units_can_neither_see_nor_override_a_gate(
    opened: tuple[httpx.AsyncClient, Database],
) -> None:
    client, _ = opened
    other = bearer("manager", scope=(unit_id("APAC"),))
    assert (await decide(client, other)).status_code == 404
    assert (await client.get(f"/v1/deals/{deal_id('D')}/gate", headers=other)).status_code == 404
    assert (await decide(client, bearer("manager"))).status_code == 200
    assert (await decide(client, other, withdraw=True)).status_code == 404
    assert (await gate(client))["gate"] == "overridden"


async def test_a_decision_is_kept_for_good(database: Database) -> None:
    with pytest.raises(Exception, match="permission denied"):
        async with database.transaction() as session:
            await session.execute(text("DELETE FROM deal_input WHERE kind = 'gate'"))
