"""What CRMs tell of splits, lines and competitors stands among what people say, by the same order of instants."""

import itertools
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import text

from libs.common.events.base import EventData
from libs.common.events.beside import (
    CrmDealCompetitorsChanged,
    CrmDealLinesChanged,
    CrmDealSplitsChanged,
    ToldLine,
    ToldShare,
)
from libs.common.events.crm import RecordClock
from tests.integration.deals.acme import NORTH, SOUTH, ago, ok, world
from tests.integration.deals.books import apply
from tests.unit.deals.given import day, deal_id, record, user_id

DEAL = f"/v1/deals/{deal_id('D')}"
NORA, SAM, OLGA = user_id("nora"), user_id("sam"), user_id("olga")


def _told(event: Any, at: datetime, *, since: datetime | None = None, **content: Any) -> Any:
    return event(
        connection="crm",
        external_id="D",
        deal_id=deal_id("D"),
        clock=RecordClock(crm_time=at),
        received_at=at,
        since=since or at,
        **content,
    )


def lines(at: datetime, *amounts: str, **more: Any) -> CrmDealLinesChanged:
    found = tuple(ToldLine(product=f"P{n}", amount=Decimal(each)) for n, each in enumerate(amounts))
    return _told(CrmDealLinesChanged, at, lines=found, **{"currency": "EUR"} | more)  # type: ignore[no-any-return]


def splits(at: datetime, *shares: tuple[Any, str], overlay: Sequence[tuple[Any, str]] = ()) -> CrmDealSplitsChanged:
    told = [ToldShare(person_id=who, share=Decimal(share)) for who, share in shares]
    told += [ToldShare(person_id=who, share=Decimal(share), overlay=True) for who, share in overlay]
    return _told(CrmDealSplitsChanged, at, shares=tuple(told))  # type: ignore[no-any-return]


def competitors(at: datetime, *names: str) -> CrmDealCompetitorsChanged:
    return _told(CrmDealCompetitorsChanged, at, names=names)  # type: ignore[no-any-return]


async def tell(runtime: Any, *events: EventData) -> None:
    async with runtime.database.transaction() as session:
        await apply(session, events)


async def test_the_lines_of_the_crm_are_held_against_the_deal_and_say_whose_they_are(
    api_for: Callable[..., Any],
) -> None:
    client, runtime = api_for("deals")
    await world(runtime)
    noted_at = ago(9)
    await tell(runtime, lines(ago(2), "700", "250.5", since=noted_at))
    found = await ok(client.get(f"{DEAL}/lines", headers=NORTH))
    assert (found["source"], found["total"], found["difference"]) == ("crm", "950.50", "49.50")
    assert found["said"][0]["author"] == "crm:crm"
    assert datetime.fromisoformat(found["said"][0]["at"]) == noted_at, "from when the CRM noted them"
    assert (await client.get(f"{DEAL}/lines", headers=SOUTH)).status_code == 404


