"""What a CRM's shares leave is the owner's, whoever that is when: told before, between or after the owners, the splits are the same."""

import itertools
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from libs.common.db import Database
from libs.common.events.base import EventData
from libs.common.web.auth import Principal
from services.deals.credit import told as telling
from tests.integration.deals.acme import OPS, ago, ok, world
from tests.integration.deals.books import apply
from tests.integration.deals.test_told_by_crms import DEAL, NORA, OLGA, SAM, splits, tell
from tests.unit.deals.given import day, deal_id, record, user, user_id

INSTANTS = [day(number / 2) for number in range(-1, 24)]
CLOSED = day(8).date()
Stands = dict[datetime, dict[str, Decimal]]


class _Undo(Exception):
    pass


@pytest_asyncio.fixture
async def database(database_for: Callable[[str], Database]) -> Database:
    return database_for("deals")


_STANDS = """
    SELECT i.at, (SELECT s.said -> 'shares' FROM deal_said s WHERE s.heir = :deal AND s.part = 'revenue' AND s.at <= i.at
                  ORDER BY s.at DESC, s.version DESC LIMIT 1)
    FROM unnest(CAST(:instants AS timestamptz[])) AS i (at) ORDER BY i.at
"""


async def stands(database: Database, batches: Iterable[Sequence[EventData]]) -> Stands:
    """Who has which share at each instant after the batches; nothing of it stays."""
    found: Stands = {}
    try:
        async with database.transaction() as session:
            for batch in batches:
                await apply(session, batch)
            for at, shares in await session.execute(text(_STANDS), {"deal": deal_id("D"), "instants": INSTANTS}):
                found[at] = {each["person_id"]: Decimal(each["share"]) for each in shares or ()}
            raise _Undo
    except _Undo:
        return found


def owned(number: float, owner: str | None, **more: Any) -> EventData:
    return record(day(number), owner_id=None if owner is None else user_id(owner), **more)


def of(**shares: str) -> dict[str, Decimal]:
    return {str(user_id(name)): Decimal(share) for name, share in shares.items()}


async def test_shares_that_come_before_the_owner_stand_as_those_that_come_after(database: Database) -> None:
    """Owned by nobody, by Nora, by nobody and by Olga, and a part for Sam while nobody owned it, whom nobody knew or knows yet."""
    hands: list[list[EventData]] = [[owned(0, None), owned(5, None)], [owned(3, "nora"), owned(7, "olga")]]
    events = [*hands, [splits(day(2), (SAM, "0.3"))], [user(day(1), "sam")]]
    for order in itertools.permutations(events):
        found = await stands(database, order)
        assert found[day(2.5)] == {}, "nobody could have had the rest"
        assert found[day(3)] == found[day(6)] == of(sam="0.3", nora="0.7"), order
        assert found[day(7)] == found[day(11)] == of(sam="0.3", olga="0.7"), order


def expected(owners: dict[int, str | None], at: int, shares: dict[str, Decimal]) -> Stands:
    """The same by looking at every instant alone."""
    found: Stands = {}
    left = 1 - sum(shares.values())
    for instant in INSTANTS:
        known = [number for number in sorted(owners) if day(number) <= instant]
        since = [number for number in known if number >= at or number == max([n for n in known if n <= at], default=at)]
        named = [name for name in (owners[number] for number in since) if name is not None]
        whole = bool(shares) and left == 0
        found[instant] = {}
        if instant >= day(at) and (named or whole):
            rest = {} if whole else {str(user_id(named[-1])): left}
            found[instant] = {who: shares.get(who, Decimal()) + rest.get(who, Decimal()) for who in {**shares, **rest}}
    return found


