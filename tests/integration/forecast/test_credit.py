"""Splits in the roll-ups: each share counts with the person credited, and the company as before."""

import itertools
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.common import clock
from libs.common.db import Database
from libs.common.events.base import Received
from libs.common.events.deals import PersonPlaced
from libs.common.events.splits import SplitsStated
from libs.common.ids import ROOT_UNIT, unit_id
from libs.common.web.auth import Principal
from services.forecast.readings import call as readings
from services.forecast.readings.asked import Question
from services.forecast.rollup import repository
from services.forecast.rollup import service as rollup
from tests.integration.forecast.crediting import PEOPLE, TEAMS, split
from tests.integration.forecast.given import AT, TODAY, deal, handle, named, organisation, received, rows
from tests.integration.forecast.test_history import emptied
from tests.integration.forecast.test_readings import ask
from tests.support.keys import bearer

Api = Callable[[str], tuple[Any, Any]]


NORTH = bearer("manager", scope=(unit_id("EMEA/North"),))


async def amounts(
    client: Any, by: str, *, headers: Any = None, past: bool = False, **asked: Any
) -> dict[Any, tuple[Any, Any]]:
    """Amount and count by part."""
    instants: dict[str, Any] = {"as_of": clock.now().isoformat(), "organisation": "is"} if past else {}
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
    await handle(
        runtime.database,
        [split("big", ann="0.5", bob="0.1", cid="0.4"), split("won", at=AT - timedelta(days=3), cid="1")],
    )
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
    instants: dict[str, Any] = {"as_of": clock.now().isoformat(), "organisation": "is"} if past else {}
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


