"""What deals keep is told again: to consumers that let go of it, that never had it, and that have it all."""

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from sqlalchemy import text

from libs.common import statehash
from libs.common.db import Database
from libs.common.events.base import Cause, EventData, Received
from libs.common.events.catalogue import BY_TYPE
from libs.common.ids import entity_id
from libs.common.messaging import republishing
from libs.common.messaging.applier import Handler
from libs.common.runtime import Component
from libs.common.web.auth import Principal
from services.deals.component import COMPONENT
from services.deals.cover import publishing as cover
from services.deals.organisation.service import announce
from services.forecast.component import COMPONENT as FORECAST
from services.leads.component import COMPONENT as LEADS
from services.pricing.component import COMPONENT as PRICING
from tests.integration.deals.acme import ACCOUNT, OPS, account, ok
from tests.integration.deals.books import apply
from tests.integration.deals.test_deal_parts import DEAL, shares
from tests.unit.deals.given import day, deal_id, lead, lead_id, quote, record, user, user_id

_EVENTS = "SELECT id, key, type, occurred_at, recorded_at, aggregate_version, data FROM outbox ORDER BY txid, position"
_TABLES = """
    SELECT c.relname FROM pg_class c
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace = 'public'::regnamespace
      AND c.relname NOT IN ('alembic_version', 'outbox', 'inbox', 'relay_cursor', 'consumer_position', 'rollup_cell')
    ORDER BY 1
"""
_OWN = {"event_id", "arrived_in"}
"""By which event it came, and in which transaction."""

SYSTEM = Principal.system("deals")


async def _world(api_for: Callable[[str], Any]) -> Database:
    """Deals with corrections, removals, a lead and a quote behind them; people who moved; accounts; what people stated."""
    client, runtime = api_for("deals")
    deals: Database = runtime.database
    async with deals.transaction() as session:
        await announce(session, principal=SYSTEM)
        await apply(
            session, [user(day(0), "nora", team_path="EMEA/North"), user(day(0), "sam", team_path="EMEA/South")]
        )
        await apply(
            session, [user(day(3), "sam", team_path="EMEA/North", sequence=1), account("acme"), account("other")]
        )
        await apply(session, [lead(1, day(0)), record(day(0), stage="Qualify", lead_id=lead_id("L"))])
        await apply(session, [record(day(2), lead_id=lead_id("L"), owner_id=user_id("sam"), account_id=ACCOUNT)])
        await apply(
            session,
            [record(day(1), "E", lead_id=lead_id("M"), owner_id=user_id("nora")), quote(1, day(2), deal_id("F"))],
        )
        await apply(session, [record(day(4), "E", deleted=True), record(day(1), "F"), record(day(0), "F")])
    async with deals.transaction() as session:
        await cover.tell(session, principal=SYSTEM)
    await ok(client.post(f"{DEAL}/splits", json={"shares": shares(nora="0.4", sam="0.6")}, headers=OPS))
    stated = {"product": "Rail", "says": "potential"}
    await ok(client.post(f"/v1/accounts/{ACCOUNT}/whitespace", json=stated, headers=OPS))
    return deals


async def _told(database: Database) -> list[Any]:
    async with database.reading() as session:
        return list(await session.execute(text(_EVENTS)))


async def _again(deals: Database, *names: str) -> list[Any]:
    """The events of telling it again."""
    before = len(await _told(deals))
    for source in republishing.chosen(COMPONENT.republishes, names):
        await republishing.republish(deals, source, principal=SYSTEM)
    return (await _told(deals))[before:]


async def _hear(database: Database, handlers: Mapping[type[EventData], Handler], events: Sequence[Any]) -> None:
    async with database.transaction() as session:
        for row in events:
            kind = BY_TYPE[row.type]
            if kind not in handlers:
                continue
            heard = Received(
                data=kind.model_validate_json(row.data),
                id=row.id,
                type=row.type,
                key=row.key,
                occurred_at=row.occurred_at,
                recorded_at=row.recorded_at,
                aggregate_version=row.aggregate_version,
                topic="deal-events",
                partition=0,
                cause=Cause(),
            )
            await handlers[kind](session, [heard])


async def _knows(database: Database, component: Component) -> dict[str, Any]:
    """Everything that stands in its tables, of cells their sums; and its fingerprint."""
    found: dict[str, Any] = {}
    async with database.reading() as session:
        found["fingerprint"] = await statehash.of_component(session, component.fingerprint)
        for table in await session.scalars(text(_TABLES)):
            rows = await session.scalars(text(f'SELECT to_jsonb(t) FROM "{table}" t'))  # noqa: S608 - its own tables
            found[table] = sorted(
                str(sorted((name, str(value)) for name, value in row.items() if name not in _OWN)) for row in rows
            )
    return {table: rows for table, rows in found.items() if rows}


async def test_every_version_is_told_again_as_it_was_with_its_number_and_its_time(
    api_for: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    deals = await _world(api_for)
    first = await _told(deals)
    monkeypatch.setattr(republishing, "AT_ONCE", 1)

    again = await _again(deals)

    assert sorted(row[1:] for row in again) == sorted(row[1:] for row in first)
    assert not {row.id for row in again} & {row.id for row in first}, "no consumer takes an event twice"


@pytest.mark.parametrize("component", [FORECAST, LEADS, PRICING], ids=lambda each: each.name)
async def test_whoever_has_it_all_is_not_changed_and_whoever_has_nothing_ends_with_the_same(
    api_for: Callable[[str], Any], database_for: Callable[[str], Database], component: Component
) -> None:
    full, empty = database_for(component.name), database_for(component.name)
    nothing = await _knows(empty, component)
    deals = await _world(api_for)
    await _hear(full, component.handlers, await _told(deals))
    expected = await _knows(full, component)

    again = await _again(deals)
    random.Random(7).shuffle(again)  # noqa: S311 - an order, no secret
    await _hear(full, component.handlers, again)
    assert await _knows(full, component) == expected != nothing

    await _hear(empty, component.handlers, again)
    assert await _knows(empty, component) == expected


async def test_what_is_named_is_told_and_a_name_that_nothing_has_is_refused(
    api_for: Callable[[str], Any],
) -> None:
    deals = await _world(api_for)

    told = await _again(deals, "accounts")

    assert {row.key for row in told} == {ACCOUNT, entity_id("crm", "account", "other")}
    with pytest.raises(
        ValueError, match=r"by the name acounts; there are: units, people, accounts, deals, splits, whitespace, cover"
    ):
        await _again(deals, "acounts")
