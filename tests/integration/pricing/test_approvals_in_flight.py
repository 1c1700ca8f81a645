"""What happens to an approval while things change: one outcome, and nothing approved that was not seen."""

import asyncio
from collections.abc import Callable
from typing import Any

from sqlalchemy import text

from libs.common.ids import unit_id
from services.pricing.approvals import keeping
from tests.integration.pricing.desk import (
    CSO,
    MANAGER,
    SELLER,
    SYSTEM,
    TEAM,
    VP,
    open_desk,
)
from tests.integration.pricing.given import published
from tests.support.keys import bearer


async def test_of_two_who_decide_at_once_one_decides_and_the_other_is_told(api_for: Callable[..., Any]) -> None:
    desk = await open_desk(api_for)
    request = (await desk.submit(await desk.quote(discount="0.12"))).json()
    answers = await asyncio.gather(
        *(
            desk.decide(request, who, authority="manager", verdict=verdict)
            for who, verdict in ((MANAGER, "approved"), (VP, "rejected"))
        ),
        *(desk.decide(request, MANAGER, authority="manager") for _ in range(3)),
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409]
    async with desk.database.reading() as session:
        kept = (await session.execute(text("SELECT verdict FROM approval_decision"))).scalars().all()
    assert len(kept) == 1
    assert await desk.status(request["quote_id"]) == kept[0]


async def test_a_quote_that_is_edited_while_it_waits_is_not_approved_as_it_was_seen(
    api_for: Callable[..., Any],
) -> None:
    desk = await open_desk(api_for)
    quote = await desk.quote(discount="0.12")
    request = (await desk.submit(quote)).json()
    await desk.revise(quote, discount="0.35")
    refused = await desk.decide(request, MANAGER, authority="manager")
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:foretell:problem:quote-changed-meanwhile")
    again = (await desk.submit(quote)).json()
    unseen = await desk.decide(again, MANAGER, authority="manager", seen=request["seen"])
    assert (unseen.status_code, unseen.json()["type"]) == (409, "urn:foretell:problem:quote-changed-meanwhile")
    assert (await desk.decide(again, MANAGER, authority="manager")).status_code == 200


async def test_an_edit_and_an_approval_at_once_leave_one_outcome(api_for: Callable[..., Any]) -> None:
    desk = await open_desk(api_for)
    for _ in range(5):
        quote = await desk.quote(discount="0.12")
        request = (await desk.submit(quote)).json()
        decided, _ = await asyncio.gather(
            desk.decide(request, MANAGER, authority="manager"), desk.revise(quote, discount="0.35")
        )
        assert decided.status_code in (200, 409)
        assert await desk.status(quote) == "draft"
        assert (await desk.client.post(f"/v1/quotes/{quote}/accept", headers=SELLER)).status_code == 409


async def test_a_policy_that_changes_in_flight_asks_anew_and_carries_over_what_is_no_worse(
    api_for: Callable[..., Any],
) -> None:
    desk = await open_desk(api_for)
    quote = await desk.quote(discount="0.25")
    request = (await desk.submit(quote)).json()
    assert (await desk.decide(request, MANAGER, authority="manager")).status_code == 200
    strict = {"measure": "discount", "scope": "line", "limits": [{"beyond": "0.2", "level": 3}]}
    await desk.publish(rules=[strict])
    refused = await desk.decide(request, VP, authority="vp")
    assert (refused.status_code, "policy changed" in refused.json()["detail"]) == (409, True)
    assert await keeping.ask_anew(desk.database, principal=SYSTEM) == 1
    asked = (await desk.client.get(f"/v1/quotes/{quote}/approvals", headers=CSO)).json()["requests"][0]
    assert (asked["policy_version"], asked["level"]) == (2, 3)
    assert {s["authority"]: s["state"] for s in asked["steps"]} == {
        "manager": "carried", "vp": "asked", "cso": "waiting", "finance": "waiting",
    }  # fmt: skip
    assert await keeping.ask_anew(desk.database, principal=SYSTEM) == 0


async def test_who_lost_the_role_decides_nothing_any_more(api_for: Callable[..., Any]) -> None:
    desk = await open_desk(api_for)
    request = (await desk.submit(await desk.quote(discount="0.12"))).json()
    demoted = bearer("viewer", subject="user:manager", scope=(TEAM,))
    moved = bearer("manager", subject="user:manager", scope=(unit_id("Elsewhere"),))
    assert (await desk.decide(request, demoted, authority="manager")).status_code == 403
    assert (await desk.decide(request, moved, authority="manager")).status_code == 404
    assert await desk.status(request["quote_id"]) == "submitted"


async def test_a_step_that_waits_too_long_is_opened_to_the_next_rank(api_for: Callable[..., Any]) -> None:
    desk = await open_desk(api_for)
    request = (await desk.submit(await desk.quote(discount="0.12"))).json()
    assert (await desk.decide(request, CSO, authority="manager")).status_code == 403
    assert await keeping.escalate(desk.database, principal=SYSTEM) == 0
    async with desk.database.transaction() as session:
        await session.execute(text("UPDATE approval_step SET due_at = due_at - interval '25 hours'"))
    assert await keeping.escalate(desk.database, principal=SYSTEM) == 1
    assert await keeping.escalate(desk.database, principal=SYSTEM) == 0
    assert (await desk.decide(request, CSO, authority="manager")).status_code == 200


async def test_a_quote_whose_last_day_has_passed_is_not_accepted_and_expires(api_for: Callable[..., Any]) -> None:
    desk = await open_desk(api_for)
    quote = await desk.quote()
    await desk.submit(quote)
    async with desk.database.transaction() as session:
        await session.execute(text("UPDATE quote SET valid_until = current_date - 3"))
    refused = await desk.client.post(f"/v1/quotes/{quote}/accept", headers=SELLER)
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:foretell:problem:quote-has-expired")
    assert await keeping.expire(desk.database, principal=SYSTEM) == 1
    assert await keeping.expire(desk.database, principal=SYSTEM) == 0
    assert await desk.status(quote) == "expired"
    assert (await published(desk.database))[-1][0] == "expired"


async def test_an_accepted_quote_stays_and_what_was_offered_before_can_still_be_read(
    api_for: Callable[..., Any],
) -> None:
    desk = await open_desk(api_for)
    quote = await desk.quote(discount="0.01")
    await desk.revise(quote, discount="0.02")
    assert (await desk.client.post(f"/v1/quotes/{quote}/accept", headers=SELLER)).status_code == 200
    told = await desk.client.put(f"/v1/quotes/{quote}", json=desk.body("0.5"), headers=SELLER)
    assert (told.status_code, told.json()["type"]) == (409, "urn:foretell:problem:quote-not-open")
    history = (await desk.client.get(f"/v1/quotes/{quote}/history", headers=SELLER)).json()
    assert [(row["revision"], row["net_amount"]) for row in history["revisions"]] == [(2, "98.00"), (1, "99.00")]
    assert [row["status"] for row in history["states"]] == ["accepted", "draft", "draft"]
