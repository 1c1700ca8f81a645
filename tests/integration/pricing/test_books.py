"""Price and cost books by REST and CSV, and what a quote takes from them."""

from collections.abc import Callable
from typing import Any

from tests.integration.pricing.given import DEAL, deal, handle
from tests.support.keys import bearer

OPS = bearer("sales_ops")
SELLER = bearer("seller")
FILE = """product,kind,market,segment,currency,amount,holds_from
CORE,list,DACH,,EUR,90,2026-01-01
CORE,cost,,,EUR,40,2026-01-01
"""


async def _product(client: Any, **fields: Any) -> str:
    wanted = {"code": "CORE", "name": "Core", "list_price": "100", "currency": "EUR"} | fields
    made = await client.post("/v1/products", json=wanted, headers=OPS)
    identifier: str = made.json()["product_id"]
    return identifier


async def _import(client: Any, text: str, **params: Any) -> Any:
    told = await client.post(
        "/v1/price-books/imports", content=text, params=params, headers=OPS | {"Content-Type": "text/csv"}
    )
    assert told.status_code == 200, told.text
    return told.json()


async def test_a_quote_takes_list_price_and_cost_of_its_market_and_day(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("pricing")
    await handle(runtime.database, deal(market="DACH"))
    core = await _product(client)
    assert (await _import(client, FILE))["accepted"] == 2
    wanted = {"deal_id": str(DEAL), "currency": "EUR", "lines": [{"product_id": core, "quantity": "2"}]}
    made = (await client.post("/v1/quotes", json=wanted, headers=SELLER)).json()
    assert (made["list_amount"], made["net_amount"]) == ("180.00", "180.00")
    read = (await client.get(f"/v1/quotes/{made['quote_id']}", headers=OPS)).json()
    assert (read["waterfall"]["margin"], read["lines"][0]["cost"]) == ("100.00", "40")
    seen = (await client.get(f"/v1/quotes/{made['quote_id']}", headers=SELLER)).json()
    assert (seen["waterfall"]["margin"], seen["lines"][0]["cost"]) == (None, None)


async def test_a_line_that_cannot_be_taken_is_named_by_row_and_field_and_loses_nothing_else(
    api_for: Callable[..., Any],
) -> None:
    client, _ = api_for("pricing")
    await _product(client)
    text = FILE + "NONE,list,,,EUR,1,2026-01-01\nCORE,list,,,EUR,cheap,2026-01-01\nCORE,list,,,EUR,80,2026-13-01\n"
    told = await _import(client, text)
    assert told["accepted"] == 2
    assert [(each["line"], each["column"]) for each in told["refused"]] == [
        (4, "product"),
        (5, "amount"),
        (6, "holds_from"),
    ]
    assert (await _import(client, text))["accepted"] == 0
    dry = await _import(client, FILE.replace("90", "95"), dry_run=True)
    assert (dry["accepted"], (await _import(client, FILE))["known"]) == (2, 2)


async def test_the_exported_book_can_be_imported_again_and_says_nothing_new(api_for: Callable[..., Any]) -> None:
    client, _ = api_for("pricing")
    await _product(client)
    await _import(client, FILE)
    exported = await client.get("/v1/price-books/export", headers=OPS)
    assert exported.text.count("CORE") == 2
    assert (await _import(client, exported.text))["accepted"] == 0
    assert "cost" not in (await client.get("/v1/price-books/export", headers=SELLER)).text.replace("holds", "")


async def test_a_correction_is_a_newer_statement_and_the_book_as_known_then_stays(api_for: Callable[..., Any]) -> None:
    client, _ = api_for("pricing")
    core = await _product(client)
    await _import(client, FILE)
    before = (await client.get("/v1/price-books", params={"on": "2026-06-01"}, headers=OPS)).json()["items"]
    known_at = max(row["recorded_at"] for row in before)
    await _import(client, FILE.replace("90", "95"))
    read = {"on": "2026-06-01", "market": "DACH"}
    now = (await client.get("/v1/price-books", params=read, headers=OPS)).json()["items"]
    then = (await client.get("/v1/price-books", params=read | {"known_at": known_at}, headers=OPS)).json()["items"]
    assert ([row["amount"] for row in now], [row["amount"] for row in then]) == (["95"], ["90"])
    await _import(client, FILE)
    again = (await client.get("/v1/price-books", params=read, headers=OPS)).json()["items"]
    assert [row["amount"] for row in again] == ["90"]
    told = (await client.get(f"/v1/products/{core}/prices", headers=OPS)).json()["items"]
    assert len(told) == 4


async def test_a_bundle_costs_what_its_parts_do_and_is_never_inside_itself(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("pricing")
    await handle(runtime.database, deal())
    core = await _product(client, cost="40")
    suite = await _product(client, code="SUITE", list_price=None, currency=None)
    parts = {"parts": [{"product_id": core, "quantity": "3"}], "holds_from": "2026-01-01"}
    assert (await client.put(f"/v1/products/{suite}/parts", json=parts, headers=OPS)).status_code == 200
    wanted = {"deal_id": str(DEAL), "currency": "EUR", "lines": [{"product_id": suite}]}
    made = (await client.post("/v1/quotes", json=wanted, headers=SELLER)).json()
    assert made["list_amount"] == "300.00"
    circle = {"parts": [{"product_id": suite, "quantity": "1"}], "holds_from": "2026-01-01"}
    refused = await client.put(f"/v1/products/{core}/parts", json=circle, headers=OPS)
    assert (refused.status_code, refused.json()["type"]) == (422, "urn:foretell:problem:bundle-in-itself")


async def test_a_seller_states_no_prices(api_for: Callable[..., Any]) -> None:
    client, _ = api_for("pricing")
    core = await _product(client)
    entry = {"product_id": core, "currency": "EUR", "amount": "1", "holds_from": "2026-01-01"}
    told = await client.post("/v1/price-books/statements", json={"statements": [entry]}, headers=SELLER)
    assert told.status_code == 403
