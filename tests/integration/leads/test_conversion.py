"""From what CRMs said of past leads to a registered model, chances of waiting leads, and how right they are."""

import asyncio
import tempfile
from collections.abc import Callable
from math import log
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import ProgrammingError

from libs.common import clock, sql
from libs.common.db import Database
from libs.common.ids import entity_id
from libs.common.web.auth import Principal
from services.leads.conversion import repository, service, waiting
from services.leads.conversion.facts import Facts
from services.leads.conversion.kept import document_of, model_of
from services.leads.register import service as register
from tests.integration.leads.given import DAY, company, handle, lead_id, received, said
from tests.support.keys import bearer

SYSTEM = Principal.system("leads")


async def scores(database: Database) -> list[Any]:
    async with database.reading() as session:
        return list(await session.execute(text("SELECT * FROM lead_score ORDER BY lead_id")))


async def test_a_model_is_learnt_once_a_day_registered_with_its_figures_and_scores_every_waiting_lead(
    api_for: Callable[..., Any],
) -> None:
    client, runtime = api_for("leads")
    await company(runtime.database, 700)

    row = await service.learn_nightly(runtime.database, principal=SYSTEM)

    assert row is not None
    assert (row.method, row.horizon_days) == ("model", 60)
    assert await service.learn_nightly(runtime.database, principal=SYSTEM) is None
    found = await scores(runtime.database)
    async with runtime.database.reading() as session:
        waiting = await session.scalar(text("SELECT count(*) FROM lead WHERE verdict = 'pending'"))
    assert len(found) == waiting
    assert {each.model_id for each in found} == {row.model_id}

    told = (await client.get("/v1/lead-models/current", headers=bearer("manager"))).json()
    assert told["model_id"] == str(row.model_id)
    figures = told["figures"]
    assert figures["auc"] > figures["newest_first_auc"]
    assert figures["auc_interval"]["low"] < figures["auc"] < figures["auc_interval"]["high"]
    assert figures["ece_interval"]["low"] <= figures["ece_interval"]["high"]
    assert sum(each["leads"] for each in figures["bins"]) == figures["leads"]
    assert {"by": "source", "value": "web"}.items() <= next(s for s in told["segments"] if s["value"] == "web").items()
    listed = (await client.get("/v1/lead-models", headers=bearer("manager"))).json()["items"]
    assert [each["model_id"] for each in listed] == [str(row.model_id)]
    assert (await client.get(f"/v1/lead-models/{lead_id(1)}", headers=bearer("manager"))).status_code == 404


async def test_a_lead_is_read_with_its_chance_the_share_of_the_prior_and_reasons_that_add_up(
    api_for: Callable[..., Any],
) -> None:
    client, runtime = api_for("leads")
    await company(runtime.database, 700)
    await service.learn_nightly(runtime.database, principal=SYSTEM)

    partner, web = [
        (await client.get(f"/v1/leads/{lead_id(number)}", headers=bearer("manager"))).json()["conversion"]
        for number in (701, 700)
    ]

    assert partner["chance"] > 0.4 > 0.3 > web["chance"]
    for chance in (partner, web):
        assert chance["method"] == "model"
        assert 0 < chance["prior_share"] < 0.3
        total = chance["average_log_odds"] + sum(reason["log_odds"] for reason in chance["reasons"])
        assert log(chance["chance"] / (1 - chance["chance"])) == pytest.approx(total)
    best = next(reason for reason in partner["reasons"] if reason["column"] == "source")
    assert (best["detail"], best["log_odds"] > 0.5) == ("partner", True)
    listed = (await client.get("/v1/leads?verdict=pending&limit=100", headers=bearer("manager"))).json()["items"]
    same = next(each for each in listed if each["lead_id"] == str(lead_id(701)))
    assert same["conversion"]["chance"] == pytest.approx(partner["chance"], abs=1e-3)
    closed = (await client.get("/v1/leads?verdict=rejected&limit=1", headers=bearer("manager"))).json()["items"]
    assert closed[0]["conversion"] is None


