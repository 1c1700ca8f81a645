"""What is told of splits: everything that holds of a deal, anew whenever that has changed, and once."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from sqlalchemy import text

from libs.common.ids import provisional_deal_id
from libs.common.web.auth import Principal
from services.deals.credit import told as telling
from tests.integration.deals.acme import NORTH, OPS, ago, ok, world
from tests.integration.deals.books import apply
from tests.integration.deals.test_deal_parts import DEAL, shares
from tests.integration.deals.test_told_by_crms import splits
from tests.unit.deals.given import deal_id, lead, lead_id, record, user_id

SYSTEM = Principal.system("deals")


class _Crash(Exception):
    pass


async def _tell_and_fail(runtime: Any) -> None:
    async with runtime.database.transaction() as session:
        assert await telling.tell(session, principal=SYSTEM) == 1
        raise _Crash


async def tell(runtime: Any) -> int:
    async with runtime.database.transaction() as session:
        return await telling.tell(session, principal=SYSTEM)


async def told(runtime: Any, deal: Any) -> list[tuple[int, list[list[str]], list[list[str]]]]:
    """Version, and the people of each entry of both kinds, in the order in which they were told."""
    async with runtime.database.reading() as session:
        rows = await session.execute(
            text("SELECT data FROM outbox WHERE type = 'deals.split.stated.v1' ORDER BY txid, position")
        )
        events = [orjson.loads(row.data) for row in rows]

    def people(entries: list[dict[str, Any]]) -> list[list[str]]:
        return [[one["person_id"] for one in each["shares"]] for each in entries]

    return [
        (each["version"], people(each.get("revenue", [])), people(each.get("overlay", [])))
        for each in events
        if each["deal_id"] == str(deal)
    ]


async def test_a_split_is_told_as_it_is_said_with_all_that_held_before_and_only_once(
    api_for: Callable[..., Any],
) -> None:
    client, runtime = api_for("deals")
    await world(runtime)
    nora, sam = (str(user_id(name)) for name in ("nora", "sam"))
    await ok(client.post(f"{DEAL}/splits", json={"shares": shares(sam="1"), "at": ago(2).isoformat()}, headers=NORTH))
    assert await tell(runtime) == 0, "it was told in the transaction that keeps it"
    await ok(client.post(f"{DEAL}/splits", json={"shares": []}, headers=NORTH))
    await ok(client.post(f"{DEAL}/splits", json={"kind": "overlay", "shares": shares(nora="1")}, headers=NORTH))
    assert await tell(runtime) == 0
    assert await told(runtime, deal_id("D")) == [
        (1, [[sam]], []),
        (2, [[sam], []], []),
        (3, [[sam], []], [[nora]]),
    ]


async def test_what_was_said_of_a_deal_is_told_of_the_one_that_absorbs_it_and_taken_back_when_it_lets_it_go(
    api_for: Callable[..., Any],
) -> None:
    client, runtime = api_for("deals")
    await world(runtime)
    standing_in, heir = provisional_deal_id(lead_id("L")), deal_id("T")
    async with runtime.database.transaction() as session:
        await apply(session, [lead(1, ago(50))])
    await ok(client.post(f"/v1/deals/{standing_in}/splits", json={"shares": shares(sam="1")}, headers=OPS))
    async with runtime.database.transaction() as session:
        await apply(session, [record(ago(1), "T", lead_id=lead_id("L"), owner_id=user_id("nora"))])
    assert await tell(runtime) == 1
    assert await told(runtime, heir) == [(1, [[str(user_id("sam"))]], [])]
    async with runtime.database.transaction() as session:
        await session.execute(text("UPDATE deal SET absorbed_into = NULL WHERE deal_id = :deal"), {"deal": standing_in})
    assert [await tell(runtime), await tell(runtime)] == [1, 0]
    assert (await told(runtime, heir))[-1] == (2, [], [])


async def test_statements_from_before_splits_were_told_are_told_by_the_scheduler(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("deals")
    await world(runtime)
    split = "deal_id,kind,person_id,share\n" + f"{deal_id('D')},revenue,{user_id('sam')},1\n"
    headers = OPS | {"Content-Type": "text/csv"}
    answer = await client.post("/v1/deals/splits/import", content=split, headers=headers)
    assert answer.status_code == 200, answer.text
    assert [await tell(runtime), await tell(runtime)] == [1, 0]
    assert await told(runtime, deal_id("D")) == [(1, [[str(user_id("sam"))]], [])]


async def test_what_is_said_while_others_are_told_of_is_told_next_and_a_telling_that_fails_loses_nothing(
    api_for: Callable[..., Any],
) -> None:
    _, runtime = api_for("deals")
    await world(runtime)
    for_d, for_e = (splits(ago(2), (user_id("sam"), share)) for share in ("0.3", "0.4"))
    for_e = for_e.model_copy(update={"deal_id": deal_id("E"), "external_id": "E"})
    async with runtime.database.transaction() as session:
        await apply(session, [for_d])
    with pytest.raises(_Crash):
        await _tell_and_fail(runtime)
    async with runtime.database.transaction() as not_yet_committed:
        await apply(not_yet_committed, [for_e])
        assert await tell(runtime) == 1, "of D, as nobody can see E yet"
    assert [await tell(runtime), await tell(runtime)] == [1, 0]
    assert [len(await told(runtime, deal_id(name))) for name in "DE"] == [1, 1]


async def test_marks_go_when_they_were_looked_at_and_stay_for_what_was_said_after(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("deals")
    await world(runtime)
    async with runtime.database.transaction() as session:
        await apply(session, [splits(ago(3), (user_id("sam"), "0.3"))])
    async with runtime.database.transaction() as not_yet_committed:
        await apply(not_yet_committed, [splits(ago(1), (user_id("sam"), "0.5"))])
        assert await tell(runtime) == 1, "what held before"
    assert [await tell(runtime), await tell(runtime)] == [1, 0]
    assert [version for version, _, _ in await told(runtime, deal_id("D"))] == [1, 2]
    await ok(client.post(f"{DEAL}/splits", json={"shares": shares(sam="1")}, headers=NORTH))
    async with runtime.database.reading() as session:
        assert await session.scalar(text("SELECT count(*) FROM split_mark")) == 0
