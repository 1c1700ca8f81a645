"""What people say of a deal beside its CRM: kept by both clocks, within scope."""

import asyncio
import csv
import io
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from libs.common import clock
from libs.common.events.pricing import QuoteAccepted, QuotedLine
from libs.common.ids import entity_id, provisional_deal_id
from libs.common.statehash import of_component
from services.deals.fingerprint import FINGERPRINT
from tests.integration.deals.acme import ACCOUNT, NORTH, OPS, SOUTH, ago, ok, world
from tests.integration.deals.books import apply
from tests.support.keys import bearer
from tests.unit.deals.given import deal_id, lead, lead_id, record, user_id

NORA, SAM = str(user_id("nora")), str(user_id("sam"))
DEAL = f"/v1/deals/{deal_id('D')}"


def shares(**people: str) -> list[dict[str, str]]:
    return [{"person_id": str(user_id(name)), "share": share} for name, share in people.items()]


async def test_a_split_cuts_the_amount_to_the_cent_and_one_that_does_not_add_is_refused(
    api_for: Callable[..., Any],
) -> None:
    client, runtime = api_for("deals")
    await world(runtime)
    found = await ok(client.get(f"{DEAL}/splits", headers=NORTH))
    assert (found["is_stated"], found["version"]) == (False, 0)
    assert found["revenue"] == [{"person_id": NORA, "share": "1", "amount": "1000.00"}]

    few = await client.post(f"{DEAL}/splits", json={"shares": shares(nora="0.6", sam="0.3")}, headers=NORTH)
    assert few.status_code == 422
    assert "add to 90 % and must make 100 %: 10 % are nobody's" in few.text
    ghost = await client.post(f"{DEAL}/splits", json={"shares": shares(ghost="1")}, headers=NORTH)
    assert "nobody with the id" in ghost.text

    wanted = {"shares": shares(nora="0.333333", sam="0.666667")}
    key = NORTH | {"Idempotency-Key": "split"}
    for _ in range(2):
        found = await ok(client.post(f"{DEAL}/splits", json=wanted, headers=key))
    assert [each["amount"] for each in found["revenue"]] == ["666.67", "333.33"]
    assert (found["version"], len(found["said"]), found["said"][0]["author"]) == (1, 1, "nora")
    found = await ok(
        client.post(f"{DEAL}/splits", json={"kind": "overlay", "shares": shares(sam="1", nora="0.5")}, headers=NORTH)
    )
    assert sum(Decimal(each["amount"]) for each in found["revenue"]) == Decimal("1000.00")
    assert sum(Decimal(each["amount"]) for each in found["overlay"]) == Decimal("1500.00")

    stale = await client.post(f"{DEAL}/splits", json={"shares": []}, headers=NORTH | {"If-Match": '"1"'})
    assert stale.status_code == 412
    back = await ok(client.post(f"{DEAL}/splits", json={"shares": []}, headers=NORTH | {"If-Match": '"2"'}))
    assert [each["person_id"] for each in back["revenue"]] == [NORA]
    assert (await client.get(f"{DEAL}/splits", headers=SOUTH)).status_code == 404
    assert (await client.post(f"{DEAL}/splits", json=wanted, headers=SOUTH)).status_code == 404
    viewer = bearer("viewer")
    assert (await client.post(f"{DEAL}/splits", json=wanted, headers=viewer)).status_code == 403


