"""What is told of how accounts are covered: the money of the cover page, by account, anew whenever it has changed."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import orjson
from sqlalchemy import text

from libs.common.ids import new_id
from libs.common.web.auth import Principal
from services.deals.cover import publishing
from tests.integration.deals.acme import ACCOUNT, OPS, OTHER, ago, ok, spoke, world
from tests.integration.deals.books import apply
from tests.integration.deals.test_cover import deals_of_today, long_ago
from tests.unit.deals.given import deal_id, record, user_id

SYSTEM = Principal.system("deals")


async def tell(runtime: Any) -> int:
    async with runtime.database.transaction() as session:
        return await publishing.tell(session, principal=SYSTEM)


async def told(runtime: Any) -> list[dict[str, Any]]:
    async with runtime.database.reading() as session:
        rows = await session.execute(
            text("SELECT data FROM outbox WHERE type = 'deals.cover.counted.v1' ORDER BY txid, position")
        )
        return [orjson.loads(row.data) for row in rows]


def of(events: list[dict[str, Any]], account: Any) -> list[tuple[Any, ...]]:
    """Version, whether there is an executive, and by currency open, at risk and lapsed."""
    return [
        (
            each["version"],
            each["has_executive"],
            {
                one["currency"]: tuple(
                    Decimal(one[name]) if name in one else None for name in ("open", "at_risk", "lapsed")
                )
                for one in each["amounts"]
            },
        )
        for each in events
        if each["account_id"] == str(account)
    ]


async def test_the_money_of_the_cover_page_is_told_by_account_and_only_what_has_changed(
    api_for: Callable[..., Any],
) -> None:
    client, runtime = api_for("deals")
    await world(runtime)
    await deals_of_today(runtime)
    assert [await tell(runtime), await tell(runtime)] == [2, 0], "the account without open deals is not told of"
    first = await told(runtime)
    assert of(first, ACCOUNT) == [(1, False, {"EUR": (Decimal("307.30"), None, None)})], (
        "nobody tells touchpoints: unknown"
    )
    assert of(first, OTHER) == [(1, False, {"USD": (Decimal(50), None, None)})]

    ann, ben = new_id(), new_id()
    of_e = {"deal_id": str(deal_id("E"))}
    for body in (spoke(2, ann), spoke(1, ben), spoke(3, ann, **of_e), spoke(4, ben, **of_e)):
        await ok(client.post("/v1/touchpoints", json=body, headers=OPS))
    pair = {"ours": str(new_id()), "theirs": str(ann), "cadence_days": 10}
    named = await ok(client.post(f"/v1/accounts/{ACCOUNT}/cover", json=pair, headers=OPS))
    assert await tell(runtime) == 2
    async with runtime.database.transaction() as session:
        await long_ago(session, named)
    assert await tell(runtime) == 1
    found = await told(runtime)
    zero = Decimal(0)
    assert of(found, ACCOUNT)[1:] == [
        (2, True, {"EUR": (Decimal("307.30"), zero, zero)}),
        (3, True, {"EUR": (Decimal("307.30"), Decimal("300.30"), Decimal("300.30"))}),
    ]
    page = await ok(client.get("/v1/accounts/cover", headers=OPS))
    assert {each["currency"]: Decimal(each["amount"]) for each in page["at_risk"]} == {
        "EUR": Decimal("300.30"), "USD": Decimal(50),
    }  # fmt: skip
    assert of(found, OTHER)[-1][2]["USD"] == (50, 50, 0)


async def test_an_account_whose_deals_are_closed_is_told_to_have_nothing_open(api_for: Callable[..., Any]) -> None:
    _, runtime = api_for("deals")
    await world(runtime)
    await deals_of_today(runtime)
    await tell(runtime)
    async with runtime.database.transaction() as session:
        lost = record(ago(0), "S", account_id=OTHER, owner_id=user_id("sam"), state="lost", stage="Lost")
        await apply(session, [lost])
    assert await tell(runtime) == 1
    assert of(await told(runtime), OTHER)[-1] == (2, False, {})