@given(data=st.data())
@settings(max_examples=20)
async def test_in_any_order_repetition_and_grouping_the_rest_is_that_owners_at_every_instant(
    database: Database, data: st.DataObject
) -> None:
    days = data.draw(st.lists(st.integers(0, 10), min_size=1, max_size=4, unique=True), label="days of records")
    owners = {number: data.draw(st.sampled_from([None, "nora", "olga", "sam"])) for number in days}
    at = data.draw(st.integers(0, 10), label="day of the shares")
    shares = data.draw(st.sampled_from([of(sam="0.3"), of(sam="0.25", nora="0.25"), of(sam="1")]), label="shares")
    told: list[EventData] = [owned(number, owner) for number, owner in owners.items()]
    told += [splits(day(at), *((UUID(who), str(share)) for who, share in shares.items()))]
    order = data.draw(st.permutations(told), label="order")
    order += data.draw(st.lists(st.sampled_from(told), max_size=2), label="repeated")
    cuts = sorted(data.draw(st.lists(st.integers(0, len(order)), max_size=3), label="cuts"))
    batches = [order[since:until] for since, until in itertools.pairwise([0, *cuts, len(order)])]
    assert await stands(database, batches) == expected(owners, at, shares)


async def test_what_the_crm_says_of_a_deal_that_changed_hands_is_its_newer_word_at_every_instant(
    database: Database,
) -> None:
    """The second word holds from before the deal changed hands and comes after that was known."""
    hands = [owned(0, "nora"), splits(day(1), (SAM, "0.3")), owned(5, "olga")]
    for second, then in [
        (splits(day(3), (SAM, "1")), of(sam="1")),
        (splits(day(3)), {}),
        (splits(day(3), (SAM, "0.4")), of(sam="0.4", olga="0.6")),
    ]:
        late = await stands(database, [hands, [second]])
        early = await stands(database, [hands[:2], [second], hands[2:]])
        assert late == early, then
        assert late[day(2)] == of(sam="0.3", nora="0.7")
        assert late[day(6)] == then


async def test_a_closed_deal_that_is_owned_later_credits_its_owner_with_the_rest(database: Database) -> None:
    won = {"state": "won", "stage": "Won", "close_date": CLOSED, "closed_on": CLOSED}
    later: list[EventData] = [owned(10, "nora", **won), owned(11, None, **won)]
    events = [[owned(8, None, **won)], later, [splits(day(9), (SAM, "0.3"))]]
    end = [at for at in INSTANTS if at.date() > CLOSED]
    for order in itertools.permutations(events):
        found = await stands(database, order)
        assert all(found[at] == of(sam="0.3", nora="0.7") for at in end), order


async def test_what_a_person_said_after_the_crm_stays_when_the_deal_changes_hands(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("deals")
    await world(runtime)
    await tell(runtime, splits(ago(3), (SAM, "0.3")))
    wanted = {"shares": [{"person_id": str(OLGA), "share": "1"}], "at": ago(2).isoformat()}
    await tell(runtime, user(day(0), "olga"))
    await ok(client.post(f"{DEAL}/splits", json=wanted, headers=OPS))
    await tell(runtime, record(ago(1), owner_id=SAM))
    found = await ok(client.get(f"{DEAL}/splits", headers=OPS))
    assert [each["person_id"] for each in found["revenue"]] == [str(OLGA)]


async def test_a_share_that_waits_says_so_and_is_told_of_once_the_owner_comes(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("deals")
    await world(runtime)
    await tell(runtime, record(ago(9), "W", owner_id=None))
    waits = splits(ago(8), (SAM, "0.3")).model_copy(update={"deal_id": deal_id("W"), "external_id": "W"})
    await tell(runtime, waits)
    found = await ok(client.get(f"/v1/deals/{deal_id('W')}/splits", headers=OPS))
    assert "make 30 %, and no owner is known" in found["crm_problem"]
    assert (found["is_stated"], found["said"]) == (False, [])

    await tell(runtime, record(ago(1), "W", owner_id=NORA))
    found = await ok(client.get(f"/v1/deals/{deal_id('W')}/splits", headers=OPS))
    amounts = {each["person_id"]: each["amount"] for each in found["revenue"]}
    assert (amounts, found["crm_problem"]) == ({str(NORA): "700.00", str(SAM): "300.00"}, None)
    async with runtime.database.transaction() as session:
        assert await telling.tell(session, principal=Principal.system("deals")) == 1
