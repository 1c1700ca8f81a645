"""The event path on a real database: any order and repetition ends in the same deals and the same cells."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY
from sqlalchemy import text

from libs.common.db import Database
from libs.common.events.base import Received
from libs.common.events.deals import DealState
from libs.common.web.auth import Principal
from services.forecast.component import sweep
from services.forecast.rollup import repository
from services.forecast.rollup import service as rollup
from tests.integration.forecast.given import AT, TODAY, deal, handle, named, rows
from tests.support.databases import DatabaseServer
from tests.support.keys import bearer

DEFAULT = {"EUR": Decimal(1), "USD": Decimal("0.92"), "JPY": Decimal("0.0061")}

CHANGES = st.fixed_dictionaries(
    {
        "state": st.sampled_from(["open", "open", "won", "lost"]),
        "category": st.sampled_from([None, "pipeline", "best_case", "most_likely", "commit", "omitted"]),
        "gate": st.sampled_from(["not_applicable", "waiting", "passed", "overridden"]),
        "amount": st.none() | st.decimals(Decimal(-5), Decimal(100000), places=3),
        "currency": st.sampled_from([None, "EUR", "USD", "JPY", "XAU"]),
        "stage_probability": st.none() | st.decimals(0, 1, places=3),
        "close_date": st.none() | st.dates(date(2024, 8, 15), date(2025, 1, 15)),
        "closed_on": st.none() | st.dates(date(2024, 8, 15), date(2024, 11, 15)),
        "close_date_provisional": st.booleans(),
        "owner_id": st.sampled_from([None, named("ann"), named("bob")]),
        "region": st.sampled_from([None, "EMEA", "APAC"]),
        "market": st.sampled_from([None, "public"]),
        "deal_type": st.sampled_from(["new", "renewal"]),
        "removed": st.sampled_from([False, False, False, True]),
        "absorbed_into": st.sampled_from([None, None, None, named("other")]),
        "hours": st.integers(0, 3),
    }
)


@st.composite
def batches(draw: st.DrawFn) -> list[list[Received[Any]]]:
    """Timelines of a few deals, repeated, shuffled, and cut into batches."""
    events = []
    for name in ("a", "b", "c"):
        for version, change in enumerate(draw(st.lists(CHANGES, min_size=1, max_size=5)), start=1):
            hours = change.pop("hours")
            events.append(
                deal(name, version, partition=ord(name) % 2, valid_from=AT + timedelta(hours=hours), **change)
            )
    shuffled = draw(st.permutations(events + draw(st.lists(st.sampled_from(events), max_size=4))))
    size = draw(st.integers(1, len(shuffled)))
    return [shuffled[start : start + size] for start in range(0, len(shuffled), size)]


def newest(events: list[Received[Any]]) -> dict[Any, DealState]:
    return {
        event.data.deal_id: event.data for event in sorted(events, key=lambda e: (e.data.valid_from, e.data.version))
    }


def oracle(deals: list[DealState]) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    """The cells by another road: no code of the product, one deal after the other."""
    cells: dict[tuple[Any, ...], list[Any]] = defaultdict(lambda: [0, Decimal(), Decimal(), 0, 0])
    for state in deals:
        if state.removed or state.absorbed_into:
            continue
        if state.state != "open":
            line, day = {"won": "closed_won", "lost": "lost"}[state.state], state.closed_on or state.close_date
        else:
            line, day = state.category or "pipeline", state.close_date
            if line != "omitted":
                line = "held_back" if state.gate == "waiting" else "pipeline" if state.close_date_provisional else line
        rate = DEFAULT.get(state.currency or "")
        cent = Decimal("0.01")
        amount = None if state.amount is None or rate is None else (state.amount * rate).quantize(cent, "ROUND_HALF_UP")
        if state.state != "open":
            weighted: Decimal | None = Decimal()
        elif amount is None or state.stage_probability is None:
            weighted = None
        else:
            weighted = (amount * state.stage_probability).quantize(cent, "ROUND_HALF_UP")
        for dim, value in (("total", ""), ("region", state.region or ""), ("market", state.market or "")):
            cell = cells[(dim, value, line, day.replace(day=1) if day else None, state.owner_id, state.deal_type)]
            cell[0] += 1
            cell[1] += amount or 0
            cell[2] += weighted or 0
            cell[3] += amount is None
            cell[4] += weighted is None
    return {key: tuple(cell) for key, cell in cells.items()}


CELLS = """
    SELECT dim, dim_value, line, nullif(month, '1900-01-01') AS month,
           nullif(owner_id, '00000000-0000-0000-0000-000000000000') AS owner_id, deal_type, sum(deal_count)::bigint AS n,
           sum(amount) AS amount, sum(weighted) AS weighted, sum(unpriced)::bigint AS unpriced,
           sum(unweighted)::bigint AS unweighted
    FROM rollup_cell WHERE dim IN ('total', 'region', 'market')
    GROUP BY 1, 2, 3, 4, 5, 6 HAVING sum(deal_count) <> 0 OR sum(amount) <> 0 OR sum(weighted) <> 0
