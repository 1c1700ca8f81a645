"""The first day: bands are published and no policy is. Nothing is sold below a floor without a recorded exception."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from sqlalchemy import text

from libs.common.ids import new_id
from services.pricing.approvals import keeping
from services.pricing.guidance import publishing
from tests.integration.pricing.desk import CSO, FINANCE, MANAGER, OPS, SELLER, SYSTEM, YEAR, Desk, open_desk
from tests.integration.pricing.given import deal, handle


async def opened(api_for: Callable[..., Any]) -> Desk:
    """Three quotes at 90 % of list were won, so whatever the product is sold for is held against a floor of 0.9."""
    desk = await open_desk(api_for, policy=False)
    for _ in range(3):
        won = new_id()
        await handle(desk.database, deal(won, amount="90", currency="EUR"))
        body = desk.body("0.1") | {"deal_id": str(won), "currency": "EUR"}
        quote = (await desk.client.post("/v1/quotes", json=body, headers=CSO)).json()["quote_id"]
        assert (await desk.client.post(f"/v1/quotes/{quote}/accept", headers=CSO)).status_code == 200
        await handle(desk.database, deal(won, 2, 1, amount="90", currency="EUR", state="won"))
    assert await publishing.publish_quarterly(desk.database, principal=SYSTEM)
    return desk


async def exceptions(desk: Desk) -> list[tuple[str, str]]:
    async with desk.database.reading() as session:
        rows = await session.execute(text("SELECT quote_id, reason FROM price_exception"))
        return [(str(row.quote_id), row.reason) for row in rows]


async def test_before_a_policy_is_published_below_a_floor_is_sold_only_as_an_exception_that_the_cso_agreed_to(
    api_for: Callable[..., Any],
) -> None:
    desk = await opened(api_for)
    at_floor = await desk.quote(discount="0.1")
    assert (await desk.client.post(f"/v1/quotes/{at_floor}/accept", headers=SELLER)).status_code == 200
    quote = await desk.quote(discount="0.1001")
    refused = await desk.client.post(f"/v1/quotes/{quote}/accept", headers=SELLER)
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:foretell:problem:approval-needed")
    unnamed = await desk.submit(quote)
    assert (unnamed.status_code, unnamed.json()["shortfall"]) == (422, "0.01")
    request = (await desk.submit(quote, reason="new_logo")).json()
    assert ([step["authority"] for step in request["steps"]], request["policy_version"]) == (["cso"], 0)
    assert [each["measure"] for each in request["findings"]] == ["below_floor"], "no budget is set, so none is overrun"
    for nobody in (MANAGER, FINANCE, OPS):
        assert (await desk.decide(request, nobody, authority="cso")).status_code == 403
    assert await exceptions(desk) == []
    assert (await desk.decide(request, CSO, authority="cso")).json()["state"] == "approved"
    assert await exceptions(desk) == [(quote, "new_logo")]
    assert (await desk.client.post(f"/v1/quotes/{quote}/accept", headers=SELLER)).status_code == 200
    used = (await desk.client.get("/v1/approvals/budgets", headers=CSO)).json()["items"]
    assert [(each["year"], each["used"]) for each in used] == [(YEAR, "0.01")]


async def test_the_starting_policy_is_told_until_one_is_published_and_is_history_then(
    api_for: Callable[..., Any],
) -> None:
    desk = await open_desk(api_for, policy=False)
    (starting,) = (await desk.client.get("/v1/price-policies", headers=SELLER)).json()["items"]
    assert (starting["version"], starting["is_starting"], starting["is_in_force"]) == (0, True, True)
    assert (await desk.client.get("/v1/price-policies/load", headers=OPS)).json()["approvals"] == 0
    late = await desk.client.post("/v1/price-policies", json={"document": {}, "note": "x", "after": 1}, headers=OPS)
    assert late.status_code == 409
    assert (await desk.publish()).json()["version"] == 1
    versions = (await desk.client.get("/v1/price-policies", headers=SELLER)).json()["items"]
    assert [(each["version"], each["is_in_force"]) for each in versions] == [(1, True), (0, False)]


async def test_what_waited_without_a_policy_is_asked_anew_under_the_starting_one(api_for: Callable[..., Any]) -> None:
    desk = await opened(api_for)
    unnamed, named = await desk.quote(discount="0.2"), await desk.quote(discount="0.2")
    for quote in (unnamed, named):
        assert (await desk.submit(quote, reason="new_logo")).status_code == 201
    async with desk.database.transaction() as session:
        await session.execute(text("UPDATE approval_request SET policy_version = NULL"))
        await session.execute(
            text("UPDATE approval_request SET reason = NULL WHERE quote_id = :quote"), {"quote": UUID(unnamed)}
        )
    assert await keeping.ask_anew(desk.database, principal=SYSTEM) == 2
    assert (await desk.status(unnamed), await desk.status(named)) == ("draft", "submitted")
    assert await keeping.ask_anew(desk.database, principal=SYSTEM) == 0
