"""Bands published from won quotes, and prices checked against them: by the real service on a real database."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

import httpx
import pytest
from sqlalchemy import text

from libs.common import clock
from libs.common.db import Database
from libs.common.events.deals import PersonPlaced, UnitChanged
from libs.common.ids import ROOT_UNIT, new_id, unit_id
from libs.common.web.auth import Principal
from services.pricing.component import publish_quarterly
from services.pricing.guidance import service
from services.pricing.guidance.models import AskedLine
from tests.integration.pricing.given import AT, DEAL, deal, handle, received
from tests.support.keys import bearer

SELLER, OPS = bearer("seller"), bearer("sales_ops")
SYSTEM = Principal.system("pricing")
NORTH = unit_id("North")
PLACE = {"market": "DACH", "segment": "enterprise"}


async def _product(client: httpx.AsyncClient, **fields: Any) -> str:
    wanted = {"code": "CORE", "name": "Core", "line": "Suite", "list_price": "100", "currency": "EUR"} | fields
    made = await client.post("/v1/products", json=wanted, headers=OPS)
    assert made.status_code == 201, made.text
    return str(made.json()["product_id"])


async def _won(
    client: httpx.AsyncClient,
    runtime: Any,
    number: int,
    lines: list[dict[str, Any]],
    *,
    state: str = "won",
    **fields: Any,
) -> UUID:
    """A deal with an accepted quote, then closed; the quote's id."""
    deal_id = uuid5(DEAL, str(number))
    about = {"market": "DACH", "segment": "enterprise"} | fields
    await handle(runtime.database, deal(deal_id, **about))
    made = await client.post(
        "/v1/quotes", json={"deal_id": str(deal_id), "currency": "EUR", "lines": lines}, headers=SELLER
    )
    assert made.status_code == 201, made.text
    quote = UUID(made.json()["quote_id"])
    assert (await client.post(f"/v1/quotes/{quote}/accept", headers=SELLER)).status_code == 200
    await handle(runtime.database, deal(deal_id, version=2, minute=1, state=state, **about))
    return quote


async def _ask(
    client: httpx.AsyncClient, *lines: dict[str, Any], headers: dict[str, str] = SELLER, **fields: Any
) -> Any:
    wanted = {"currency": "EUR", **PLACE, "lines": list(lines)} | fields
    return await client.post("/v1/price-checks", json=wanted, headers=headers)