"""


async def cells(database: Database) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    found = [tuple(row.values()) for row in await rows(database, CELLS)]
    return {row[:6]: row[6:] for row in found}


async def check(database: Database) -> list[dict[str, Any]]:
    async with database.reading() as session:
        return await repository.differences(session)


@pytest_asyncio.fixture(scope="module")
async def databases(database_server: DatabaseServer) -> AsyncIterator[tuple[Database, Database]]:
    """One database for all examples of a property, as the app and as its owner, who may empty it."""
    chosen = database_server.copy_for("forecast")
    owner = Database(chosen.model_copy(update={"database_url": chosen.owner_database_url}))
    database = Database(chosen)
    yield database, owner
    await database.close()
    await owner.close()
    database_server.drop(chosen)


@given(given_batches=batches())
@settings(max_examples=40)
async def test_any_order_and_repetition_of_versions_ends_in_the_same_deals_and_cells(
    databases: tuple[Database, Database], given_batches: list[list[Received[Any]]]
) -> None:
    database, owner = databases
    async with owner.transaction() as session:
        for table in ("deal_version", "deal_current", "rollup_cell", "freshness", "outbox"):
            await session.execute(text(f"DELETE FROM {table}"))  # noqa: S608 - names of ours
    for batch in given_batches:
        await handle(database, batch)
        async with database.transaction() as session:
            await rollup.fold(session, limit=len(batch))
    events = [event for batch in given_batches for event in batch]
    expected = newest(events)
    current = await rows(database, "SELECT deal_id, version, amount FROM deal_current")
    assert {row["deal_id"]: row["version"] for row in current} == {k: v.version for k, v in expected.items()}
    assert {row["deal_id"]: row["amount"] for row in current} == {k: v.amount for k, v in expected.items()}
    assert await cells(database) == oracle(list(expected.values()))
    assert await check(database) == []
    versions = await rows(database, "SELECT deal_id, version FROM deal_version ORDER BY 1, 2")
    assert len(versions) == len({(event.data.deal_id, event.data.version) for event in events})


async def test_an_older_version_that_arrives_later_changes_nothing(database_for: Callable[[str], Database]) -> None:
    database = database_for("forecast")
    await handle(database, [deal("a", 2, amount=Decimal(7), valid_from=AT + timedelta(hours=1))])
    await handle(database, [deal("a", 1), deal("a", 3)])
    current = await rows(database, "SELECT version, amount_base FROM deal_current")
    assert current == [{"version": 2, "amount_base": Decimal("7.00")}]
    assert await check(database) == []
    assert len(await rows(database, "SELECT version FROM deal_version")) == 3


async def test_a_batch_tells_once_that_the_roll_up_moved_and_repetition_tells_nothing(
    database_for: Callable[[str], Database],
) -> None:
    database = database_for("forecast")
    events = [deal("a"), deal("b"), deal("a", 2, amount=Decimal(7))]
    await handle(database, events)
    await handle(database, events)
    told = await rows(database, "SELECT convert_from(data, 'UTF8')::jsonb AS data FROM outbox")
    assert len(told) == 1
    assert told[0]["data"]["deal_count"] == 2
    assert told[0]["data"]["months"] == ["2024-12-01"]


async def test_two_workers_on_the_same_new_deal_count_it_once(database_for: Callable[[str], Database]) -> None:
    database = database_for("forecast")
    for number in range(10):
        name = f"deal {number}"
        await asyncio.gather(
            handle(database, [deal(name, 1, partition=0)]),
            handle(database, [deal(name, 2, partition=1, amount=Decimal(5))]),
        )
    assert await check(database) == []
    total = await rows(
        database, "SELECT sum(deal_count)::int AS n, sum(amount) AS s FROM rollup_cell WHERE dim = 'total'"
    )
    assert total == [{"n": 10, "s": Decimal("50.00")}]


async def test_cells_are_folded_while_deals_change_and_nothing_is_lost(
    database_for: Callable[[str], Database],
) -> None:
    database = database_for("forecast")

    async def fold() -> None:
        async with database.transaction() as session:
            await rollup.fold(session, limit=50)

    for version in range(1, 9):
        await asyncio.gather(
            handle(
                database, [deal(f"a{number}", version, partition=0, amount=Decimal(version)) for number in range(9)]
            ),
            handle(
                database, [deal(f"b{number}", version, partition=1, amount=Decimal(version)) for number in range(9)]
            ),
            fold(),
        )
    await fold()
    total = (
        "SELECT slot, sum(deal_count)::int AS n, sum(amount) AS s FROM rollup_cell WHERE dim = 'total' GROUP BY slot"
    )
    assert await rows(database, total) == [{"slot": repository.SETTLED, "n": 18, "s": Decimal("144.00")}]
    assert await check(database) == []


async def test_the_check_names_a_cell_that_is_not_what_the_deals_make_it(
    database_for: Callable[[str], Database],
) -> None:
    database = database_for("forecast")
    await handle(database, [deal("a"), deal("b", close_date=None)])
    async with database.transaction() as session:
        await session.execute(
            text("UPDATE rollup_cell SET amount = amount + 0.01 WHERE dim = 'region' AND month > '1900-01-01'")
        )
    wrong = await check(database)
    assert [(cell["dim"], cell["amount"], cell["expected_amount"]) for cell in wrong] == [
        ("region", Decimal("1000.01"), Decimal("1000.00"))
    ]
    async with database.transaction() as session:
        await repository.rebuild(session)
    assert await check(database) == []


async def test_empty_cells_are_swept_and_full_ones_stay(api_for: Callable[[str], tuple[Any, Any]]) -> None:
    _, runtime = api_for("forecast")
    await handle(runtime.database, [deal("a", 1, close_date=date(2024, 10, 1)), deal("b")])
    await handle(runtime.database, [deal("a", 2)])
    await sweep(runtime)
    left = await rows(runtime.database, "SELECT month, deal_count FROM rollup_cell WHERE dim = 'total'")
    assert left == [{"month": date(2024, 12, 1), "deal_count": 2}]


async def test_a_new_rate_values_every_deal_anew_and_the_past_keeps_its_own(
    api_for: Callable[[str], tuple[Any, Any]],
) -> None:
    client, runtime = api_for("forecast")
    await handle(
        runtime.database,
        [
            deal("dollars", currency="USD", amount=Decimal("100.10")),
            deal("next year", currency="USD", close_date=date(2025, 1, 5)),
            deal("gold", currency="XAU"),
            deal("removed", currency="USD", removed=True),
        ],
    )

    async def amount(**parameters: str) -> tuple[str, int]:
        answer = await client.get("/v1/forecast/rollup", params={"date": TODAY, **parameters}, headers=bearer("viewer"))
        total = answer.json()["totals"]["total"]
        return total["amount"], total["unpriced_count"]

    assert await amount() == ("92.09", 1)
    before = (await rows(runtime.database, "SELECT clock_timestamp() AS at"))[0]["at"].isoformat()
    rates = (await client.get("/v1/forecast/rates", headers=bearer("viewer"))).json()
    assert rates["unpriced_currencies"] == {"XAU": 1}
    given_rates = {"EUR": "1", "USD": "0.5", "XAU": "2000"}
    answer = await client.put("/v1/forecast/rates", json={"rates": given_rates}, headers=bearer("sales_ops"))
    assert answer.status_code == 200, answer.text
    assert answer.json()["unpriced_currencies"] == {}
    assert await amount() == ("2000050.05", 0)
    assert await check(runtime.database) == []
    assert await amount(as_of=before, known_at=before) == ("92.09", 1)
    year = {"fiscal_year": 2025, "rates": {"USD": "0.25"}}
    assert (await client.put("/v1/forecast/rates", json=year, headers=bearer("finance"))).status_code == 200
    assert await amount(period="2025Q1") == ("250.00", 0)
    assert await amount() == ("2000050.05", 0)


async def test_a_batch_that_waited_for_a_change_of_rates_is_valued_with_the_new_ones(
    database_for: Callable[[str], Database],
) -> None:
    database = database_for("forecast")
    await handle(database, [deal("a", currency="USD", amount=Decimal(100))])
    waiting = "SELECT count(*) AS n FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    async with database.transaction() as session:
        new_rates = {"EUR": Decimal(1), "USD": Decimal("0.5")}
        await rollup.replace_rates(session, fiscal_year=None, rates=new_rates, principal=Principal.system("forecast"))
        batch = asyncio.create_task(handle(database, [deal("b", currency="USD", amount=Decimal(100))]))
        while not (await rows(database, waiting))[0]["n"]:
            assert not batch.done(), "the batch did not wait"
    await batch
    assert await rows(database, "SELECT amount_base FROM deal_current") == [{"amount_base": Decimal("50.00")}] * 2
    assert await check(database) == []


async def test_rates_are_changed_only_by_who_may_and_only_to_something_usable(
    api_for: Callable[[str], tuple[Any, Any]],
) -> None:
    client, _ = api_for("forecast")

    async def put(body: dict[str, Any], *roles: str) -> int:
        return int((await client.put("/v1/forecast/rates", json=body, headers=bearer(*roles))).status_code)

    assert await put({"rates": {"EUR": "1"}}, "seller") == 403
    assert await put({"rates": {"USD": "0.9"}}, "sales_ops") == 422
    assert await put({"rates": {"EUR": "1", "QQQ": "2"}}, "sales_ops") == 422
    assert await put({"rates": {"EUR": "1", "USD": "0"}}, "sales_ops") == 422
    assert await put({"rates": {"EUR": "1"}, "unknown": 1}, "sales_ops") == 422


async def test_latency_is_measured_when_a_live_change_has_committed_and_not_before(
    database_for: Callable[[str], Database],
) -> None:
    database = database_for("forecast")

    def observed() -> float:
        return REGISTRY.get_sample_value("forecast_webhook_to_rollup_seconds_count") or 0.0

    async def apply_and_die() -> None:
        async with database.transaction() as session:
            await rollup.apply(session, [deal("a", delivery_received_at=AT)], principal=Principal.system("forecast"))
            raise RuntimeError("the worker dies")

    before = observed()
    with pytest.raises(RuntimeError, match="the worker dies"):
        await apply_and_die()
    assert observed() == before
    await handle(database, [deal("a", delivery_received_at=AT), deal("imported", reconstructed=True)])
    assert observed() == before + 1
