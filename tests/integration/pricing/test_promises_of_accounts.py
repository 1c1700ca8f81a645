"""Whose promise it is: of the account of its deal, of the heir of a deal that was absorbed, of the revision that was accepted."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from libs.common.events.deals import PersonPlaced, UnitChanged
from libs.common.ids import new_id, unit_id
from tests.integration.pricing.desk import CSO, MANAGER, REGION, SELLER, Desk, open_desk
from tests.integration.pricing.given import AT, DEAL, deal, handle, received
from tests.integration.pricing.test_give_get import LONGER, NAMED, ask
from tests.integration.pricing.test_promises import accepted, accepted_elsewhere, answer, parts
from tests.support.keys import bearer

ACCOUNT, OTHER, HEIR = new_id(), new_id(), new_id()
BESIDE = unit_id("Beside")
NEIGHBOUR = bearer("seller", subject="user:neighbour", scope=(BESIDE,))


async def kinds_of(desk: Desk, account: UUID, who: dict[str, str] = CSO) -> list[str]:
    return [each["got"] for each in (await parts(desk, who, account_id=str(account)))["items"]]


async def owner_of(desk: Desk) -> UUID | None:
    async with desk.database.reading() as session:
        found = await session.execute(text("SELECT owner_id FROM deal_reference WHERE deal_id = :deal"), {"deal": DEAL})
        owner: UUID | None = found.scalar_one()
    return owner


async def somebody_beside(desk: Desk) -> UUID:
    """A person of another team of the same region."""
    owner = new_id()
    unit = UnitChanged(unit_id=BESIDE, parent_id=REGION, name="Beside", kind="team", version=1, valid_from=AT)
    await handle(desk.database, received(unit, BESIDE))
    placed = PersonPlaced(person_id=owner, unit_id=BESIDE, version=1, valid_from=AT)
    await handle(desk.database, received(placed, owner))
    return owner


async def test_the_promises_of_an_account_are_those_of_its_deals_with_the_record_of_their_kinds(
    api_for: Callable[..., Any],
) -> None:
    desk = await open_desk(api_for)
    await accepted(desk, LONGER)
    await accepted_elsewhere(desk, NAMED)
    assert await kinds_of(desk, ACCOUNT) == [], "of no deal is an account known"
    owner = await owner_of(desk)
    await handle(desk.database, deal(version=2, minute=1, name="Fjord", owner_id=owner, account_id=ACCOUNT))
    told = await parts(desk, account_id=str(ACCOUNT))
    assert [each["deal"] for each in told["items"]] == ["Fjord"]
    assert [each["got"] for each in told["record"]] == ["longer_term"], "nobody there promised a reference"
    assert (await parts(desk, account_id=str(OTHER))) == {"items": [], "record": []}
    assert await kinds_of(desk, ACCOUNT, NEIGHBOUR) == []
    wrong = await desk.client.get("/v1/promised-parts", params={"account_id": "ash"}, headers=SELLER)
    assert (wrong.status_code, wrong.headers["content-type"]) == (422, "application/problem+json")
    await handle(desk.database, deal(version=3, minute=2, name="Fjord", account_id=OTHER))
    assert (await kinds_of(desk, ACCOUNT), await kinds_of(desk, OTHER)) == ([], ["longer_term"])


async def test_a_deal_from_before_accounts_were_kept_has_its_account_when_it_is_told_again(
    api_for: Callable[..., Any],
) -> None:
    desk = await open_desk(api_for)
    await accepted(desk, LONGER)
    told = [deal(version=each, minute=each, name="Fjord", account_id=OTHER if each < 3 else ACCOUNT) for each in (2, 3)]
    await handle(desk.database, *told)
    async with desk.database.transaction() as session:
        await session.execute(text("UPDATE deal_reference SET account_id = NULL"))
    await handle(desk.database, told[0])
    assert (await kinds_of(desk, ACCOUNT), await kinds_of(desk, OTHER)) == ([], []), "it was another account's then"
    await handle(desk.database, told[1])
    assert (await kinds_of(desk, ACCOUNT), await kinds_of(desk, OTHER)) == (["longer_term"], [])


_entries = st.lists(
    st.tuples(st.integers(1, 4), st.sampled_from([None, ACCOUNT, OTHER]), st.booleans()), min_size=1, max_size=5
).map(
    lambda found: [
        deal(version=version, minute=minute, account_id=account, state="lost" if is_lost else "open")
        for version, (minute, account, is_lost) in enumerate(found, 2)
    ]
)


async def test_in_any_order_and_repetition_a_promise_is_of_the_account_of_the_newest_entry(
    api_for: Callable[..., Any],
) -> None:
    desk = await open_desk(api_for)
    await accepted(desk, LONGER)
    loop = asyncio.get_running_loop()

    async def outcome(events: list[Any], size: int) -> tuple[list[str], list[str]]:
        async with desk.database.transaction() as session:
            await session.execute(
                text("UPDATE deal_reference SET version = 1, valid_from = :at, account_id = NULL"), {"at": AT}
            )
        for start in range(0, len(events), size):
            await handle(desk.database, *events[start : start + size])
        return await kinds_of(desk, ACCOUNT), await kinds_of(desk, OTHER)

    @settings(max_examples=15)
    @given(data=st.data(), events=_entries)
    def converges(data: st.DataObject, events: list[Any]) -> None:
        shuffled = data.draw(st.permutations(events + data.draw(st.lists(st.sampled_from(events), max_size=3))))
        size = data.draw(st.integers(1, 3))
        newest = max((each.data for each in events), key=lambda each: (each.valid_from, each.version))
        owed = [
            ["longer_term"] if newest.state == "open" and newest.account_id == each else [] for each in (ACCOUNT, OTHER)
        ]
        assert list(asyncio.run_coroutine_threadsafe(outcome(shuffled, size), loop).result(60)) == owed

    await asyncio.to_thread(converges)


async def test_what_was_promised_for_an_absorbed_deal_is_seen_and_answered_by_the_heirs_owner_alone(
    api_for: Callable[..., Any],
) -> None:
    desk = await open_desk(api_for)
    await accepted(desk, LONGER)
    (part,) = (await parts(desk))["items"]
    owner, heir_owner = await owner_of(desk), await somebody_beside(desk)
    gone = {"owner_id": owner, "account_id": OTHER, "removed": True, "absorbed_into": HEIR}
    await handle(desk.database, deal(HEIR, name="Heir", owner_id=heir_owner, account_id=ACCOUNT))
    await handle(desk.database, deal(version=2, minute=1, **gone))
    told = (await parts(desk, NEIGHBOUR))["items"]
    assert [(each["deal_id"], each["deal"]) for each in told] == [(str(HEIR), "Heir")]
    assert (await kinds_of(desk, ACCOUNT, NEIGHBOUR), await kinds_of(desk, OTHER)) == (["longer_term"], [])
    assert (await parts(desk))["items"] == [], "it is another team's by now"
    assert (await answer(desk, part["part_id"], answer="kept")).status_code == 404
    assert (await answer(desk, part["part_id"], NEIGHBOUR, answer="kept")).status_code == 201
    await handle(desk.database, deal(HEIR, 2, 1, name="Heir", account_id=ACCOUNT))
    assert [(await parts(desk, who))["items"] for who in (SELLER, NEIGHBOUR)] == [[], []], (
        "nobody's is not the former's"
    )
    assert await kinds_of(desk, ACCOUNT) == ["longer_term"]
    await handle(desk.database, deal(HEIR, 3, 2, name="Heir", owner_id=heir_owner, account_id=ACCOUNT, state="lost"))
    assert (await parts(desk, CSO))["items"] == [], "what the heir lost is not owed"


async def test_only_what_belongs_to_the_accepted_revision_is_owed(api_for: Callable[..., Any]) -> None:
    desk = await open_desk(api_for)
    quote = await desk.quote(discount="0.12")
    first = await ask(desk, quote, LONGER)
    assert (await desk.decide(first, MANAGER, authority="manager")).json()["state"] == "approved"
    await desk.revise(quote, discount="0.15")
    second = await ask(desk, quote, NAMED)
    assert (await desk.decide(second, MANAGER, authority="manager")).json()["state"] == "approved"
    assert (await desk.client.post(f"/v1/quotes/{quote}/accept", headers=SELLER)).status_code == 200
    (owed,) = (await parts(desk, quote_id=quote))["items"]
    assert (owed["got"], owed["revision"]) == ("reference", 2), "the longer term was asked for another price"
    async with desk.database.transaction() as session:
        await session.execute(
            text("""
                INSERT INTO promised_part (part_id, quote_id, revision, position, given, given_note, got, got_note, value, currency,
                                           due, agreed_at, recorded_at)
                SELECT :part, quote_id, 1, position, given, given_note, 'longer_term', got_note, value, currency,
                       due, agreed_at, recorded_at FROM promised_part
            """),
            {"part": (stray := new_id())},
        )
    assert [each["got"] for each in (await parts(desk, quote_id=quote))["items"]] == ["reference"]
    assert (await answer(desk, str(stray), answer="kept")).status_code == 404
