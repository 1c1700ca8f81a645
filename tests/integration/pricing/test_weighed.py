"""What pricing tells of quotes that set a deal's amount: list, pocket, cost and what lies below the floor, once a revision."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from services.pricing.approvals import keeping
from services.pricing.quotes import service as quotes
from tests.integration.pricing.desk import CSO, FINANCE, MANAGER, OPS, SELLER, SYSTEM, VP, Desk, open_desk
from tests.integration.pricing.given import DEAL, published

AGREE = (("manager", MANAGER), ("vp", VP), ("finance", FINANCE), ("cso", CSO))


@pytest.fixture
async def desk(api_for: Callable[..., Any]) -> Desk:
    return await open_desk(api_for)


async def weighed(desk: Desk) -> list[dict[str, Any]]:
    return [data for verb, data in await published(desk.database) if verb == "weighed"]


async def accept(desk: Desk, quote: str) -> None:
    told = await desk.client.post(f"/v1/quotes/{quote}/accept", headers=SELLER)
    assert told.status_code == 200, told.text


async def test_an_approved_quote_tells_what_it_leaves_and_its_acceptance_says_nothing_new(desk: Desk) -> None:
    quote = await desk.quote(discount="0.15")
    request = (await desk.submit(quote)).json()
    assert await weighed(desk) == [], "nothing is told of what nobody has agreed to"
    await desk.decide(request, MANAGER, authority="manager")
    (told,) = await weighed(desk)
    assert {name: Decimal(told[name]) for name in ("net_amount", "list_amount", "pocket_amount", "cost_amount")} == {
        "net_amount": Decimal(85), "list_amount": Decimal(100), "pocket_amount": Decimal(85), "cost_amount": Decimal(55),
    }  # fmt: skip
    assert (told["deal_id"], told["currency"], told["revision"]) == (str(DEAL), "EUR", 1)
    assert Decimal(told["below_floor"]) == 0, "the policy lets sell at 60 % of the list price"
    await accept(desk, quote)
    assert len(await weighed(desk)) == 1


async def test_what_lies_below_the_floor_is_told_in_money(desk: Desk) -> None:
    quote = await desk.quote(discount="0.45")
    request = (await desk.submit(quote, reason="new_logo")).json()
    for authority, who in AGREE:
        assert (await desk.decide(request, who, authority=authority)).status_code == 200
    assert await desk.status(quote) == "approved"
    (told,) = await weighed(desk)
    assert Decimal(told["below_floor"]) == 5


async def test_an_unknown_cost_or_floor_is_told_as_unknown_and_never_as_nothing(api_for: Callable[..., Any]) -> None:
    desk = await open_desk(api_for, policy=False)
    wanted = {"code": "NEW", "name": "New", "line": "Suite", "list_price": "100", "currency": "EUR"}
    made = await desk.client.post("/v1/products", json=wanted, headers=OPS)
    desk.product = made.json()["product_id"]
    await accept(desk, await desk.quote(discount="0.1"))
    (told,) = await weighed(desk)
    assert "cost_amount" not in told
    assert "below_floor" not in told, "without a policy and won quotes there is no floor"
    assert Decimal(told["pocket_amount"]) == 90


async def test_a_revised_quote_tells_anew_what_it_leaves(desk: Desk) -> None:
    quote = await desk.quote(discount="0.05")
    await desk.submit(quote)
    await desk.revise(quote, discount="0.08")
    await desk.submit(quote)
    assert [(told["revision"], Decimal(told["pocket_amount"])) for told in await weighed(desk)] == [(1, 95), (2, 92)]


async def test_quotes_accepted_before_anything_was_told_are_told_by_the_scheduler_and_once(desk: Desk) -> None:
    quote = UUID(await desk.quote(discount="0.05"))

    async def admit(*_: Any) -> None:
        """As before, when acceptance told nothing of what a quote leaves."""

    async with desk.database.transaction() as session:
        await quotes.accept_quote(session, quote, admit=admit, principal=SYSTEM)
    await desk.quote(discount="0.02")
    assert await weighed(desk) == []
    assert [await keeping.weigh(desk.database, principal=SYSTEM) for _ in range(2)] == [1, 0]
    (told,) = await weighed(desk)
    assert (told["quote_id"], Decimal(told["pocket_amount"])) == (str(quote), 95)
