"""What pricing tells of quotes, in the forecast: margin and price realisation, hygiene, in any order and as it was known."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest

from libs.common.ids import unit_id
from libs.common.web.auth import Principal
from services.forecast.quoted import service
from tests.integration.forecast.given import at, deal, handle, named, organisation
from tests.integration.forecast.quotes import quote_of, weighed
from tests.support.keys import bearer

NOW = datetime(2024, 11, 20, 9, tzinfo=UTC)
EARLIER = datetime(2024, 11, 1, 9, tzinfo=UTC)
SYSTEM = Principal.system("forecast")


@pytest.fixture
def opened(api_for: Callable[[str], tuple[Any, Any]]) -> Any:
    client, runtime = api_for("forecast")
    return client, runtime.database


def priced(name: str, version: int = 1, **fields: Any) -> Any:
    given = {"amount_from": "quote", "quote_id": quote_of(name), "valid_from": EARLIER, "recorded_at": EARLIER}
    return deal(name, version, **(given | fields))


async def test_of_a_deal_the_newest_revision_that_was_known_speaks_in_any_order_and_repetition(opened: Any) -> None:
    _, database = opened
    await handle(database, [priced("a")])
    told = [
        weighed("a", "100", cost_amount="60", pocket_amount="95", known=EARLIER),
        weighed("a", "90", revision=2, cost_amount="60", pocket_amount="80", known=NOW),
    ]
    for order in permutations([*told, told[0]]):
        await handle(database, list(order))
    async with database.reading() as session:
        found = {
            known: (await service.of_open(session, as_of=NOW, known_at=known, principal=SYSTEM))[named("a")].margin
            for known in (EARLIER + timedelta(days=1), NOW)
        }
    assert list(found.values()) == [Decimal(35), Decimal(20)]


async def test_a_deal_has_the_quote_by_which_it_stood_and_none_once_that_was_withdrawn(opened: Any) -> None:
    _, database = opened
    later = EARLIER + timedelta(days=5)
    await handle(
        database, [priced("a"), priced("a", 2, amount_from="crm", quote_id=None, valid_from=later, recorded_at=later)]
    )
    await handle(database, [weighed("a", "100", known=EARLIER)])
    async with database.reading() as session:
        before = await service.of_open(session, as_of=EARLIER, known_at=NOW, principal=SYSTEM)
        after = await service.of_open(session, as_of=NOW, known_at=NOW, principal=SYSTEM)
        of_it = await service.of_deals(session, [named("a")], as_of=EARLIER, known_at=NOW, principal=SYSTEM)
    assert (set(before), set(after), set(of_it)) == ({named("a")}, set(), {named("a")})


async def test_a_deal_that_is_closed_now_had_its_quote_while_it_was_open(opened: Any) -> None:
    _, database = opened
    later = EARLIER + timedelta(days=5)
    lost = {"state": "lost", "category": None, "closed_on": later.date(), "valid_from": later, "recorded_at": later}
    await handle(database, [priced("a"), priced("a", 2, **lost)])
    await handle(database, [weighed("a", "100", known=EARLIER)])
    day = timedelta(days=1)
    asked = {"open": (later - day, NOW), "not known": (NOW, later - day), "closed": (later + day, NOW)}
    async with database.reading() as session:
        found = {
            name: set(await service.of_open(session, as_of=as_of, known_at=known_at, principal=SYSTEM))
            for name, (as_of, known_at) in asked.items()
        }
    assert found == {"open": {named("a")}, "not known": {named("a")}, "closed": set()}


async def test_nothing_of_deals_outside_ones_scope_is_told(opened: Any) -> None:
    _, database = opened
    await organisation(database, {"EMEA/North": ["ann"], "EMEA/South": ["bob"]})
    await handle(database, [priced("a", owner_id=named("ann")), priced("b", owner_id=named("bob"))])
    await handle(database, [weighed("a", "1", known=EARLIER), weighed("b", "1", known=EARLIER)])
    north = Principal(subject="x", roles=frozenset({"seller"}), scope=(unit_id("EMEA/North"),))
    async with database.reading() as session:
        found = await service.of_open(session, as_of=NOW, known_at=NOW, principal=north)
    assert set(found) == {named("a")}


async def test_hygiene_warns_in_money_of_discounts_below_the_floor_of_their_band(opened: Any) -> None:
    client, database = opened
    amounts = {"below": "100.10", "within": "20.00", "unbanded": "3.00"}
    await handle(database, [priced(name, amount=Decimal(each)) for name, each in amounts.items()])
    await handle(database, [deal("unquoted", amount=Decimal(7), close_date=date(2024, 12, 1))])

    async def outside() -> dict[str, Any]:
        params = {"period": "2024Q4", "by": "warning"}
        answer = await client.get("/v1/forecast/metrics/hygiene", params=params, headers=bearer("cso"))
        assert answer.status_code == 200, answer.text
        return {row["key"]: row for row in answer.json()["rows"]}["discount_outside_band"]

    with at(NOW):
        untold = await outside()
        assert (untold["value"], "publish price guidance" in untold["reason"]) == (None, True)
        told = {"below": {"below_floor": "12.50"}, "within": {"below_floor": "0"}, "unbanded": {}}
        await handle(database, [weighed(name, amounts[name], known=EARLIER, **each) for name, each in told.items()])
        found = await outside()
    assert (found["numerator"], found["denominator"]) == ("100.10", "120.10")
