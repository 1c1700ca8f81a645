import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from libs.common.events.deals import PersonPlaced, UnitChanged
from libs.common.ids import ROOT_UNIT, new_id, unit_id
from tests.integration.pricing.given import AT, DEAL, deal, handle, product, published, received
from tests.integration.pricing.given import PRODUCT as CRM_PRODUCT
from tests.support.keys import bearer

NORTH = unit_id("North")
SELLER = bearer("seller")


async def _product(client: httpx.AsyncClient, **fields: Any) -> str:
    wanted = {"code": "CORE", "name": "Core", "list_price": "19.99", "currency": "EUR"} | fields
    made = await client.post("/v1/products", json=wanted, headers=bearer("sales_ops"))
    assert made.status_code == 201, made.text
    identifier: str = made.json()["product_id"]
    return identifier


async def _quote(client: httpx.AsyncClient, product_id: str, **line: Any) -> httpx.Response:
    wanted = {"deal_id": str(DEAL), "currency": "EUR", "lines": [{"product_id": product_id} | line]}
    return await client.post("/v1/quotes", json=wanted, headers=SELLER)


async def test_an_accepted_quote_is_published_with_its_exact_amount(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("pricing")
    await handle(runtime.database, deal())
    core = await _product(client)
    made = await _quote(client, core, quantity="3", discount="0.1")
    assert made.status_code == 201, made.text
    assert (made.json()["net_amount"], made.json()["list_amount"], made.json()["status"]) == ("53.97", "59.97", "draft")
    accepted = await client.post(f"/v1/quotes/{made.json()['quote_id']}/accept", headers=SELLER)
    assert (accepted.status_code, accepted.json()["status"], accepted.headers["etag"]) == (200, "accepted", '"2"')
    told = await published(runtime.database)
    assert [verb for verb, _ in told] == ["changed", "created", "accepted", "weighed"]
    assert (told[-2][1]["net_amount"], told[-2][1]["deal_id"], told[-2][1]["version"]) == ("53.97", str(DEAL), 2)
    (line,) = told[-2][1]["lines"]
    assert (line["product_id"], line["net_amount"]) == (core, "53.97")
    assert line["product"], "others show the name and need no catalogue"
    read = await client.get(f"/v1/quotes/{made.json()['quote_id']}", headers=bearer("viewer"))
    assert [line["net_amount"] for line in read.json()["lines"]] == ["53.97"]


async def test_accepting_a_second_quote_withdraws_the_first_just_before(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("pricing")
    await handle(runtime.database, deal())
    core = await _product(client)
    first, second = [(await _quote(client, core)).json()["quote_id"] for _ in range(2)]
    await client.post(f"/v1/quotes/{first}/accept", headers=SELLER)
    assert (await client.post(f"/v1/quotes/{second}/accept", headers=SELLER)).status_code == 200
    told = [each for each in await published(runtime.database) if each[0] != "weighed"][-2:]
    assert [(verb, event["quote_id"]) for verb, event in told] == [("withdrawn", first), ("accepted", second)]
    times = [datetime.fromisoformat(event["valid_from"]) for _, event in told]
    assert times[0] < times[1]
    listed = await client.get("/v1/quotes", params={"deal_id": str(DEAL), "status": "accepted"}, headers=SELLER)
    assert [item["quote_id"] for item in listed.json()["items"]] == [second]


async def test_two_people_who_accept_at_once_leave_one_accepted_quote(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("pricing")
    await handle(runtime.database, deal())
    core = await _product(client)
    quotes = [(await _quote(client, core)).json()["quote_id"] for _ in range(4)]
    answers = await asyncio.gather(*(client.post(f"/v1/quotes/{quote}/accept", headers=SELLER) for quote in quotes))
    assert [answer.status_code for answer in answers] == [200] * 4
    async with runtime.database.reading() as session:
        rows = (await session.execute(text("SELECT status, count(*) FROM quote GROUP BY 1 ORDER BY 1"))).all()
    assert [tuple(row) for row in rows] == [("accepted", 1), ("withdrawn", 3)]
    told = [event for verb, event in await published(runtime.database) if verb in ("accepted", "withdrawn")]
    latest = max(told, key=lambda event: datetime.fromisoformat(event["valid_from"]))
    assert latest["status"] == "accepted"


@pytest.mark.parametrize("state", ["won", "lost"])
async def test_a_closed_deal_is_neither_quoted_nor_repriced(api_for: Callable[..., Any], state: str) -> None:
    client, runtime = api_for("pricing")
    await handle(runtime.database, deal())
    core = await _product(client)
    draft, accepted = [(await _quote(client, core)).json()["quote_id"] for _ in range(2)]
    await client.post(f"/v1/quotes/{accepted}/accept", headers=SELLER)
    await handle(runtime.database, deal(version=2, minute=1, state=state))
    refused = await _quote(client, core)
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:foretell:problem:deal-is-closed")
    assert state in refused.json()["detail"]
    assert (await client.post(f"/v1/quotes/{draft}/accept", headers=SELLER)).status_code == 409
    assert (await client.post(f"/v1/quotes/{accepted}/withdraw", headers=SELLER)).status_code == 409
    assert (await client.post(f"/v1/quotes/{draft}/withdraw", headers=SELLER)).status_code == 200


async def test_a_deals_older_entry_that_arrives_late_does_not_reopen_it_for_quotes(
    api_for: Callable[..., Any],
) -> None:
    client, runtime = api_for("pricing")
    await handle(runtime.database, deal(version=2, minute=5, state="won"))
    await handle(runtime.database, deal(version=1), deal(version=3, minute=1))
    assert (await _quote(client, await _product(client))).status_code == 409


async def test_an_absorbed_deal_names_the_deal_to_quote_for(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("pricing")
    heir = new_id()
    await handle(runtime.database, deal(removed=True, absorbed_into=heir))
    refused = await _quote(client, await _product(client))
    assert (refused.status_code, refused.json()["absorbed_into"]) == (409, str(heir))


async def test_the_accepted_quote_of_an_absorbed_deal_is_withdrawn_while_the_deal_that_absorbed_it_is_open(
    api_for: Callable[..., Any],
) -> None:
    client, runtime = api_for("pricing")
    heir = new_id()
    await handle(runtime.database, deal(), deal(heir))
    quote = (await _quote(client, await _product(client))).json()["quote_id"]
    assert (await client.post(f"/v1/quotes/{quote}/accept", headers=SELLER)).status_code == 200
    await handle(runtime.database, deal(version=2, minute=1, removed=True, absorbed_into=heir))
    await handle(runtime.database, deal(heir, version=2, minute=1, state="won"))
    refused = await client.post(f"/v1/quotes/{quote}/withdraw", headers=SELLER)
    assert (refused.status_code, refused.json()["state"]) == (409, "won")
    await handle(runtime.database, deal(heir, version=3, minute=2))
    assert (await client.post(f"/v1/quotes/{quote}/withdraw", headers=SELLER)).status_code == 200


async def test_a_deal_that_has_not_arrived_can_be_quoted_by_who_sees_everything(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("pricing")
    core = await _product(client)
    assert (await _quote(client, core)).status_code == 201
    wanted = {"deal_id": str(DEAL), "currency": "EUR", "lines": [{"product_id": core}]}
    north = await client.post("/v1/quotes", json=wanted, headers=bearer("seller", scope=(NORTH,)))
    assert north.status_code == 404
    await handle(runtime.database, deal(state="lost"))
    assert (await _quote(client, core)).status_code == 409


async def test_a_seller_sees_and_accepts_only_quotes_of_deals_in_their_units(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("pricing")
    ann = new_id()
    unit = UnitChanged(unit_id=NORTH, version=1, valid_from=AT, parent_id=ROOT_UNIT, name="North", kind="team")
    await handle(runtime.database, received(unit, NORTH))
    placed = PersonPlaced(person_id=ann, version=1, valid_from=AT, unit_id=NORTH)
    await handle(runtime.database, received(placed, ann))
    await handle(runtime.database, deal(owner_id=ann))
    quote = (await _quote(client, await _product(client))).json()["quote_id"]
    south = bearer("seller", scope=(unit_id("South"),))
    assert (await client.get(f"/v1/quotes/{quote}", headers=south)).status_code == 404
    assert (await client.get("/v1/quotes", headers=south)).json()["items"] == []
    assert (await client.post(f"/v1/quotes/{quote}/accept", headers=south)).status_code == 404
    north = bearer("seller", scope=(NORTH,))
    assert (await client.post(f"/v1/quotes/{quote}/accept", headers=north)).status_code == 200


async def test_a_line_that_cannot_be_priced_is_named(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("pricing")
    await handle(runtime.database, deal())
    dollars = await _product(client, code="US", currency="USD")
    unpriced = await _quote(client, dollars)
    assert (unpriced.status_code, unpriced.json()["type"]) == (422, "urn:foretell:problem:price-missing")
    assert unpriced.json()["line"] == 1
    assert (await _quote(client, dollars, unit_price="7.50")).json()["net_amount"] == "7.50"
    unknown = await _quote(client, str(new_id()))
    assert unknown.json()["type"] == "urn:foretell:problem:unknown-product"
    await client.delete(f"/v1/products/{dollars}", headers=bearer("sales_ops"))
    retired = await _quote(client, dollars, unit_price="7.50")
    assert (retired.status_code, retired.json()["type"]) == (409, "urn:foretell:problem:product-retired")


async def test_a_quote_repeated_with_its_key_is_made_once(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("pricing")
    await handle(runtime.database, deal())
    core = await _product(client)
    wanted: dict[str, Any] = {"deal_id": str(DEAL), "currency": "EUR", "lines": [{"product_id": core}]}
    headers = bearer("seller") | {"Idempotency-Key": "q-1"}
    first = await client.post("/v1/quotes", json=wanted, headers=headers)
    assert first.json() == (await client.post("/v1/quotes", json=wanted, headers=headers)).json()
    other = await client.post("/v1/quotes", json=wanted | {"currency": "JPY"}, headers=headers)
    assert other.status_code == 409


async def test_who_may_only_look_makes_no_quotes(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("pricing")
    await handle(runtime.database, deal())
    await handle(runtime.database, product(1, list_price="5", currency="EUR"))
    wanted = {"deal_id": str(DEAL), "currency": "EUR", "lines": [{"product_id": str(CRM_PRODUCT)}]}
    refused = await client.post("/v1/quotes", json=wanted, headers=bearer("viewer"))
    assert refused.status_code == 403
    assert (await client.post("/v1/quotes", json=wanted, headers=SELLER)).json()["net_amount"] == "5.00"
