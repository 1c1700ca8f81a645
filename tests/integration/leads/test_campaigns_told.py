"""What is told of campaigns: cost, leads, pipeline and won of a month by first and last touch, anew whenever it has changed."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import orjson
from sqlalchemy import text

from libs.common import clock
from libs.common.ids import new_id
from libs.common.messaging.republishing import republish
from libs.common.web.auth import Principal
from services.leads.campaigns import publishing
from services.leads.component import COMPONENT
from tests.integration.leads.given import deal, handle
from tests.integration.leads.teams import lead
from tests.integration.leads.test_campaigns import DAY, file, lines, send

SYSTEM = Principal.system("leads")


async def told(database: Any) -> list[dict[str, Any]]:
    async with database.reading() as session:
        rows = await session.execute(
            text("SELECT data FROM outbox WHERE type = 'leads.campaign.counted.v1' ORDER BY txid, position")
        )
        return [orjson.loads(row.data) for row in rows]


async def tell(database: Any) -> int:
    async with database.transaction() as session:
        return await publishing.tell(session, principal=SYSTEM)


def money(amounts: list[dict[str, str]]) -> dict[str, Decimal]:
    return {each["currency"]: Decimal(each["amount"]) for each in amounts}


async def test_cost_leads_pipeline_and_won_of_a_month_are_what_the_page_shows(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("leads")
    await file(
        client,
        f"campaign,day,amount,currency,source\nSpring fair,{DAY},1000.00,EUR,Fair\nSearch ads,{DAY},500,EUR,Ads\n",
    )
    moved, plain = new_id(), new_id()
    earlier = clock.now() - timedelta(hours=2)
    await handle(runtime.database, lead(moved, at=earlier, source="Fair"), lead(plain, source="Fair"))
    await handle(runtime.database, lead(moved, source="ads", created_at=earlier))
    await handle(
        runtime.database,
        deal(new_id(), moved, state="won", amount=Decimal("4000.10"), currency="EUR"),
        deal(new_id(), plain, amount=Decimal("1000.05"), currency="USD"),
    )
    assert await tell(runtime.database) == 2
    found = {each["name"]: each for each in await told(runtime.database)}
    shown = {touch: await lines(client, touch) for touch in ("first", "last")}
    for name, each in found.items():
        assert each["month"] == f"{DAY[:7]}-01"
        assert money(each["cost"]) == money(shown["first"][name]["cost"])
        for touch in ("first", "last"):
            page, said = shown[touch][name], each[touch]
            assert (said["leads"], said["deals"], said["won_deals"]) == (
                page["leads"],
                page["deals"],
                page["won_deals"],
            )
            assert (money(said["pipeline"]), money(said["won"])) == (money(page["pipeline"]), money(page["won"]))
    assert money(found["Search ads"]["last"]["won"]) == {"EUR": Decimal("4000.10")}
    assert money(found["Spring fair"]["first"]["pipeline"]) == {"USD": Decimal("1000.05")}


async def test_nothing_is_told_twice_and_what_changes_is_the_next_version_of_its_month(
    api_for: Callable[..., Any],
) -> None:
    client, runtime = api_for("leads")
    made = await send(client, "POST", "", {"name": "Fair", "source": "Fair"}, 201)
    assert await tell(runtime.database) == 0, "neither cost nor lead: there is nothing to tell"
    given = new_id()
    await handle(runtime.database, lead(given, source="Fair"))
    assert [await tell(runtime.database), await tell(runtime.database)] == [1, 0]
    await send(client, "POST", f"/{made['campaign_id']}/costs", {"day": DAY, "amount": "10.50", "currency": "EUR"}, 201)
    assert await tell(runtime.database) == 1
    await handle(runtime.database, lead(given, source="Web", at=clock.now() + timedelta(seconds=1), deleted=True))
    assert await tell(runtime.database) == 1
    versions = [(each["version"], each["first"]["leads"], money(each["cost"])) for each in await told(runtime.database)]
    assert versions == [(1, 1, {}), (2, 1, {"EUR": Decimal("10.50")}), (3, 0, {"EUR": Decimal("10.50")})]


async def test_the_scheduler_counts_only_when_something_came_that_may_change_a_campaign(
    api_for: Callable[..., Any],
) -> None:
    client, runtime = api_for("leads")
    await file(client, f"campaign,day,amount,currency\nFair,{DAY},10,EUR\n")
    first = await publishing.tell_changed(runtime.database, None, principal=SYSTEM)
    second = await publishing.tell_changed(runtime.database, first, principal=SYSTEM)
    assert second != first, "what was told stands in the outbox now"
    assert await publishing.tell_changed(runtime.database, second, principal=SYSTEM) == second
    await file(client, f"campaign,day,amount,currency\nFair,{DAY},12,EUR\n")
    await publishing.tell_changed(runtime.database, second, principal=SYSTEM)
    assert [money(each["cost"])["EUR"] for each in await told(runtime.database)] == [10, 12]


async def test_what_was_told_of_campaigns_is_told_again_in_every_version_as_it_was(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("leads")
    await file(client, f"campaign,day,amount,currency,source\nSpring fair,{DAY},1000.00,EUR,Fair\n")
    await handle(runtime.database, lead(new_id(), source="Fair"))
    assert await tell(runtime.database) == 1
    await handle(runtime.database, lead(new_id(), source="Fair"))
    assert await tell(runtime.database) == 1
    first = await _events(runtime.database)

    (source,) = COMPONENT.republishes
    await republish(runtime.database, source, principal=SYSTEM)

    again = (await _events(runtime.database))[len(first) :]
    assert [row[1:] for row in again] == [row[1:] for row in first]
    assert [row.aggregate_version for row in again] == [1, 2]
    assert not {row.id for row in again} & {row.id for row in first}


async def _events(database: Any) -> list[Any]:
    async with database.reading() as session:
        rows = await session.execute(
            text(
                "SELECT id, key, subject, occurred_at, recorded_at, aggregate_version, data FROM outbox"
                " WHERE type = 'leads.campaign.counted.v1' ORDER BY txid, position"
            )
        )
        return list(rows)
