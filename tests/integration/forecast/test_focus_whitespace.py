"""White space in Focus: by what people state of a product at an account, else by what the account bought."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import permutations
from typing import Any
from uuid import UUID

from libs.common.events.base import Received
from libs.common.events.whitespace import WhitespaceStated
from libs.common.web.auth import Principal
from services.forecast.focus import repository
from services.forecast.focus.whitespace import Stated
from tests.integration.forecast.given import AT, handle, named, received
from tests.integration.forecast.test_focus import BEFORE, LAST_YEAR, account, api, ask, named_deals, share
from tests.integration.forecast.test_focus import ONE as PERIOD

__all__ = ["api"]
SYSTEM = Principal.system("forecast")


def says(
    name: str, says_: str, *, of: str = "acme", product: str = "Cloud", at: datetime = BEFORE
) -> Received[WhitespaceStated]:
    data = WhitespaceStated.model_validate(
        {"account_id": named(of), "product": product, "entry_id": named(name), "says": says_, "at": at}
    )
    return received(data, data.account_id, at=at)


async def stands(database: Any, *accounts: str) -> list[Stated]:
    async with database.reading() as session:
        return await repository.whitespace(session, [named(each) for each in accounts], principal=SYSTEM)


async def opened(client: Any) -> dict[str, tuple[float | None, str | None]]:
    """By deal how far it opens white space, and the statement that says so."""
    deals = named_deals(await ask(client, "focus", hours="4000", **PERIOD))
    return {name: (share(each, "whitespace"), each["whitespace_said"]) for name, each in deals.items()}


async def test_in_any_order_and_repetition_the_newest_statement_of_an_account_and_product_stands(api: Any) -> None:
    _, database = api
    told = [("one", "potential", 0), ("two", "competitor", 2), ("three", "not_applicable", 1), ("same", "owned", 1)]
    for number, order in enumerate(permutations(told)):
        events: Sequence[Any] = [
            says(f"{name}{number}", word, of=f"oak {number}", at=AT + timedelta(days=day))
            for name, word, day in (*order, order[0])
        ]
        await handle(database, events[:2])
        await handle(database, events[1:])
        (found,) = await stands(database, f"oak {number}")
        assert (found.says, found.at) == ("competitor", AT + timedelta(days=2))
    await handle(database, [says("taken back", "unknown", of="oak 0", at=AT + timedelta(days=3))])
    assert await stands(database, "oak 0") == []


async def test_what_is_stated_goes_before_what_was_bought_until_the_account_buys(api: Any) -> None:
    client, database = api
    before = await opened(client)
    assert [before[name] for name in ("had already", "would be new", "of no account")] == [
        (0.0, None),
        (1.0, None),
        (None, None),
    ]
    await handle(database, [says("no use", "not_applicable"), says("left", "competitor", product="Suite")])
    found = await opened(client)
    assert found["would be new"] == (0.0, "not_applicable")
    assert found["had already"] == (1.0, "competitor"), "said after the last win: the customer has left"
    assert found["of no account"] == (None, None)
    older = says("long ago", "potential", of="acme", product="Suite", at=LAST_YEAR - timedelta(days=1))
    await handle(database, [older])
    assert (await opened(client))["had already"] == (1.0, "competitor"), "an older statement changes nothing"
    back = [says("cloud", "unknown", at=BEFORE + timedelta(days=1))]
    back += [says("suite", "unknown", product="Suite", at=BEFORE + timedelta(days=1))]
    await handle(database, back)
    assert await opened(client) == before, "taken back, and bought or not counts again"


async def test_a_win_after_the_statement_goes_before_it_and_what_is_owned_opens_nothing(api: Any) -> None:
    client, database = api
    early = LAST_YEAR - timedelta(days=30)
    await handle(database, [says("might", "potential", product="Suite", at=early), says("has", "owned")])
    found = await opened(client)
    assert found["had already"] == (0.0, None), "it was bought since"
    assert found["would be new"] == (0.0, "owned"), "from somewhere that we do not know of"


async def test_what_was_said_of_an_account_that_was_absorbed_stands_for_the_one_it_is_now(api: Any) -> None:
    client, database = api
    await handle(database, [says("no use", "not_applicable", of="old acme")])
    assert (await opened(client))["would be new"] == (1.0, None)
    into: UUID = named("acme")
    await handle(database, [account("old acme", 2, absorbed_into=into, valid_from=AT + timedelta(days=1))])
    assert (await opened(client))["would be new"] == (0.0, "not_applicable")
    assert [each.says for each in await stands(database, "old acme")] == ["not_applicable"]