async def test_bands_of_won_quotes_are_published_once_a_quarter_and_tell_what_they_rest_on(
    api_for: Callable[..., Any],
) -> None:
    client, runtime = api_for("pricing")
    core = await _product(client)
    assert (await client.get("/v1/guidance/publications", headers=SELLER)).json() == {"items": []}
    await publish_quarterly(runtime)
    assert (await client.get("/v1/guidance/publications", headers=SELLER)).json() == {"items": []}, (
        "nothing was won yet"
    )
    nothing = (await client.get("/v1/guidance", params={"product_id": core} | PLACE, headers=SELLER)).json()
    assert (nothing["publication"], nothing["guidance"]["band"]) == (None, None)
    assert nothing["guidance"]["why"] == "no won quotes are known and there is no policy"

    for number in range(30):
        await _won(client, runtime, number, [{"product_id": core, "discount": f"0.{number + 10}"}])
    excepted = await _won(client, runtime, 30, [{"product_id": core, "discount": "0.9"}])
    recorded = {"quote_id": str(excepted), "reason": "new_logo", "note": "their first year"}
    for _ in range(2):
        assert (await client.post("/v1/price-exceptions", json=recorded, headers=OPS)).status_code == 201
    refused = await client.post("/v1/price-exceptions", json=recorded | {"reason": "displacement"}, headers=OPS)
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:foretell:problem:exception-recorded")
    await _won(client, runtime, 31, [{"product_id": core, "discount": "0.8"}], state="lost")
    unlisted = await _product(client, code="NEW", list_price=None, currency=None)
    await _won(client, runtime, 32, [{"product_id": unlisted, "unit_price": "7"}])

    previewed = (await client.get("/v1/guidance/next", headers=OPS)).json()
    for _ in range(2):
        await publish_quarterly(runtime)
    (published,) = (await client.get("/v1/guidance/publications", headers=SELLER)).json()["items"]
    assert [published[name] for name in ("version", "quotes", "lines", "exceptions", "unlisted_lines")] == [
        1,
        30,
        30,
        1,
        1,
    ]
    detail = (await client.get("/v1/guidance/publications/1", headers=SELLER)).json()
    assert detail["changes"] == previewed["changes"]
    assert [change["path"] for change in detail["changes"]] == [
        [], ["DACH"], ["DACH", "enterprise"], ["DACH", "enterprise", "Suite"], ["DACH", "enterprise", "Suite", "CORE"],
    ]  # fmt: skip

    found = (await client.get("/v1/guidance", params={"product_id": core} | PLACE, headers=SELLER)).json()["guidance"]
    band = found["band"]
    # Ratios 0.61 to 0.90 a hundredth apart: the i-th stands at i / 31.
    assert [Decimal(band[name]) for name in ("floor", "target", "stretch")] == [
        Decimal("0.6620"), Decimal("0.7550"), Decimal("0.8480"),
    ]  # fmt: skip
    assert found["why"] == "30 won quotes in DACH / enterprise / Suite / CORE, shrunk 0 %"
    assert Decimal(band["floor_low"]) < Decimal(band["floor"]) < Decimal(band["floor_high"])

    answer = (await _ask(client, {"product_id": core, "unit_price": "70", "quantity": "2"}, market="Nordics")).json()
    assert answer["lines"][0]["guidance"]["why"] == (
        "none won in Nordics / enterprise / Suite / CORE: 30 won quotes in the whole company, shrunk 0 %"
    )


async def test_a_price_is_told_where_it_stands_line_by_line_and_as_a_whole(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("pricing")
    core, plus = await _product(client), await _product(client, code="PLUS", list_price="300")
    priced = [0.70, 0.75, 0.80, 0.85, 0.90] * 6
    for number, ratio in enumerate(priced):
        lines = [{"product_id": each, "discount": f"{1 - ratio:.2f}"} for each in (core, plus)]
        await _won(client, runtime, number, lines)
    await publish_quarterly(runtime)

    prices = {
        "72": "below_target",
        "69": "below_floor",
        "80": "below_stretch",
        "95": "above_stretch",
        "100": "above_stretch",
    }
    answer = (await _ask(client, *({"product_id": core, "unit_price": price} for price in prices))).json()
    assert [line["standing"] for line in answer["lines"]] == list(prices.values())
    whole = (
        await _ask(client, {"product_id": core, "unit_price": "100"}, {"product_id": plus, "unit_price": "150"})
    ).json()
    assert (Decimal(whole["ratio"]), whole["standing"], whole["version"]) == (Decimal("0.6250"), "below_floor", 1)
    other = (await _ask(client, {"product_id": core, "unit_price": "80"}, currency="USD")).json()
    assert (other["standing"], other["ratio"], other["lines"][0]["ratio"]) == ("unknown", None, None)
    assert "no list price in USD" in other["lines"][0]["why_unknown"]
    nobody = (await _ask(client, {"product_id": str(new_id()), "unit_price": "80"})).json()
    assert "choose one of the catalogue" in nobody["lines"][0]["why_unknown"]

    async def minimum(*_: Any, **__: Any) -> dict[UUID, Decimal]:
        return {UUID(core): Decimal("0.78")}

    async with runtime.database.reading() as session:
        lines = [AskedLine(UUID(core), Decimal(1), Decimal(price), Decimal()) for price in ("77", "79", "100")]
        told = await service.check(session, lines, currency="EUR", **PLACE, minimum=minimum, principal=SYSTEM)
    assert [line.standing for line in told.lines] == ["below_policy", "below_target", "above_stretch"]
    edges = told.lines[0].guided.edges
    assert edges is not None
    assert edges.floor == Decimal("0.78") == told.minimum
    assert "lifted to the policy's minimum of 78.0 %" in told.lines[0].guided.why


async def test_a_quote_keeps_the_version_of_bands_under_which_it_was_made(
    api_for: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, runtime = api_for("pricing")
    core = await _product(client)
    for number in range(3):
        await _won(client, runtime, number, [{"product_id": core, "discount": "0.1"}])
    await publish_quarterly(runtime)
    first = await _won(client, runtime, 10, [{"product_id": core, "discount": "0.02"}])
    before = (await client.get(f"/v1/price-checks/quotes/{first}", headers=SELLER)).json()
    assert (before["version"], before["standing"]) == (1, "above_stretch")

    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(days=95))
    await publish_quarterly(runtime)
    newest = (await client.get("/v1/guidance/publications", headers=SELLER)).json()["items"][0]
    assert (newest["version"], newest["quotes"]) == (2, 4)
    answer = (await _ask(client, {"product_id": core, "unit_price": "90"})).json()
    assert answer["version"] == 1, "it holds from the next midnight"
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(days=97))
    assert (await _ask(client, {"product_id": core, "unit_price": "90"})).json()["version"] == 2
    assert (await client.get(f"/v1/price-checks/quotes/{first}", headers=SELLER)).json() == before
    second = await client.get("/v1/guidance/publications/2", headers=SELLER)
    change = second.json()["changes"][-1]
    assert (change["before"]["quotes"], change["after"]["quotes"]) == (3, 4)
    assert (await client.get("/v1/guidance/publications/3", headers=SELLER)).status_code == 404


