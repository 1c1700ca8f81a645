"""A delegation goes no further than what its giver may do now: a role that is lost ends what was delegated from it."""

from collections.abc import Callable
from datetime import timedelta
from itertools import permutations
from typing import Any
from uuid import UUID

from libs.common import clock
from libs.common.events.crm import CrmRightsChanged
from libs.common.ids import ROOT_UNIT, new_id, unit_id
from tests.integration.pricing.desk import MANAGER, REGION, TEAM, Desk, open_desk
from tests.integration.pricing.given import handle, received
from tests.support.keys import bearer

DEPUTY = bearer("seller", subject="user:deputy", scope=(unit_id("Elsewhere"),))


def rights(version: int, *roles: str, scope: tuple[UUID, ...] = (TEAM,), subject: str = "user:manager") -> Any:
    event = CrmRightsChanged(subject=subject, version=version, roles=roles, scope=scope)
    return received(event, new_id(), version)


async def delegated(desk: Desk, giver: dict[str, str] = MANAGER) -> dict[str, Any]:
    """A request that a manager's deputy may decide, and no other way."""
    wanted = {"to": "user:deputy", "ends_at": (clock.now() + timedelta(days=50)).isoformat()}
    assert (await desk.client.post("/v1/approval-delegations", json=wanted, headers=giver)).status_code == 201
    request: dict[str, Any] = (await desk.submit(await desk.quote(discount="0.12"))).json()
    return request


async def waiting(desk: Desk) -> int:
    return len((await desk.client.get("/v1/approvals", headers=DEPUTY)).json()["items"])


async def test_a_role_that_the_giver_lost_is_lost_to_the_deputy_and_counts_again_when_it_is_back(
    api_for: Callable[..., Any],
) -> None:
    desk = await open_desk(api_for)
    request = await delegated(desk)
    assert await waiting(desk) == 1
    await handle(desk.database, rights(1, "seller"))
    assert await waiting(desk) == 0
    assert (await desk.decide(request, DEPUTY, authority="manager")).status_code == 404
    await handle(desk.database, rights(2))
    assert (await desk.decide(request, DEPUTY, authority="manager")).status_code == 404
    await handle(desk.database, rights(3, "manager"))
    assert (await desk.decide(request, DEPUTY, authority="manager")).status_code == 200


async def test_what_the_giver_gained_since_is_not_delegated(api_for: Callable[..., Any]) -> None:
    desk = await open_desk(api_for)
    await delegated(desk)
    await handle(desk.database, rights(1, "manager", "cso", scope=(ROOT_UNIT,)))
    request = (await desk.submit(await desk.quote(discount="0.35"))).json()
    assert (await desk.decide(request, DEPUTY, authority="manager")).status_code == 200
    assert (await desk.decide(request, DEPUTY, authority="vp")).status_code == 403


async def test_a_deputy_sees_only_what_giver_then_and_giver_now_both_see(api_for: Callable[..., Any]) -> None:
    desk = await open_desk(api_for)
    await delegated(desk)
    await handle(desk.database, rights(1, "manager", scope=(unit_id("Elsewhere"),)))
    assert await waiting(desk) == 0
    await handle(desk.database, rights(2, "manager", scope=(REGION,)))
    assert await waiting(desk) == 1


async def test_in_any_order_and_repetition_the_newest_rights_hold(api_for: Callable[..., Any]) -> None:
    desk = await open_desk(api_for)
    await delegated(desk)
    events = [rights(1, "manager"), rights(2, "seller"), rights(3, "manager")]
    for arriving in permutations(events):
        await handle(desk.database, *arriving, arriving[0])
        assert await waiting(desk) == 1
    await handle(desk.database, rights(9, "viewer"), rights(8, "manager"))
    await handle(desk.database, rights(7, "manager"))
    assert await waiting(desk) == 0
