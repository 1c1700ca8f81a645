"""Whether the customer kept their part: opened when they accept, asked of the seller, told to the next approver."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from libs.common.ids import new_id, unit_id
from tests.integration.pricing.desk import CSO, FINANCE, MANAGER, SELLER, Desk, open_desk
from tests.integration.pricing.given import DEAL, deal, handle
from tests.integration.pricing.test_give_get import LONGER, NAMED, ask
from tests.support.days import business_day
from tests.support.keys import bearer

TODAY = business_day()


async def parts(desk: Desk, who: dict[str, str] = SELLER, **asked: str) -> dict[str, Any]:
    told = await desk.client.get("/v1/promised-parts", params=asked, headers=who)
    assert told.status_code == 200, told.text
    found: dict[str, Any] = told.json()
    return found


async def answer(desk: Desk, part: str, who: dict[str, str] = SELLER, key: str | None = None, **said: Any) -> Any:
    headers = who | ({"Idempotency-Key": key} if key else {})
    return await desk.client.post(f"/v1/promised-parts/{part}/answers", json=said, headers=headers)


async def accepted(desk: Desk, *pairs: dict[str, str]) -> str:
    quote = await desk.quote(discount="0.12")
    request = await ask(desk, quote, *pairs)
    assert (await desk.decide(request, MANAGER, authority="manager")).json()["state"] == "approved"
    assert (await parts(desk, quote_id=quote))["items"] == [], "nothing is promised before the customer accepts"
    assert (await desk.client.post(f"/v1/quotes/{quote}/accept", headers=SELLER)).status_code == 200
    return quote


async def test_what_was_asked_in_return_is_followed_up_from_the_acceptance_on(api_for: Callable[..., Any]) -> None:
    desk = await open_desk(api_for)
    quote = await accepted(desk, LONGER, NAMED)
    found = (await parts(desk))["items"]
    assert [(each["got"], each["got_note"], each["value"], each["state"], each["due"]) for each in found] == [
        ("longer_term", "24 months", "5000", "not_known", str(TODAY + timedelta(days=30))),
        ("reference", "", None, "not_known", str(TODAY + timedelta(days=180))),
    ]  # fmt: skip
    assert {(each["quote_id"], each["deal"]) for each in found} == {(quote, "Fjord")}
    term, named = (each["part_id"] for each in found)
    kept = await answer(desk, term, answer="kept", note="signed for 24 months")
    assert (kept.status_code, kept.json()["state"], kept.json()["answered_by"]) == (201, "kept", "user:seller")
    later = str(TODAY + timedelta(days=200))
    assert (await answer(desk, named, answer="moved", due=later)).json()["due"] == later
    assert (await answer(desk, named, answer="not_kept")).json()["state"] == "not_kept"
    table = (await desk.client.get("/v1/promised-parts/export", headers=SELLER)).text.splitlines()
    assert (len(table), "not_kept" in table[1] + table[2]) == (3, True)


async def test_the_next_approver_reads_how_often_such_promises_were_kept(api_for: Callable[..., Any]) -> None:
    desk = await open_desk(api_for)
    for verdict in ("kept", "not_kept", None):
        await accepted(desk, LONGER)
        (part,) = [each for each in (await parts(desk))["items"] if each["state"] == "not_known"]
        if verdict:
            assert (await answer(desk, part["part_id"], answer=verdict)).status_code == 201
        await handle(desk.database, deal(new_id(), amount="1", currency="EUR"))
        async with desk.database.transaction() as session:
            await session.execute(text("UPDATE quote SET deal_id = (SELECT deal_id FROM deal_reference WHERE deal_id <> :deal ORDER BY deal_id DESC LIMIT 1) WHERE status = 'accepted' AND deal_id = :deal"), {"deal": DEAL})  # fmt: skip
    asked = await desk.quote(discount="0.12")
    told = (await desk.client.get(f"/v1/quotes/{asked}/approvals", headers=MANAGER)).json()["in_return"]
    assert [(each["got"], each["kept"], each["known"], each["not_known"]) for each in told] == [
        ("longer_term", 1, 2, 1)
    ]
    assert (told[0]["low"], told[0]["high"]) == ("0.1209", "0.8791"), "two are few, so the interval is wide"


async def accepted_elsewhere(desk: Desk, pair: dict[str, str]) -> str:
    """The part of a quote of another deal that a customer accepted."""
    other = new_id()
    await handle(desk.database, deal(other, amount="1", currency="EUR", name="Other"))
    body = desk.body("0.12") | {"deal_id": str(other), "currency": "EUR"}
    quote = (await desk.client.post("/v1/quotes", json=body, headers=CSO)).json()["quote_id"]
    told = await desk.client.post(f"/v1/quotes/{quote}/submit", json={"pairs": [pair]}, headers=CSO)
    boss = bearer("manager", subject="user:boss")
    assert (await desk.decide(told.json(), boss, authority="manager")).json()["state"] == "approved"
    assert (await desk.client.post(f"/v1/quotes/{quote}/accept", headers=CSO)).status_code == 200
    (part,) = (await parts(desk, CSO, quote_id=quote))["items"]
    found: str = part["part_id"]
    return found


async def test_only_who_sees_the_deal_answers_and_a_key_answers_once(api_for: Callable[..., Any]) -> None:
    desk = await open_desk(api_for)
    await accepted(desk, LONGER)
    part = (await parts(desk))["items"][0]["part_id"]
    other = bearer("seller", subject="user:other", scope=(unit_id("Elsewhere"),))
    told = await parts(desk, other)
    assert (told["items"], [each["got"] for each in told["record"]]) == ([], ["longer_term"]), (
        "how often is everybody's"
    )
    assert (await answer(desk, part, other, answer="kept")).status_code == 404
    assert (await answer(desk, part, FINANCE, answer="kept")).status_code == 403
    for _ in range(2):
        assert (await answer(desk, part, key="once", answer="kept")).status_code == 201
    reused = await answer(desk, part, key="once", answer="not_kept")
    assert (reused.status_code, reused.json()["type"]) == (409, "urn:foretell:problem:idempotency-key-reused")
    async with desk.database.reading() as session:
        assert (await session.execute(text("SELECT count(*) FROM promised_part_answer"))).scalar_one() == 1
    second = await accepted_elsewhere(desk, NAMED)
    twice = await answer(desk, second, CSO, key="once", answer="kept")
    assert twice.json()["state"] == "kept", "the key is each caller's own"
    other_part = await answer(desk, part, CSO, key="once", answer="kept")
    assert (other_part.status_code, other_part.json()["type"]) == (409, "urn:foretell:problem:idempotency-key-reused")
    assert (await answer(desk, part, answer="moved", due=str(TODAY))).json()["due"] == str(TODAY), "today is in time"
    for wrong in ({"answer": "moved"}, {"answer": "kept", "due": str(TODAY)}, {"answer": "moved", "due": "2020-01-01"}):
        assert (await answer(desk, part, **wrong)).status_code == 422


async def test_what_the_customer_no_longer_has_is_not_owed(api_for: Callable[..., Any]) -> None:
    desk = await open_desk(api_for)
    first = await accepted(desk, LONGER)
    await handle(desk.database, deal(version=2, minute=1, state="lost", name="Fjord"))
    assert (await parts(desk, CSO))["items"] == []
    await handle(desk.database, deal(version=3, minute=2, name="Fjord"))
    assert len((await parts(desk, CSO))["items"]) == 1
    await handle(desk.database, deal(version=4, minute=3, name="Fjord", removed=True))
    assert (await parts(desk, CSO))["items"] == []
    await handle(desk.database, deal(version=5, minute=4, name="Fjord"))
    second = await desk.quote(discount="0", who=CSO)
    assert (await desk.client.post(f"/v1/quotes/{second}/accept", headers=CSO)).status_code == 200
    assert (await parts(desk, CSO))["items"] == [], f"{first} was replaced by an offer without a promise"


async def test_what_was_said_of_promises_cannot_be_changed(api_for: Callable[..., Any]) -> None:
    desk = await open_desk(api_for)
    for table in ("promised_part", "promised_part_answer"):
        async with desk.database.reading() as session:
            rights = await session.execute(
                text("SELECT has_table_privilege('foretell_app', :table, right_) FROM unnest(ARRAY['UPDATE', 'DELETE', 'TRUNCATE']) right_"),
                {"table": table},
            )  # fmt: skip
            assert set(rights.scalars()) == {False}