async def test_of_the_crm_and_a_person_the_last_to_speak_stands(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("deals")
    await world(runtime)
    await tell(runtime, lines(ago(3), "700"))
    wanted = {"currency": "EUR", "at": ago(2).isoformat(), "lines": [{"product": "Mine", "amount": "1000"}]}
    found = await ok(client.post(f"{DEAL}/lines", json=wanted, headers=NORTH))
    assert (found["source"], found["total"]) == ("person", "1000.00")
    await tell(runtime, lines(ago(1), "800"))
    found = await ok(client.get(f"{DEAL}/lines", headers=NORTH))
    assert (found["source"], found["total"], len(found["said"])) == ("crm", "800.00", 3)


async def test_lines_told_again_as_they_were_make_no_statement(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("deals")
    await world(runtime)
    for days in (4, 3, 2):
        await tell(runtime, lines(ago(days), "700"))
    found = await ok(client.get(f"{DEAL}/lines", headers=NORTH))
    assert len(found["said"]) == 1
    await tell(runtime, lines(ago(1)))
    found = await ok(client.get(f"{DEAL}/lines", headers=NORTH))
    assert (found["source"], found["lines"], len(found["said"])) == ("nobody", [], 2)


async def test_in_whatever_order_a_crm_is_heard_its_last_word_stands(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("deals")
    await world(runtime)
    words = [lines(ago(3), "100"), lines(ago(2), "200"), lines(ago(1), "300")]
    for order in itertools.permutations(words):
        async with runtime.database.transaction() as session:
            await session.execute(text("DELETE FROM deal_told"))
        for each in (*order, order[0]):
            await tell(runtime, each)
        found = await ok(client.get(f"{DEAL}/lines", headers=NORTH))
        assert found["total"] == "300.00", [each.lines[0].amount for each in order]


async def test_lines_without_an_amount_or_a_currency_do_not_stand_and_say_why(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("deals")
    await world(runtime)
    await tell(runtime, lines(ago(3), "700"))
    bare = ToldLine(product="Oven")
    await tell(runtime, _told(CrmDealLinesChanged, ago(2), currency="EUR", lines=(bare,)))
    found = await ok(client.get(f"{DEAL}/lines", headers=NORTH))
    assert found["total"] == "700.00", "what stood before"
    assert "Oven has no amount" in found["crm_problem"]
    await tell(runtime, _told(CrmDealLinesChanged, ago(1), problem="currency is 'EUR, USD'. Give all lines one."))
    found = await ok(client.get(f"{DEAL}/lines", headers=NORTH))
    assert "Give all lines one" in found["crm_problem"]
    assert found["total"] == "700.00", "what cannot be understood takes nothing back"
    await tell(runtime, lines(ago(0.5), "900"))
    found = await ok(client.get(f"{DEAL}/lines", headers=NORTH))
    assert (found["total"], found["crm_problem"]) == ("900.00", None)


async def test_what_the_crms_shares_leave_over_is_the_owners(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("deals")
    await world(runtime)
    await tell(runtime, splits(ago(2), (SAM, "0.3"), overlay=[(OLGA, "0.5")]))
    found = await ok(client.get(f"{DEAL}/splits", headers=NORTH))
    assert {each["person_id"]: each["amount"] for each in found["revenue"]} == {str(NORA): "700.00", str(SAM): "300.00"}
    assert [(each["person_id"], each["amount"]) for each in found["overlay"]] == [(str(OLGA), "500.00")]
    assert (found["is_stated"], found["crm_problem"]) == (True, None)
    third = "0.33333333"
    await tell(runtime, splits(ago(1), (SAM, third), (NORA, third), (OLGA, third), overlay=[(OLGA, "0.5")]))
    found = await ok(client.get(f"{DEAL}/splits", headers=NORTH))
    assert sum(Decimal(each["amount"]) for each in found["revenue"]) == 1000
    assert len([each for each in found["said"] if each["kind"] == "overlay"]) == 1, "the overlay did not change"


async def test_shares_of_a_crm_beyond_the_whole_do_not_stand_and_say_so(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("deals")
    await world(runtime)
    await tell(runtime, splits(ago(1), (SAM, "0.8"), (NORA, "0.4")))
    found = await ok(client.get(f"{DEAL}/splits", headers=NORTH))
    assert [each["person_id"] for each in found["revenue"]] == [str(NORA)]
    assert "make 120 %" in found["crm_problem"]


async def test_what_a_crm_says_after_the_closing_corrects_who_is_credited_with_it(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("deals")
    await world(runtime)
    closed = (ago(20)).date()
    won = record(day(1), "D", state="won", stage="Won", owner_id=NORA, close_date=closed, closed_on=closed)
    await tell(runtime, won)
    await tell(runtime, splits(ago(1), (SAM, "1")))
    found = await ok(client.get(f"{DEAL}/splits", headers=NORTH))
    assert [each["person_id"] for each in found["revenue"]] == [str(SAM)]
    assert datetime.fromisoformat(found["said"][0]["at"]) < ago(18)


async def test_a_competitor_of_the_crm_is_in_play_until_it_is_named_no_more(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("deals")
    await world(runtime)
    await tell(runtime, competitors(ago(4), "Ofenbau Nord", "Backtech"))
    wanted = {"competitor": "Backtech", "state": "out", "at": ago(3).isoformat()}
    await ok(client.post(f"{DEAL}/competitors", json=wanted, headers=NORTH))
    await tell(runtime, competitors(ago(2), "BACKTECH", "Ofenbau Nord", "Glut"))
    found = await ok(client.get(f"{DEAL}/competitors", headers=NORTH))
    states = {each["competitor"]: (each["state"], each["author"]) for each in found["items"]}
    assert states == {
        "Backtech": ("out", "nora"),
        "Ofenbau Nord": ("in_play", "crm:crm"),
        "Glut": ("in_play", "crm:crm"),
    }, "what a person said of one that is still named stands"
    await tell(runtime, competitors(ago(1), "Glut"))
    found = await ok(client.get(f"{DEAL}/competitors", headers=NORTH))
    assert {each["competitor"] for each in found["items"] if each["state"] == "in_play"} == {"Glut"}


async def test_lines_of_a_deal_that_has_not_arrived_stand_once_it_has(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("deals")
    await world(runtime)
    late = lines(ago(3), "400").model_copy(update={"deal_id": deal_id("L"), "external_id": "L"})
    await tell(runtime, late)
    await tell(runtime, record(ago(2) - timedelta(days=30), "L", owner_id=NORA))
    found = await ok(client.get(f"/v1/deals/{deal_id('L')}/lines", headers=NORTH))
    assert found["total"] == "400.00"
