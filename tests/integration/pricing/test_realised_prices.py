"""What a price realised: of quotes that customers accepted for deals that are open or won, whoever has the deal by now."""

from collections.abc import Callable
from typing import Any

from libs.common.ids import new_id, unit_id
from tests.integration.pricing.desk import CSO, FINANCE, MANAGER, SELLER, Desk, open_desk
from tests.integration.pricing.given import DEAL, deal, handle
from tests.integration.pricing.test_promises_of_accounts import somebody_beside
from tests.support.keys import bearer

BESIDE = bearer("manager", subject="user:beside", scope=(unit_id("Beside"),))


async def realised(desk: Desk, who: dict[str, str] = CSO, **asked: str) -> tuple[int, str, list[str]]:
    """How many quotes, what was invoiced and in which currencies."""
    told = await desk.client.get("/v1/price-realisation", params=asked, headers=who)
    assert told.status_code == 200, told.text
    found = told.json()
    return found["whole"]["quotes"], found["whole"]["invoice"], found["currencies"]


async def test_a_deal_that_is_lost_or_removed_realised_no_price_until_it_comes_back(
    api_for: Callable[..., Any],
) -> None:
    desk = await open_desk(api_for)
    assert await realised(desk) == (0, "0", [])
    quote = await desk.quote(discount="0.05")
    assert (await desk.client.post(f"/v1/quotes/{quote}/accept", headers=SELLER)).status_code == 200
    sold = (1, "95.00", ["EUR"])
    assert await realised(desk, FINANCE) == sold
    nothing = (0, "0", [])
    outcomes = []
    for version, change in enumerate(({"state": "lost"}, {"state": "won"}, {"removed": True}, {}), 2):
        await handle(desk.database, deal(DEAL, version, version, **change))
        outcomes.append(await realised(desk))
    assert outcomes == [nothing, sold, nothing, sold]


async def test_the_price_of_an_absorbed_deal_is_realised_by_its_heir_in_its_market(api_for: Callable[..., Any]) -> None:
    desk = await open_desk(api_for)
    quote = await desk.quote(discount="0.05")
    assert (await desk.client.post(f"/v1/quotes/{quote}/accept", headers=SELLER)).status_code == 200
    assert await realised(desk, MANAGER) == (1, "95.00", ["EUR"])
    heir, owner = new_id(), await somebody_beside(desk)
    await handle(desk.database, deal(heir, owner_id=owner, market="Nordics"))
    await handle(desk.database, deal(DEAL, 2, 1, removed=True, absorbed_into=heir, market="Alps"))
    assert await realised(desk, BESIDE) == (1, "95.00", ["EUR"])
    assert await realised(desk, MANAGER) == (0, "0", [])
    assert [(await realised(desk, market=each))[0] for each in ("Nordics", "Alps")] == [1, 0]
    await handle(desk.database, deal(heir, 2, 1, owner_id=owner, market="Nordics", state="lost"))
    assert await realised(desk) == (0, "0", [])