async def test_whoever_does_not_sell_and_whoever_may_not_see_the_deal_is_told_nothing(
    api_for: Callable[..., Any],
) -> None:
    client, runtime = api_for("pricing")
    core, seller = await _product(client), new_id()
    unit = UnitChanged(unit_id=NORTH, name="North", kind="team", version=1, valid_from=AT, parent_id=ROOT_UNIT)
    placed = PersonPlaced(person_id=seller, unit_id=NORTH, version=1, valid_from=AT)
    await handle(runtime.database, received(unit, NORTH))
    await handle(runtime.database, received(placed, seller))
    quote = await _won(client, runtime, 1, [{"product_id": core}], owner_id=seller)
    inside, outside = bearer("seller", scope=(NORTH,)), bearer("seller", scope=(unit_id("South"),))
    assert (await client.get(f"/v1/price-checks/quotes/{quote}", headers=inside)).status_code == 200
    hidden = await client.get(f"/v1/price-checks/quotes/{quote}", headers=outside)
    assert (hidden.status_code, hidden.json()["type"]) == (404, "urn:foretell:problem:quote-not-found")
    recorded = {"quote_id": str(quote), "reason": "new_logo", "note": "x"}
    manager = bearer("manager", scope=(unit_id("South"),))
    assert (await client.post("/v1/price-exceptions", json=recorded, headers=manager)).status_code == 404
    assert (await client.post("/v1/price-exceptions", json=recorded, headers=inside)).status_code == 403
    viewer = bearer("viewer")
    assert (await _ask(client, {"product_id": core, "unit_price": "1"}, headers=viewer)).status_code == 403
    for path in ("guidance/publications", "guidance/publications/1", f"guidance?product_id={core}"):
        assert (await client.get(f"/v1/{path}", headers=viewer)).status_code == 403, path
    assert (await client.get("/v1/guidance/next", headers=SELLER)).status_code == 403


async def test_what_was_published_cannot_be_changed_and_one_of_two_processes_publishes(
    api_for: Callable[..., Any], database_for: Callable[[str], Database]
) -> None:
    client, runtime = api_for("pricing")
    core = await _product(client)
    await _won(client, runtime, 1, [{"product_id": core}])
    await asyncio.gather(*(publish_quarterly(runtime) for _ in range(4)))
    async with runtime.database.reading() as session:
        assert (await session.execute(text("SELECT count(*) FROM guidance_publication"))).scalar_one() == 1
    with pytest.raises(Exception, match="permission denied"):
        async with runtime.database.transaction() as session:
            await session.execute(text("UPDATE guidance_band SET floor = 0"))