async def test_of_several_who_speak_at_once_each_is_numbered_and_who_had_not_seen_the_others_is_refused(
    api_for: Callable[..., Any],
) -> None:
    client, runtime = api_for("deals")
    await world(runtime)
    blind = [client.post(f"{DEAL}/competitors", json={"competitor": f"Oak {n}"}, headers=NORTH) for n in range(6)]
    assert {each.status_code for each in await asyncio.gather(*blind)} == {201}
    found = await ok(client.get(f"{DEAL}/competitors", headers=NORTH))
    assert sorted(each["version"] for each in found["said"]) == [1, 2, 3, 4, 5, 6]
    seen = NORTH | {"If-Match": '"6"'}
    wanted = [{"shares": shares(nora="0.5", sam="0.5")}, {"shares": shares(sam="1")}]
    answers = await asyncio.gather(*(client.post(f"{DEAL}/splits", json=each, headers=seen) for each in wanted))
    assert sorted(each.status_code for each in answers) == [201, 412]
    again = NORTH | {"Idempotency-Key": "once"}
    same = [client.post(f"{DEAL}/competitors", json={"competitor": "Elm"}, headers=again) for _ in range(3)]
    assert {each.status_code for each in await asyncio.gather(*same)} == {201}
    found = await ok(client.get(f"{DEAL}/competitors", headers=NORTH))
    assert [each["competitor"] for each in found["said"]].count("Elm") == 1


