"""Splits in the roll-ups: each share counts with the person credited, and the company as before."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from libs.common import clock
from libs.common.events.base import Received
from libs.common.events.deals import SplitEntry, SplitShare, SplitsStated
from libs.common.ids import unit_id
from tests.integration.forecast.given import AT, deal, handle, named, organisation, received
from tests.integration.forecast.test_readings import ask
from tests.support.keys import bearer

Api = Callable[[str], tuple[Any, Any]]
TEAMS = {"EMEA/North": ["ann", "bob"], "EMEA/South": ["cid"], "Americas/East": ["dan"]}
NORTH = bearer("manager", scope=(unit_id("EMEA/North"),))


def split(
    name: str,
    version: int = 1,
    *,
    at: Any = AT,
    recorded_at: Any = AT,
    overlay: dict[str, str] | None = None,
    **shares: str,
) -> Received[Any]:
    """Who is credited with a deal since `at`."""
    said = SplitsStated(
        deal_id=named(name),
        version=version,
        revenue=(entry(at, shares),),
        overlay=(entry(at, overlay),) if overlay else (),
    )
    return received(said, said.deal_id, version, at=recorded_at)


def entry(at: Any, shares: dict[str, str]) -> SplitEntry:
    return SplitEntry(
        at=at, shares=tuple(SplitShare(person_id=named(who), share=Decimal(share)) for who, share in shares.items())
    )


async def amounts(
    client: Any, by: str, *, headers: Any = None, past: bool = False, **asked: Any
) -> dict[Any, tuple[Any, Any]]:
    """Amount and count by part."""
    instants = {"as_of": clock.now().isoformat(), "organisation": "is"} if past else {}
    reading = await ask(client, "rollup", headers=headers, by=by, **instants, **asked)
    found = {row["key"]: (Decimal(row["total"]["amount"]), row["total"]["count"]) for row in reading["rows"]}
    return found | {"total": (Decimal(reading["totals"]["total"]["amount"]), reading["totals"]["total"]["count"])}


NOW_AND_THEN = pytest.mark.parametrize("past", [False, True], ids=["now", "as of"])


@NOW_AND_THEN
async def test_each_share_counts_with_the_person_credited_and_the_company_as_before(api_for: Api, past: bool) -> None:
    client, runtime = api_for("forecast")
    await organisation(runtime.database, TEAMS)
    await handle(
        runtime.database,
        [
            deal("big", owner_id=named("ann"), amount=Decimal("1000.01")),
            deal("whole", owner_id=named("bob"), amount=Decimal(50)),
            deal(
                "won",
                state="won",
                category=None,
                closed_on=date(2024, 11, 1),
                owner_id=named("dan"),
                amount=Decimal(300),
            ),
        ],
    )
    before = await amounts(client, "unit", past=past)
    await handle(runtime.database, [split("big", ann="0.5", bob="0.1", cid="0.4"), split("won", cid="1")])
    people = await amounts(client, "owner", past=past)
    assert {who: people[str(named(who))] for who in ("ann", "bob", "cid")} == {
        "ann": (Decimal("500.01"), 1),
        "bob": (Decimal("150.00"), 2),
        "cid": (Decimal("700.00"), 2),
    }
    assert str(named("dan")) not in people
    assert people["total"] == before["total"] == (Decimal("1350.01"), 3)
    teams = await amounts(client, "team", past=past)
    assert teams[str(unit_id("EMEA/North"))] == (Decimal("650.01"), 2)
    assert teams[str(unit_id("EMEA/South"))] == (Decimal("700.00"), 2)
    units = await amounts(client, "unit", past=past)
    assert units == {str(unit_id("EMEA")): (Decimal("1350.01"), 3), "total": (Decimal("1350.01"), 3)}
    emea = await amounts(client, "unit", past=past, org=str(unit_id("EMEA")))
    assert emea["total"] == (Decimal("1350.01"), 3), "a deal of two teams counts once in what stands above both"


@NOW_AND_THEN
async def test_the_deals_behind_a_number_show_the_share_and_those_of_others_are_counted_and_not_listed(
    api_for: Api, past: bool
) -> None:
    client, runtime = api_for("forecast")
    await organisation(runtime.database, TEAMS)
    await handle(
        runtime.database,
        [
            deal("ours", owner_id=named("ann"), amount=Decimal(1000)),
            deal("theirs", owner_id=named("cid"), amount=Decimal(200)),
            deal("whole", owner_id=named("bob"), amount=Decimal(50)),
        ],
    )
    await handle(runtime.database, [split("ours", ann="0.4", cid="0.6"), split("theirs", bob="0.25", cid="0.75")])
    instants = {"as_of": clock.now().isoformat(), "organisation": "is"} if past else {}
    mine = await ask(client, "deals", headers=NORTH, **instants)
    assert {
        row["name"]: (row["share"] and Decimal(row["share"]), row["amount_base"], row["whole_base"])
        for row in mine["items"]
    } == {
        "ours": (Decimal("0.4"), "400.00", "1000.00"),
        "whole": (None, "50.00", "50.00"),
    }
    assert (mine["total"]["count"], mine["total"]["amount"]) == (3, "500.00")
    assert (mine["elsewhere"]["count"], mine["elsewhere"]["amount"]) == (1, "50.00")
    assert {row["owner_id"] for row in mine["items"]} == {str(named("ann")), str(named("bob"))}
    all_ = await ask(client, "deals", org=str(unit_id("EMEA/North")), **instants)
    assert {row["name"]: row["amount_base"] for row in all_["items"]} == {
        "ours": "400.00",
        "whole": "50.00",
        "theirs": "50.00",
    }
    assert all_["elsewhere"]["count"] == 0
    bob = await ask(client, "deals", owner=str(named("bob")), **instants)
    assert {row["name"]: row["amount_base"] for row in bob["items"]} == {"whole": "50.00", "theirs": "50.00"}
