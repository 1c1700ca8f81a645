"""Prices drawn at random where that was opted into, and the win curve that rests on nothing else."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
from sqlalchemy import text

from libs.common import clock
from libs.common.ids import new_id, unit_id
from services.pricing.draws.drawing import commitment, drawn
from services.pricing.guidance import repository
from services.pricing.guidance.models import Publication, PublishedBand
from tests.integration.pricing.desk import CSO, DOCUMENT, OPS, SELLER, Desk, open_desk
from tests.integration.pricing.given import DEAL, deal, handle
from tests.support.keys import bearer

D = Decimal


async def banded(api_for: Callable[..., Any]) -> Desk:
    """A desk without a policy whose product has a band of 70, 80 and 90 % everywhere."""
    desk = await open_desk(api_for, policy=False)
    since = clock.now() - timedelta(days=1)
    band = PublishedBand(
        (), 40, D(40), D(0), D("0.7"), D("0.65"), D("0.75"), D("0.8"), D("0.75"), D("0.85"), D("0.9"), None, None
    )
    async with desk.database.transaction() as session:
        await repository.add_publication(session, Publication(1, "2026Q1", since, since, (), 40, 40, 0, 0), [band])
    return desk


async def opened(desk: Desk, **fields: Any) -> dict[str, Any]:
    wanted = {"product_id": desk.product, "width": "0.04", "note": "what does a price do?"} | fields
    told = await desk.client.post("/v1/price-draws/scopes", json=wanted, headers=OPS)
    assert told.status_code == 201, told.text
    found: dict[str, Any] = told.json()
    return found


async def draw(desk: Desk, deal_id: UUID = DEAL, who: dict[str, str] = SELLER) -> Any:
    body = {"deal_id": str(deal_id), "product_id": desk.product, "currency": "EUR"}
    return await desk.client.post("/v1/price-draws", json=body, headers=who)


async def curve(desk: Desk, scope: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (
        await desk.client.get(f"/v1/price-draws/scopes/{scope['scope_id']}/curve", headers=SELLER)
    ).json()
    return found


async def test_a_price_is_drawn_within_the_band_kept_before_it_is_told_and_the_same_however_often_it_is_asked(
    api_for: Callable[..., Any],
) -> None:
    desk = await banded(api_for)
    assert (await draw(desk)).json()["type"] == "urn:foretell:problem:nothing-to-draw"
    scope = await opened(desk)
    assert scope["ratios"] == ["0.7600", "0.7800", "0.8000", "0.8200", "0.8400"]
    answers = [each.json() for each in await asyncio.gather(*(draw(desk) for _ in range(4)))]
    assert {each["ratio"] for each in answers} <= set(scope["ratios"])
    assert len({each["ratio"] for each in answers}) == 1
    assert sorted(each["is_new"] for each in answers) == [False, False, False, True]
    first = answers[0]
    assert (first["probability"], D(first["unit_price"])) == ("0.200000", 100 * D(first["ratio"]))
    async with desk.database.reading() as session:
        (kept,) = (await session.execute(text("SELECT of_list AS ratio, probability FROM drawn_price"))).all()
    assert (str(kept.ratio), str(kept.probability)) == (first["ratio"], "0.200000")


async def test_the_key_is_told_when_the_scope_has_ended_and_makes_the_same_draw(api_for: Callable[..., Any]) -> None:
    desk = await banded(api_for)
    scope = await opened(desk)
    got = (await draw(desk)).json()
    assert scope["secret"] is None
    ended = await desk.client.post(f"/v1/price-draws/scopes/{scope['scope_id']}/end", json={}, headers=CSO)
    (told,) = ended.json()["items"]
    secret = bytes.fromhex(told["secret"])
    assert (commitment(secret), told["drawn"]) == (scope["commitment"], 1)
    assert drawn(secret, DEAL, tuple(D(each) for each in told["ratios"]))[0] == D(got["ratio"])
    assert (await draw(desk)).status_code == 409


async def test_nothing_is_drawn_without_a_band_twice_in_one_place_below_the_policy_or_by_who_may_not(
    api_for: Callable[..., Any],
) -> None:
    bare = await open_desk(api_for, policy=False)
    wanted = {"product_id": bare.product, "note": "x"}
    told = await bare.client.post("/v1/price-draws/scopes", json=wanted, headers=OPS)
    assert (told.status_code, told.json()["type"]) == (409, "urn:foretell:problem:band-missing")
    for body, status in ((wanted | {"width": "0.06"}, 422), (wanted | {"key": "mine"}, 422)):
        assert (await bare.client.post("/v1/price-draws/scopes", json=body, headers=OPS)).status_code == status
    assert (await bare.client.post("/v1/price-draws/scopes", json=wanted, headers=SELLER)).status_code == 403


async def test_scopes_do_not_meet_and_a_stricter_policy_stops_the_draw(api_for: Callable[..., Any]) -> None:
    desk = await banded(api_for)
    await opened(desk, market="Nordics")
    assert (await draw(desk)).status_code == 409, "the deal's market is unknown"
    again = {"product_id": desk.product, "note": "x", "segment": "SMB"}
    told = await desk.client.post("/v1/price-draws/scopes", json=again, headers=OPS)
    assert told.json()["type"] == "urn:foretell:problem:scope-overlaps"
    await opened(desk, market="DACH")
    other = new_id()
    await handle(desk.database, deal(other, market="DACH"))
    assert (await draw(desk, other, who=CSO)).status_code == 201
    elsewhere = bearer("seller", subject="user:other", scope=(unit_id("Elsewhere"),))
    assert (await draw(desk, other, who=elsewhere)).status_code == 404
    told = await desk.client.post(
        "/v1/price-policies", json={"document": DOCUMENT | {"minima": [{"share": "0.77"}]}, "note": "x"}, headers=OPS
    )
    assert told.status_code == 201
    stopped = await draw(desk, other, who=CSO)
    assert (stopped.status_code, "policy" in stopped.json()["detail"]) == (409, True)


async def test_without_drawn_prices_there_is_no_curve_whatever_sellers_chose(api_for: Callable[..., Any]) -> None:
    desk = await banded(api_for)
    scope = await opened(desk)
    assert (await curve(desk, scope))["why_not"] == "there are no quotes whose outcome is known"
    for number in range(3):
        each = new_id()
        await handle(desk.database, deal(each, amount="1", currency="EUR"))
        body = {"deal_id": str(each), "currency": "EUR", "lines": [{"product_id": desk.product, "discount": "0.2"}]}
        assert (await desk.client.post("/v1/quotes", json=body, headers=CSO)).status_code == 201
        await handle(desk.database, deal(each, version=2, minute=1, state="won" if number else "lost"))
    found = await curve(desk, scope)
    assert (found["is_accepted"], found["chosen_by_people"], found["line"]) == (False, 3, [])
    assert found["why_not"].startswith("none of 3 prices was randomised")


async def test_the_curve_is_of_drawn_prices_and_falls_where_prices_matter(api_for: Callable[..., Any]) -> None:
    desk = await banded(api_for)
    scope = await opened(desk)
    ratios = [float(each) for each in scope["ratios"]]
    rng = np.random.default_rng(3)
    rows, deals = [], []
    for _ in range(1500):
        place = int(rng.integers(len(ratios)))
        is_won = bool(rng.random() < 1 / (1 + np.exp(20 * (ratios[place] - 0.8))))
        each = new_id()
        deals.append({"id": each, "state": "won" if is_won else "lost"})
        rows.append({"scope": UUID(scope["scope_id"]), "deal": each, "ratio": D(scope["ratios"][place])})
    async with desk.database.transaction() as session:
        await session.execute(
            text("INSERT INTO deal_reference (deal_id, version, valid_from, state) VALUES (:id, 1, now(), :state)"),
            deals,
        )
        await session.execute(
            text("INSERT INTO drawn_price VALUES (:scope, :deal, :ratio, 0.2, 'user:seller', now())"), rows
        )
    found = await curve(desk, scope)
    assert (found["is_accepted"], found["deals"], found["why_not"]) == (True, 1500, None)
    assert found["slope_low"] < -20 < found["slope_high"] < 0
    assert sum(each["deals"] for each in found["points"]) == 1500
    chances = [each["chance"] for each in found["line"]]
    assert chances == sorted(chances, reverse=True)
    assert all(each["low"] < each["chance"] < each["high"] for each in found["line"])
    table = await desk.client.get(f"/v1/price-draws/scopes/{scope['scope_id']}/curve/export", headers=SELLER)
    assert len(table.text.splitlines()) == 6