async def test_before_anything_is_known_a_lead_is_scored_by_the_rules(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("leads")
    await company(runtime.database, 0, waiting=2)
    for _ in range(2):
        chance = (await client.get(f"/v1/leads/{lead_id(1)}", headers=bearer("manager"))).json()["conversion"]
        assert (chance["method"], chance["prior_share"], chance["horizon_days"]) == ("rules", 1.0, 60)
        assert [reason["column"] for reason in chance["reasons"]] == ["rules"]
        row = await service.learn_nightly(runtime.database, principal=SYSTEM)
    assert row is None


async def test_where_it_does_not_rank_better_than_newest_first_the_rules_go_on(
    database_for: Callable[[str], Database],
) -> None:
    database = database_for("leads")
    await company(database, 500, seed=5, driven=False)
    row = await service.learn(database, principal=SYSTEM)
    assert row.figures is not None
    loses = row.figures["auc"] <= row.figures["newest_first_auc"]
    assert loses, "chosen so that it loses"
    assert (row.method, "newest-first" in row.why) == ("rules", True)
    assert "fitted" not in row.parameters
    await service.score_waiting(database, only_changed=False, principal=SYSTEM)
    assert {each.prior_share for each in await scores(database)} == {1.0}


async def test_only_what_was_known_on_the_day_teaches_and_only_leads_that_still_waited(
    database_for: Callable[[str], Database],
) -> None:
    database = database_for("leads")
    now = clock.now()
    created = now - 200 * DAY
    deal = entity_id("crm", "deal", "1")
    await handle(
        database,
        *(
            received(each, each.lead_id)
            for each in (
                said(1, created, created, source="web"),
                said(1, created + 15 * DAY, created, source="partner"),
                said(1, created + 20 * DAY, created, source="won", status="converted", converted_deal_id=deal),
                said(2, created + DAY, created, source="late", status="converted", converted_deal_id=deal),
                said(3, created, created, source="slow"),
                said(3, created + 90 * DAY, created, source="slow", status="converted", converted_deal_id=deal),
                said(4, now - 10 * DAY, now - 10 * DAY, source="young"),
            )
        ),
    )
    async with database.reading() as session:
        found = await repository.past_leads(
            session, until=now - 60 * DAY, horizon=60 * DAY, ages=service.AGES, most=100
        )
    rows = sorted(zip(found["source"], [round(age) for age in found["age_days"]], found["came"], strict=True))
    assert rows == [("slow", 0, 0), ("slow", 14, 0), ("slow", 42, 1), ("web", 0, 1), ("web", 14, 1)]
    assert (found["leads"], found["conversions"]) == (2, 2)


async def test_new_and_changed_leads_are_scored_and_those_that_left_are_forgotten(
    database_for: Callable[[str], Database],
) -> None:
    database = database_for("leads")
    await company(database, 0, waiting=4)
    await service.learn(database, principal=SYSTEM)
    assert await service.score_waiting(database, only_changed=True, principal=SYSTEM) == 4
    assert await service.score_waiting(database, only_changed=True, principal=SYSTEM) == 0
    now = clock.now()
    changed = [
        said(0, now, now - DAY, source="web", engagement_count=15, last_activity_at=now),
        said(1, now, now - DAY, source="web", status="disqualified"),
    ]
    before = {each.lead_id: each.chance for each in await scores(database)}
    await handle(database, *(received(each, each.lead_id) for each in changed))
    assert await service.score_waiting(database, only_changed=True, principal=SYSTEM) == 1
    after = {each.lead_id: each.chance for each in await scores(database)}
    assert lead_id(1) not in after
    assert after[lead_id(0)] > before[lead_id(0)]


async def test_what_is_copied_of_waiting_leads_is_what_their_states_say(
    database_for: Callable[[str], Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    database = database_for("leads")
    now = clock.now()
    spoken: list[dict[str, Any]] = [
        {"source": 'web, "new"\nshop', "role": "", "employees": 0},
        {"source": None, "industry": "Ärzte, Häuser", "engagement_count": 4, "last_activity_at": now - 3 * DAY},
        {"source": "NULL", "product": "\\N", "last_activity_at": now + DAY},
        {},
    ]
    events = [said(number, now - DAY, now - (number + 1) * DAY, **facts) for number, facts in enumerate(spoken)]
    await handle(database, *(received(each, each.lead_id) for each in events))
    monkeypatch.setattr(waiting, "BLOCK_BYTES", 200)
    with tempfile.TemporaryFile() as file:
        async with database.reading() as session:
            await waiting.copy(session, file, as_of=now, only_changed=False)
        found = {
            UUID(lead): {name: values[place] for name, values in part.facts.table()}
            for part in waiting.copied(file)
            for place, lead in enumerate(part.lead_ids)
        }
    async with database.reading() as session:
        rows = [await register.read_lead(session, lead_id(number), principal=SYSTEM) for number in range(len(spoken))]
    assert len(found) == len(spoken)
    for row in rows:
        assert row.state is not None
        for name, values in Facts.of([row.state], as_of=now).table():
            said_so = found[row.lead_id][name]
            assert said_so == pytest.approx(values[0], nan_ok=True) if values.dtype == float else said_so == values[0]


async def test_only_chances_that_changed_are_written_and_a_slower_scoring_overtakes_none(
    database_for: Callable[[str], Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    database = database_for("leads")
    now = clock.now()
    events = [said(number, now, now, engagement_count=9, last_activity_at=now) for number in range(6)]
    await handle(database, *(received(each, each.lead_id) for each in events))
    await service.learn(database, principal=SYSTEM)
    monkeypatch.setattr(service.clock, "now", lambda: now + 60 * DAY)
    versions = text("SELECT lead_id, xmin::text AS writer FROM lead_score ORDER BY lead_id")

    async def scored() -> list[Any]:
        assert await service.score_waiting(database, only_changed=False, principal=SYSTEM) == 6
        async with database.reading() as session:
            return list(await session.execute(versions))

    first = await scored()
    assert await scored() == first
    monkeypatch.setattr(service.clock, "now", lambda: now)
    assert await scored() == first, "a scoring that began earlier is late"
    monkeypatch.setattr(service.clock, "now", lambda: now + 200 * DAY)
    later = await scored()
    assert [row.lead_id for row in later] == [row.lead_id for row in first]
    assert all(old.writer != new.writer for old, new in zip(first, later, strict=True))


async def test_leads_that_changed_are_found_without_reading_the_others(
    database_for: Callable[[str], Database],
) -> None:
    database = database_for("leads")
    await company(database, 300, waiting=30)
    await service.learn(database, principal=SYSTEM)
    assert (
        await service.score_waiting(database, only_changed=True, principal=SYSTEM) == len(await scores(database)) > 30
    )
    assert await service.score_waiting(database, only_changed=True, principal=SYSTEM) == 0
    changed, gone, now = lead_id(301), lead_id(302), clock.now()
    await handle(
        database,
        received(said(301, now, now - DAY, source="partner"), changed),
        received(said(302, now, now - DAY, status="disqualified"), gone),
    )
    async with database.transaction() as session:
        await session.execute(
            text(
                """
                INSERT INTO lead (lead_id, version, first_at, state)
                SELECT md5(n::text)::uuid, 1, :now, '{"verdict": "pending", "deleted": false}' FROM generate_series(1, 20000) n
                """
            ),
            {"now": now},
        )
        driver = await sql.driver_of(session)
        plan = "\n".join(row[0] for row in await driver.fetch(f"EXPLAIN {waiting.CHANGED}", now))
    assert "Index Scan using lead_pkey" in plan
    assert "Seq Scan on lead " not in plan, plan
    assert await service.score_waiting(database, only_changed=True, principal=SYSTEM) == 1
    known = {each.lead_id for each in await scores(database)}
    assert changed in known
    assert gone not in known
    async with database.reading() as session:
        assert await session.scalar(text("SELECT count(*) FROM lead_unscored")) == 0


async def test_one_lead_is_read_by_one_statement_and_a_dead_connection_is_replaced(
    api_for: Callable[..., Any],
) -> None:
    client, runtime = api_for("leads")
    await company(runtime.database, 700)
    await service.learn(runtime.database, principal=SYSTEM)
    path, seen = f"/v1/leads/{lead_id(701)}", []
    first = await client.get(path, headers=bearer("manager"))
    drivers: list[Any] = []

    def watch(connection: Any, *_: object) -> None:
        connection.driver_connection.add_query_logger(lambda query: seen.append(query.query))
        drivers.append(connection.driver_connection)

    event.listen(runtime.database.engine.sync_engine, "checkout", watch)
    again = await client.get(path, headers=bearer("manager"))
    await asyncio.sleep(0)  # the driver tells of a statement in the loop's next turn
    assert len(seen) == 1, seen
    assert (again.json()["version"], again.headers["etag"]) == (first.json()["version"], '"1"')
    drivers[-1].terminate()
    assert (await client.get(path, headers=bearer("manager"))).status_code == 200
    assert (await client.get(f"/v1/leads/{lead_id(999)}", headers=bearer("manager"))).status_code == 404
    with pytest.raises(ConnectionResetError):
        async with runtime.database.glance():
            raise ConnectionResetError
    assert drivers[-1].is_closed()
    pool: Any = runtime.database.engine.pool
    assert pool.checkedout() == 0


async def test_scoring_in_small_batches_gives_what_one_batch_gives(
    database_for: Callable[[str], Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    database = database_for("leads")
    await company(database, 300, waiting=30)
    await service.learn(database, principal=SYSTEM)
    await service.score_waiting(database, only_changed=False, principal=SYSTEM)
    whole = [(each.lead_id, each.prior_share) for each in await scores(database)]
    monkeypatch.setattr(waiting, "BLOCK_BYTES", 700)
    await service.score_waiting(database, only_changed=False, principal=SYSTEM)
    assert [(each.lead_id, each.prior_share) for each in await scores(database)] == [
        (each, pytest.approx(share, abs=1e-6)) for each, share in whole
    ]


async def test_a_registered_model_scores_as_it_did_and_can_not_be_changed(
    database_for: Callable[[str], Database],
) -> None:
    database = database_for("leads")
    await company(database, 400)
    row = await service.learn(database, principal=SYSTEM)
    async with database.reading() as session:
        kept = await repository.find_model(session, row.model_id)
    assert kept == row
    assert document_of(model_of(kept.parameters)) == row.parameters
    for forbidden in ("UPDATE lead_model SET why = 'better'", "DELETE FROM lead_model"):
        with pytest.raises(ProgrammingError, match="permission denied"):
            async with database.transaction() as session:
                await session.execute(text(forbidden))