async def test_what_was_told_later_changes_no_reading_of_what_was_known_before(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    await organisation(runtime.database, TEAMS)
    await handle(runtime.database, [deal("big", owner_id=named("ann"))])
    later = AT + timedelta(days=3)
    await handle(runtime.database, [split("big", at=AT + timedelta(days=1), recorded_at=later, bob="1")])

    async def who(as_of: Any, known_at: Any) -> str:
        asked: dict[str, Any] = {"as_of": as_of.isoformat(), "known_at": known_at.isoformat(), "date": TODAY}
        (row,) = (await ask(client, "rollup", by="owner", **asked))["rows"]
        return {str(named(name)): name for name in ("ann", "bob")}[row["key"]]

    day = timedelta(days=1)
    assert await who(AT + 4 * day, AT + 2 * day) == "ann", "nobody knew yet"
    assert await who(AT + day / 2, AT + 4 * day) == "ann", "it did not hold yet"
    assert await who(AT + 2 * day, AT + 4 * day) == "bob"


async def test_any_order_and_repetition_of_splits_and_deals_ends_in_the_same_parts(api_for: Api) -> None:
    _, runtime = api_for("forecast")
    told = [
        deal("d", owner_id=named("ann"), amount=Decimal(100)),
        deal("d", 2, valid_from=AT + timedelta(hours=1), owner_id=named("ann"), amount=Decimal("100.01")),
        split("d", ann="0.5", bob="0.5"),
        split("d", 2, ann="0.333333", bob="0.333333", cid="0.333334"),
    ]
    for name, order in enumerate(itertools.permutations(range(4))):
        renamed = named(f"d{name}")
        for at in (*order, order[0]):
            data = told[at].data.model_copy(update={"deal_id": renamed})
            await handle(runtime.database, [received(data, renamed, told[at].aggregate_version)])
    found = await rows(
        runtime.database,
        "SELECT deal_id, array_agg(amount_base ORDER BY share DESC) AS parts FROM deal_credit GROUP BY 1",
    )
    assert len(found) == 24
    assert {tuple(sorted(row["parts"])) for row in found} == {(Decimal("33.33"), Decimal("33.34"), Decimal("33.34"))}
    async with runtime.database.reading() as session:
        assert await repository.differences(session) == []
    # Without a split a deal stands in the cells again; removed it stands nowhere.
    await handle(runtime.database, [received(SplitsStated(deal_id=named("d0"), version=3), named("d0"), 3)])
    gone = told[1].data.model_copy(
        update={"deal_id": named("d1"), "version": 3, "valid_from": AT + timedelta(hours=2), "removed": True}
    )
    await handle(runtime.database, [received(gone, named("d1"), 3)])
    left = await rows(runtime.database, "SELECT DISTINCT deal_id FROM deal_credit")
    assert {row["deal_id"] for row in left} == {named(f"d{name}") for name in range(2, 24)}
    async with runtime.database.transaction() as session:
        await rollup.rebuild(session)
        assert await repository.differences(session) == []
    assert len(await rows(runtime.database, "SELECT DISTINCT deal_id FROM deal_credit")) == 22


UNITS = ("EMEA/North", "EMEA/South", "Americas/East", "Americas/West")


SHARES = st.lists(st.integers(0, 1_000_000), min_size=3, max_size=3).map(
    lambda cuts: [b - a for a, b in itertools.pairwise([0, *sorted(cuts), 1_000_000])]
)


@settings(max_examples=12, deadline=None)
@given(
    amounts=st.lists(st.decimals(Decimal(-500), Decimal(100000), places=2), min_size=1, max_size=4),
    shared=st.lists(SHARES, min_size=4, max_size=4),
    places=st.lists(st.sampled_from(UNITS), min_size=4, max_size=4),
    moves=st.lists(st.tuples(st.sampled_from(PEOPLE), st.sampled_from(UNITS)), max_size=3),
)
async def test_parts_of_every_unit_make_the_whole_and_deals_count_once_whatever_the_splits_and_the_tree(
    databases: tuple[Any, Database],
    amounts: list[Decimal],
    shared: list[list[int]],
    places: list[str],
    moves: list[tuple[str, str]],
) -> None:
    """Now and as of now give the same; each unit is counted by hand from the shares."""
    chosen, owner = databases
    await emptied(owner)
    database = Database(chosen)
    try:
        stands = dict(zip(PEOPLE, places, strict=True))
        await organisation(database, {unit: [who for who in PEOPLE if stands[who] == unit] for unit in UNITS})
        deals = [deal(f"d{at}", owner_id=named("ann"), amount=amount) for at, amount in enumerate(amounts)]
        await handle(database, deals)
        told: dict[int, dict[str, Any]] = {
            at: {who: part for who, part in zip(PEOPLE, shared[at], strict=True) if part} for at in range(len(amounts))
        }
        await handle(
            database,
            [_shared(f"d{at}", some) for at, some in told.items()],
        )
        for version, (who, unit) in enumerate(moves, start=2):
            moved = PersonPlaced(person_id=named(who), version=version, valid_from=AT, unit_id=unit_id(unit))
            await handle(database, [received(moved, moved.person_id, version)])
            stands[who] = unit
        for unit in ("Company", "EMEA", "Americas", *UNITS):
            inside = {who for who in PEOPLE if unit == "Company" or stands[who].startswith(unit)}
            count = sum(1 for some in told.values() if inside & some.keys())
            org = ROOT_UNIT if unit == "Company" else unit_id(unit)
            answers = [
                await _rollup(database, org, as_of, by)
                for as_of in (None, clock.now())
                for by in ("unit", "owner", "none")
            ]
            wholes = {(each.totals.total.amount, each.totals.total.count) for each in answers}
            assert len(wholes) == 1, unit
            assert answers[0].totals.total.count == count
            for each in answers:
                assert sum(row.total.amount for row in each.rows) == each.totals.total.amount
            if unit == "Company":
                assert answers[0].totals.total.amount == sum(amounts, Decimal())
    finally:
        await database.close()


async def _rollup(database: Database, org: UUID, as_of: Any, by: Any) -> Any:
    question = Question(period="2024Q4", org=org, day=date.fromisoformat(TODAY), as_of=as_of, organisation="is")
    cso = Principal(subject="cso", roles=frozenset({"cso"}), scope=(ROOT_UNIT,))
    async with database.reading() as session:
        return await readings.rollup(session, question, by="category" if by == "none" else by, principal=cso)


def _shared(name: str, millionths: dict[str, int]) -> Received[Any]:
    shares: dict[str, Any] = {who: str(Decimal(part).scaleb(-6)) for who, part in millionths.items()}
    return split(name, **shares)
