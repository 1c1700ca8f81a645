"""The ledger of promises through its door."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from libs.common import clock
from libs.common.ids import new_id
from tests.integration.deals.acme import ACCOUNT, NORTH, OTHER, SOUTH, ago, ok, world
from tests.support.keys import bearer
from tests.unit.deals.given import deal_id


async def test_promises_are_kept_or_not_and_their_record_counts_those_that_ended_within_scope(
    api_for: Callable[..., Any],
) -> None:
    client, runtime = api_for("deals")
    await world(runtime)
    due = ago(0).date() - timedelta(days=1)
    wanted = {"promise": "Send the security questionnaire", "owner_id": str(new_id()), "at": ago(9).isoformat()}
    of_deal = wanted | {"deal_id": str(deal_id("D"))}

    async def make(due_in: int = -1, headers: Any = NORTH, body: Any = of_deal) -> Any:
        last = ago(0).date() + timedelta(days=due_in)
        return await ok(client.post("/v1/commitments", json=body | {"due": last.isoformat()}, headers=headers))

    async def say(made: Any, headers: Any = NORTH, **said: Any) -> Any:
        path = f"/v1/commitments/{made['commitment_id']}/entries"
        return await client.post(path, json=said, headers=headers)

    key = NORTH | {"Idempotency-Key": "p1"}
    kept = await make(headers=key)
    assert await make(headers=key) == kept, "the same request again makes no second promise"
    assert (kept["state"], kept["first_due"], kept["on_time"]) == ("overdue", due.isoformat(), False)
    answer = await say(kept, kind="kept", at=ago(3).isoformat())
    assert (answer.json()["state"], answer.json()["on_time"]) == ("kept", True)
    moved = await make()
    later = (due + timedelta(days=9)).isoformat()
    assert (await say(moved, kind="moved", due=later)).json()["state"] == "open"
    assert (await say(moved, kind="evidenced", note="order form v2")).json()["entries"][-1]["note"] == "order form v2"
    assert (await say(moved, kind="kept")).json()["on_time"] is False
    open_one = await make(5)

    refused = [
        await say(open_one, kind="moved"),
        await say(open_one, kind="kept", at=(clock.now() + timedelta(days=1)).isoformat()),
        await say(open_one, kind="kept", at=ago(30).isoformat()),
    ]
    assert [each.status_code for each in refused] == [422, 422, 422]
    assert (await say(open_one, SOUTH, kind="broken")).status_code == 404
    assert (await say(open_one, bearer("viewer"), kind="broken")).status_code == 403

    await make(-2, SOUTH, wanted | {"account_id": str(ACCOUNT)})
    path = f"/v1/accounts/{ACCOUNT}/commitments"
    north, south = await ok(client.get(path, headers=NORTH)), await ok(client.get(path, headers=SOUTH))
    assert [each["state"] for each in north["items"]] == ["overdue", "open", "kept", "kept"]
    assert (north["ended"], north["kept_on_time"], north["on_time_rate"]) == (3, 1, "0.3333")
    assert (south["ended"], south["on_time_rate"]) == (1, "0.0000"), (
        "South sees the account's, not those of North's deal"
    )
    assert (await client.get(f"/v1/accounts/{OTHER}/commitments", headers=NORTH)).status_code == 404
    before = await ok(client.get(path, params={"as_of": ago(4).isoformat()}, headers=NORTH))
    assert {each["state"] for each in before["items"]} == {"open"}
    at_first = await ok(client.get(path, params={"known_at": ago(1).isoformat()}, headers=NORTH))
    assert at_first["items"] == [], "nobody had told of them a day ago"
