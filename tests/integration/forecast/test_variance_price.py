"""How much of size is price, by the quotes behind won deals: on every way the same, within scope, and unknown without quotes."""

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from libs.common.events.pricing import QuoteWeighed
from libs.common.ids import new_id
from tests.integration.forecast import test_variance
from tests.integration.forecast.given import handle, named, received
from tests.integration.forecast.test_projection import ask, company, money
from tests.integration.forecast.test_variance import NORTH, QUARTERS, adds_up

NET = {2024: 90, 2025: 80}
"""Of a list price of 100."""

api = test_variance.api


def won_in(since: date, until: date, owners: Iterable[str] = ("ada", "ben", "cleo", "dev")) -> list[Any]:
    last = {each.data.deal_id: each for each in company()}
    whose = {named(owner) for owner in owners}
    return [
        each
        for each in last.values()
        if each.data.state == "won" and since <= each.data.closed_on < until and each.data.owner_id in whose
    ]


@pytest.fixture
async def quoted(api: Any) -> dict[int, list[Any]]:
    """Every second won deal of both quarters has a quote, known with the deal's next version."""
    _, database = api
    found = {year: won_in(*days)[::2] for year, days in QUARTERS.items()}
    quotes, versions = [], []
    for year, deals in found.items():
        for each in deals:
            quote, at = new_id(), each.data.valid_from + timedelta(seconds=1)
            versions.append(_with(each, quote, at))
            told = QuoteWeighed(
                quote_id=quote,
                revision=1,
                deal_id=each.data.deal_id,
                currency="USD",
                net_amount=Decimal(NET[year]),
                list_amount=Decimal(100),
                pocket_amount=None,
                cost_amount=None,
                below_floor=None,
            )
            quotes.append(received(told, quote, 1, at=at))
    await handle(database, versions)
    await handle(database, quotes)
    return found


def _with(each: Any, quote: UUID, at: Any) -> Any:
    version = each.data.version + 1
    data = each.data.model_copy(update={"version": version, "quote_id": quote, "valid_from": at})
    return received(data, data.deal_id, version, at=at)


async def test_price_is_what_the_earlier_prices_would_have_made_of_the_later_deals(
    api: Any, quoted: dict[int, list[Any]]
) -> None:
    client, _ = api
    found = await ask(client, "variance", period="2025Q4")
    adds_up(found)
    price = found["price"]
    assert (price["before"]["deals"], price["after"]["deals"]) == (len(quoted[2024]), len(quoted[2025]))
    assert (price["before"]["realisation"], price["after"]["realisation"]) == (0.9, 0.8)
    came = sum((each.data.amount for each in quoted[2025]), Decimal())
    assert money(price["amount"]) == (came - came * 90 / 80).quantize(Decimal("0.01"))
    assert price["after"]["share"] == pytest.approx(float(came / money(found["after"]["booked"])), abs=1e-6)


async def test_who_sees_a_team_is_told_the_price_of_its_deals(api: Any, quoted: dict[int, list[Any]]) -> None:
    client, _ = api
    north = await ask(client, "variance", period="2025Q4", org=str(NORTH), scope=(NORTH,))
    theirs = {each.data.deal_id for each in won_in(*QUARTERS[2025], owners=("ada", "ben", "cleo"))}
    assert north["price"]["after"]["deals"] == len([each for each in quoted[2025] if each.data.deal_id in theirs])


async def test_without_quotes_it_is_not_known(api: Any) -> None:
    client, _ = api
    price = (await ask(client, "variance", period="2025Q4"))["price"]
    nothing = {"deals": 0, "realisation": None, "share": 0.0}
    assert price == {"amount": None, "before": nothing, "after": nothing}