async def test_what_was_said_is_read_as_it_held_and_as_it_was_known(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("deals")
    await world(runtime)
    before = clock.now().isoformat()
    for days, share in ((9, "1"), (20, "0.25")):
        people = shares(sam=share) if share == "1" else shares(sam=share, nora="0.75")
        said = {"shares": people, "at": ago(days).isoformat()}
        await ok(client.post(f"{DEAL}/splits", json=said, headers=NORTH))

    async def sams(**asked: str) -> str:
        found = await ok(client.get(f"{DEAL}/splits", params=asked, headers=NORTH))
        return next((each["amount"] for each in found["revenue"] if each["person_id"] == SAM), "none")

    assert await sams() == "1000.00", "the later time stands, whichever was said last"
    assert await sams(as_of=ago(12).isoformat()) == "250.00"
    assert await sams(as_of=ago(30).isoformat()) == "none"
    assert await sams(known_at=before) == "none"
    later = {"shares": [], "at": (clock.now() + timedelta(days=1)).isoformat()}
    assert "is not yet" in (await client.post(f"{DEAL}/splits", json=later, headers=NORTH)).text


async def test_a_closed_deal_is_credited_as_its_splits_stood_when_it_closed_and_what_comes_later_corrects_that(
    api_for: Callable[..., Any],
) -> None:
    client, runtime = api_for("deals")
    await world(runtime)
    closed = ago(40)
    won = {"state": "won", "stage": "Won", "closed_on": closed.date(), "owner_id": user_id("nora")}
    async with runtime.database.transaction() as session:
        await apply(session, [record(closed, "D", account_id=ACCOUNT, **won)])
    told = {"shares": shares(nora="0.2", sam="0.8"), "at": ago(20).isoformat()}
    found = await ok(client.post(f"{DEAL}/splits", json=told, headers=NORTH))
    assert [each["person_id"] for each in found["revenue"]] == [NORA], "after the closing nothing is shared any more"
    found = await ok(client.post(f"{DEAL}/splits", json={"shares": shares(nora="0.5", sam="0.5")}, headers=NORTH))
    assert [each["amount"] for each in found["revenue"]] == ["500.00", "500.00"]
    people = (await ok(client.get("/v1/deals/credited", params={"state": "won"}, headers=OPS)))["people"]
    assert {each["person_id"]: each["amount"] for each in people} == {NORA: "500.00", SAM: "500.00"}


async def test_credits_of_people_and_of_nobody_add_to_the_whole_and_overlay_is_in_no_total(
    api_for: Callable[..., Any],
) -> None:
    client, runtime = api_for("deals")
    await world(runtime)
    async with runtime.database.transaction() as session:
        await apply(session, [record(ago(5), "N", amount=Decimal("77.77"))])
        await apply(session, [record(ago(5), "U", amount=None, owner_id=user_id("sam"))])
    wanted = [*shares(nora="0.333333", sam="0.333333"), {"person_id": SAM, "share": "0"}]
    assert (await client.post(f"{DEAL}/splits", json={"shares": wanted}, headers=NORTH)).status_code == 422
    await ok(client.post(f"{DEAL}/splits", json={"shares": shares(nora="0.123457", sam="0.876543")}, headers=NORTH))
    await ok(
        client.post(f"{DEAL}/splits", json={"kind": "overlay", "shares": shares(sam="1", nora="1")}, headers=NORTH)
    )
    found = await ok(client.get("/v1/deals/credited", headers=OPS))
    (whole,) = found["whole"]
    assert (whole["deals"], whole["amount"], whole["unpriced"]) == (5, "3077.77", 1)
    by = {each["person_id"]: each for each in found["people"]}
    assert sum(Decimal(each["amount"]) for each in by.values()) == Decimal(whole["amount"])
    assert by[None]["amount"] == "77.77"
    assert (by[SAM]["own"], by[SAM]["from_others"], by[SAM]["overlay"]) == ("2000.00", "876.54", "1000.00")
    written = (await client.get("/v1/deals/credited.csv", headers=OPS)).text
    rows = list(csv.DictReader(io.StringIO(written)))
    assert [row["amount"] for row in rows] == [each["amount"] for each in found["people"]]
    work = await ok(client.get("/v1/deals/worklist", headers=OPS))
    assert {each["owner_share"] for each in work["items"] if each["deal_id"] == str(deal_id("D"))} == {"0.123457"}
    assert {each["owner_share"] for each in work["items"] if each["deal_id"] != str(deal_id("D"))} == {None}
    north = await ok(client.get("/v1/deals/credited", headers=NORTH))
    assert [each["amount"] for each in north["whole"]] == ["1000.00"], "of South's deals nothing is told"


async def test_a_file_is_tried_first_then_taken_once_and_bad_lines_lose_nothing_else(
    api_for: Callable[..., Any],
) -> None:
    client, runtime = api_for("deals")
    await world(runtime)
    one, other = deal_id("D"), deal_id("E")
    lines = [f"{one},revenue,{NORA},0.4", f"{one},revenue,{SAM},0.6", f"{other},revenue,{SAM},0.9"]
    lines += [f"{uuid4()},revenue,{SAM},1", f"{other},overlay,{SAM},much", f"none,revenue,{SAM},1"]
    body = "deal_id,kind,person_id,share\n" + "\n".join(lines)
    headers = OPS | {"Content-Type": "text/csv"}
    path = "/v1/deals/splits/import"
    tried = await ok(client.post(path, params={"dry_run": "true"}, content=body, headers=headers))
    assert (tried["tried"], tried["kept"]) == (True, 1)
    assert (await ok(client.get(f"{DEAL}/splits", headers=OPS)))["version"] == 0
    report = await ok(client.post(path, content=body, headers=headers))
    assert (report["kept"], report["refused"]) == (1, 4)
    assert [(each["line"], each["outcome"], each["column"]) for each in report["results"]] == [
        (2, "kept", None),
        (4, "refused", "share"),
        (5, "refused", "deal_id"),
        (6, "refused", "share"),
        (7, "refused", "deal_id"),
    ]
    again = await ok(client.post(path, content=body, headers=headers))
    assert (again["kept"], again["unchanged"]) == (0, 1)
    assert (await ok(client.get(f"{DEAL}/splits", headers=OPS)))["version"] == 1
    bad = await client.post(path, content="deal,share\n", headers=headers)
    assert (bad.status_code, "has to name the columns" in bad.text) == (422, True)


async def test_product_lines_are_summed_against_the_amount_and_those_of_a_quote_go_first(
    api_for: Callable[..., Any],
) -> None:
    client, runtime = api_for("deals")
    await world(runtime)
    none = await ok(client.get(f"{DEAL}/lines", headers=NORTH))
    assert (none["source"], none["total"], none["difference"]) == ("nobody", None, None)
    said = {
        "currency": "EUR",
        "lines": [
            {"product": "Ovens", "quantity": "3", "price": "200", "term_months": 12},
            {"product": "Service", "amount": "350.50"},
        ],
    }
    found = await ok(client.post(f"{DEAL}/lines", json=said, headers=NORTH))
    assert (found["source"], found["total"], found["difference"]) == ("person", "950.50", "49.50")
    assert found["lines"][0]["amount"] == "600.00"
    exported = (await client.get(f"{DEAL}/lines.csv", headers=NORTH)).text
    headers = NORTH | {"Content-Type": "text/csv"}
    report = await ok(client.post("/v1/deals/lines/import", content=exported, headers=headers))
    assert report["unchanged"] == 1, "what is exported comes in as it is"
    dollars = await ok(client.post(f"{DEAL}/lines", json=said | {"currency": "USD"}, headers=NORTH))
    assert (dollars["difference"], "in USD" in dollars["why_no_difference"]) == (None, True)

    quoted = QuoteAccepted(
        quote_id=entity_id("pricing", "quote", "Q"),
        version=1,
        deal_id=deal_id("D"),
        status="accepted",
        net_amount=Decimal("880.00"),
        currency="EUR",
        valid_from=ago(1),
        term_months=24,
        lines=(
            QuotedLine(
                product_id=uuid4(),
                product="Mixers",
                quantity=Decimal(2),
                unit_price=Decimal(500),
                net_amount=Decimal("880.00"),
            ),
        ),
    )
    async with runtime.database.transaction() as session:
        await apply(session, [quoted])
    found = await ok(client.get(f"{DEAL}/lines", headers=NORTH))
    assert (found["source"], found["difference"], found["quote_tells_lines"]) == ("quote", "0.00", True)
    assert [(each["product"], each["term_months"]) for each in found["lines"]] == [("Mixers", 24)]
    refused = await client.post(f"{DEAL}/lines", json=said, headers=NORTH)
    assert (refused.status_code, "revise the quote" in refused.text) == (409, True)
    report = await ok(client.post("/v1/deals/lines/import", content=exported, headers=headers))
    assert report["results"][0]["reason"] == "The amount is that of a quote; revise the quote."
    assert (await client.get(f"{DEAL}/lines", headers=SOUTH)).status_code == 404


async def market(runtime: Any) -> None:
    """Oak was named in 24 closed deals of North, of which 6 were won, and in one of South that was lost."""
    told: list[Any] = []
    for number in range(24):
        state = "won" if number < 6 else "lost"
        ended = {"state": state, "stage": state.title(), "closed_on": ago(9).date(), "owner_id": user_id("nora")}
        told.append(record(ago(9), f"C{number}", **ended))
    lost = {"state": "lost", "stage": "Lost", "closed_on": ago(9).date(), "loss_reason": "Price"}
    told.append(record(ago(9), "S", owner_id=user_id("sam"), **lost))
    async with runtime.database.transaction() as session:
        await apply(session, told)


async def test_a_competitor_is_named_with_what_became_of_it_and_how_often_we_win_within_scope(
    api_for: Callable[..., Any],
) -> None:
    client, runtime = api_for("deals")
    await world(runtime)
    await market(runtime)
    rows = [f"{deal_id(f'C{number}')},Oak Books,{'in_play' if number < 6 else 'lost_to'},buyer" for number in range(24)]
    rows += [f"{deal_id('S')},OAK books,lost_to,public", f"{deal_id('E')},Oak Books,displaced,buyer"]
    headers = OPS | {"Content-Type": "text/csv"}
    body = "deal_id,competitor,state,source\n" + "\n".join(rows)
    report = await ok(client.post("/v1/deals/competitors/import", content=body, headers=headers))
    assert (report["kept"], report["refused"]) == (25, 1)
    assert "nobody is displaced yet" in report["results"][-1]["reason"]

    named = {"competitor": "oak  books", "source": "buyer"}
    for _ in range(2):
        found = await ok(client.post(f"{DEAL}/competitors", json=named, headers=NORTH | {"Idempotency-Key": "oak"}))
    (oak,) = found["items"]
    assert (oak["state"], oak["source"], oak["author"], len(found["said"])) == ("in_play", "buyer", "nora", 1)
    against = oak["against"]
    assert (against["won"], against["closed"], against["lost_to"], against["open"]) == (6, 24, 18, 1)
    assert against["rate"] == pytest.approx(0.25)
    assert against["low"] < 0.25 < against["high"]
    found = await ok(client.post(f"{DEAL}/competitors", json={"competitor": "Elm"}, headers=NORTH))
    elm = next(each for each in found["items"] if each["competitor"] == "Elm")
    assert (elm["against"]["rate"], elm["against"]["low"], elm["against"]["high"]) == (None, 0, 1)

    lost = await client.post(f"{DEAL}/competitors", json=named | {"state": "lost_to"}, headers=NORTH)
    assert (lost.status_code, "is open, not lost" in lost.text) == (409, True)
    ours = await ok(client.get("/v1/deals/competitors", headers=OPS))
    assert (ours["items"][0]["competitor"], ours["items"][0]["against"]["closed"]) == ("Oak Books", 25)
    south = await ok(client.get(f"/v1/deals/{deal_id('S')}/competitors", headers=SOUTH))
    assert (south["loss_reason"], south["items"][0]["against"]["closed"]) == ("Price", 1)
    rows = list(csv.DictReader(io.StringIO((await client.get("/v1/deals/competitors.csv", headers=SOUTH)).text)))
    assert [(row["competitor"], row["closed"]) for row in rows] == [("OAK books", "1")]

    found = await ok(client.post(f"{DEAL}/competitors", json=named | {"state": "withdrawn"}, headers=NORTH))
    assert [each["competitor"] for each in found["items"]] == ["Elm"]
    assert len(found["said"]) == 3, "what was said stays"


async def test_what_was_said_while_a_deal_stood_for_its_lead_is_said_of_the_opportunity_that_absorbs_it(
    api_for: Callable[..., Any],
) -> None:
    client, runtime = api_for("deals")
    await world(runtime)
    standing_in = provisional_deal_id(lead_id("L"))
    async with runtime.database.transaction() as session:
        await apply(session, [lead(1, ago(50))])
    await ok(client.post(f"/v1/deals/{standing_in}/splits", json={"shares": shares(sam="1")}, headers=OPS))
    await ok(client.post(f"/v1/deals/{standing_in}/competitors", json={"competitor": "Oak"}, headers=OPS))
    async with runtime.database.transaction() as session:
        await apply(session, [record(ago(1), "T", lead_id=lead_id("L"), owner_id=user_id("nora"))])
    found = await ok(client.get(f"/v1/deals/{deal_id('T')}/splits", headers=NORTH))
    assert ([each["person_id"] for each in found["revenue"]], found["version"]) == ([SAM], 0)
    rivals = await ok(client.get(f"/v1/deals/{deal_id('T')}/competitors", headers=NORTH))
    assert [(each["competitor"], each["against"]["open"]) for each in rivals["items"]] == [("Oak", 1)]
    people = (await ok(client.get("/v1/deals/credited", headers=NORTH)))["people"]
    assert {each["person_id"]: each["amount"] for each in people} == {NORA: "1000.00", SAM: "1000.00"}
    out = {"competitor": "Oak", "state": "out"}
    rivals = await ok(client.post(f"/v1/deals/{deal_id('T')}/competitors", json=out, headers=NORTH))
    assert [each["state"] for each in rivals["items"]] == ["out"]


async def test_statements_are_only_ever_added_to_and_are_in_the_fingerprint(api_for: Callable[..., Any]) -> None:
    client, runtime = api_for("deals")
    await world(runtime)
    async with runtime.database.transaction() as session:
        before = await of_component(session, FINGERPRINT)
    await ok(client.post(f"{DEAL}/competitors", json={"competitor": "Elm"}, headers=NORTH))
    async with runtime.database.transaction() as session:
        after = await of_component(session, FINGERPRINT)
    assert before["history"]["hash"] != after["history"]["hash"]
    for statement in ("UPDATE deal_statement SET author = 'x'", "DELETE FROM deal_statement"):
        with pytest.raises(ProgrammingError, match="permission denied"):
            async with runtime.database.transaction() as session:
                await session.execute(text(statement))
