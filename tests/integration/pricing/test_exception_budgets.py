"""What may be given away below the floor: counted once, by its reason, currency and year, and never given away twice."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID

from sqlalchemy import text

from libs.common.ids import new_id
from services.pricing.approvals.repository import lock_budgets
from tests.integration.pricing.desk import CSO, OPS, YEAR, Desk, open_desk
from tests.integration.pricing.given import DEAL, deal, handle

BUDGETS = [
    {"year": YEAR, "reason": "new_logo", "currency": "EUR", "amount": "100"},
    {"year": YEAR, "reason": "displacement", "currency": "USD", "amount": "900"},
]


async def opened(api_for: Callable[..., Any]) -> tuple[Desk, UUID]:
    """A desk where the CSO alone agrees to what is below the floor, and a second deal."""
    desk = await open_desk(api_for)
    await desk.publish(rules=[], budgets=BUDGETS, chain=[{"level": 1, "authorities": ["cso"]}])
    other = new_id()
    await handle(desk.database, deal(other, amount="1", currency="EUR"))
    return desk, other


async def asked(desk: Desk, deal_id: UUID, reason: str = "new_logo") -> dict[str, Any]:
    """Twelve at 55 where 60 is the floor: 60 are missing."""
    body = desk.body("0.45", quantity="12") | {"deal_id": str(deal_id), "currency": "EUR"}
    made = await desk.client.post("/v1/quotes", json=body, headers=OPS)
    return await ask(desk, made.json()["quote_id"], reason)


async def ask(desk: Desk, quote: str, reason: str = "new_logo") -> dict[str, Any]:
    told = await desk.submit(quote, reason=reason, who=OPS)
    assert told.status_code == 201, told.text
    found: dict[str, Any] = told.json()
    return found


async def agree(desk: Desk, request: dict[str, Any]) -> Any:
    return await desk.decide(request, CSO, authority="cso")


def is_over(request: dict[str, Any]) -> bool:
    return "over_budget" in {each["measure"] for each in request["findings"]}


async def budget(desk: Desk, **params: int) -> dict[str, float]:
    rows = (await desk.client.get("/v1/approvals/budgets", params=params, headers=CSO)).json()["items"]
    found = [row for row in rows if (row["reason"], row["currency"]) == ("new_logo", "EUR")]
    return {name: float(found[0][name]) for name in ("used", "asked", "left")} if found else {}


async def test_two_that_are_agreed_to_at_once_do_not_both_get_the_rest_and_the_other_is_asked_as_over_it(
    api_for: Callable[..., Any],
) -> None:
    desk, other = await opened(api_for)
    requests = [await asked(desk, each) for each in (DEAL, other)]
    assert [is_over(each) for each in requests] == [False, False], "each of them fits as long as neither is agreed to"
    assert await budget(desk) == {"used": 0, "asked": 120, "left": 100}
    answers = await asyncio.gather(*(agree(desk, each) for each in requests))
    assert sorted(each.status_code for each in answers) == [200, 409]
    (refused,) = [place for place, each in enumerate(answers) if each.status_code == 409]
    assert answers[refused].json()["type"] == "urn:foretell:problem:budget-spent-meanwhile"
    assert await budget(desk) == {"used": 60, "asked": 60, "left": 40}
    anew = await ask(desk, requests[refused]["quote_id"])
    assert is_over(anew), "40 are left of what it needs"
    agreed = await agree(desk, anew)
    assert (agreed.status_code, agreed.json()["state"]) == (200, "approved"), "it was seen to be over the budget"
    assert await budget(desk) == {"used": 120, "asked": 0, "left": -20}


async def test_what_is_left_is_read_by_one_at_a_time(api_for: Callable[..., Any]) -> None:
    desk, _ = await opened(api_for)
    request = await asked(desk, DEAL)
    waits = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    async with desk.database.transaction() as session:
        await lock_budgets(session)
        deciding = asyncio.create_task(agree(desk, request))
        while not deciding.done() and not (await session.execute(waits)).scalar_one():
            await asyncio.wait([deciding], timeout=0.05)
        assert not deciding.done(), "somebody else is reading what is left"
    assert (await deciding).status_code == 200


async def test_a_quote_counts_once_whatever_was_agreed_to_before_and_still_when_the_customer_accepted(
    api_for: Callable[..., Any],
) -> None:
    desk, other = await opened(api_for)
    first = await asked(desk, DEAL)
    assert (await agree(desk, first)).status_code == 200
    body = desk.body("0.46", quantity="12")
    revised = await desk.client.put(f"/v1/quotes/{first['quote_id']}", json=body, headers=OPS)
    assert revised.status_code == 200
    assert await budget(desk) == {"used": 0, "asked": 0, "left": 100}, "what was agreed to is not offered any more"
    again = await ask(desk, first["quote_id"])
    assert not is_over(again)
    assert (await agree(desk, again)).json()["state"] == "approved"
    assert await budget(desk) == {"used": 72, "asked": 0, "left": 28}
    accepted = await desk.client.post(f"/v1/quotes/{first['quote_id']}/accept", headers=OPS)
    assert (accepted.status_code, await budget(desk)) == (200, {"used": 72, "asked": 0, "left": 28})
    assert is_over(await asked(desk, other))


async def test_a_budget_is_of_its_reason_currency_and_year(api_for: Callable[..., Any]) -> None:
    desk, other = await opened(api_for)
    assert is_over(await asked(desk, other, "churn_defence")), "what nobody allowed is over budget"
    assert is_over(await asked(desk, other, "displacement")), "that budget is in another currency"
    assert (await agree(desk, await asked(desk, DEAL))).status_code == 200
    async with desk.database.transaction() as session:
        await session.execute(text("UPDATE approval_request SET year = year - 1 WHERE reason = 'new_logo'"))
    assert await budget(desk) == {"used": 0, "asked": 0, "left": 100}
    assert (await budget(desk, year=YEAR - 1))["used"] == 60
    assert not is_over(await asked(desk, other))


async def test_what_was_given_away_for_a_deal_that_is_lost_or_removed_is_free_again_until_it_comes_back(
    api_for: Callable[..., Any],
) -> None:
    desk, other = await opened(api_for)
    first = await asked(desk, DEAL)
    assert (await agree(desk, first)).status_code == 200
    accepted = await desk.client.post(f"/v1/quotes/{first['quote_id']}/accept", headers=OPS)
    assert accepted.status_code == 200
    waiting = await asked(desk, other)
    assert is_over(waiting)
    used = {"used": 60, "asked": 60, "left": 40}
    assert await budget(desk) == used
    free = used | {"used": 0, "left": 100}
    await handle(desk.database, deal(DEAL, 2, 1, state="lost"))
    assert await budget(desk) == free
    assert not is_over(await ask(desk, waiting["quote_id"])), "what nobody has leaves room for somebody else"
    await handle(desk.database, deal(DEAL, 3, 2, state="open"))
    assert await budget(desk) == used
    await handle(desk.database, deal(DEAL, 4, 3, removed=True))
    assert await budget(desk) == free
    heir = new_id()
    await handle(desk.database, deal(heir, state="won"), deal(DEAL, 5, 4, removed=True, absorbed_into=heir))
    assert await budget(desk) == used, "an absorbed deal's quote is its heir's"
    await handle(desk.database, deal(heir, 2, 1, state="lost"), deal(other, 2, 1, state="lost"))
    assert await budget(desk) == {"used": 0, "asked": 0, "left": 100}
    told = (await desk.client.get(f"/v1/quotes/{first['quote_id']}/approvals", headers=CSO)).json()
    assert [each["state"] for each in told["requests"]] == ["approved"], "what was agreed to stays as it was"
