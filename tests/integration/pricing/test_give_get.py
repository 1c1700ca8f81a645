"""What is granted and what is asked for it: shown to whoever approves, kept with the decision, asked anew when it became worse."""

from collections.abc import Callable
from typing import Any

from services.pricing.approvals import keeping
from tests.integration.pricing.desk import DOCUMENT, MANAGER, SELLER, SYSTEM, Desk, open_desk

LONGER = {"given": "discount", "given_note": "12 %", "got": "longer_term", "got_note": "24 months", "value": "5000"}
NAMED = {"given": "discount", "given_note": "12 %", "got": "reference"}


async def ask(desk: Desk, quote: str, *pairs: dict[str, str]) -> dict[str, Any]:
    told = await desk.client.post(f"/v1/quotes/{quote}/submit", json={"pairs": list(pairs)}, headers=SELLER)
    assert told.status_code == 201, told.text
    found: dict[str, Any] = told.json()
    return found


def states(request: dict[str, Any]) -> dict[str, str]:
    return {step["authority"]: step["state"] for step in request["steps"]}


async def test_the_approver_sees_the_pairs_and_what_was_seen_holds_them(api_for: Callable[..., Any]) -> None:
    desk = await open_desk(api_for)
    quote = await desk.quote(discount="0.12")
    without = await ask(desk, quote)
    request = await ask(desk, quote, LONGER, NAMED)
    assert request["seen"] != without["seen"]
    unseen = await desk.decide(request, MANAGER, authority="manager", seen=without["seen"])
    assert (unseen.status_code, unseen.json()["type"]) == (409, "urn:foretell:problem:quote-changed-meanwhile")
    shown = (await desk.client.get(f"/v1/quotes/{quote}/approvals", headers=MANAGER)).json()["requests"][0]
    assert [(each["got"], each["got_note"], each["value"]) for each in shown["pairs"]] == [
        ("longer_term", "24 months", "5000"), ("reference", "", None),
    ]  # fmt: skip
    assert (await desk.decide(request, MANAGER, authority="manager")).json()["state"] == "approved"


async def test_an_approver_asks_for_something_else_in_return_and_the_seller_asks_again_with_it(
    api_for: Callable[..., Any],
) -> None:
    desk = await open_desk(api_for)
    quote = await desk.quote(discount="0.12")
    request = await ask(desk, quote, NAMED)
    at = f"/v1/approvals/{request['request_id']}/steps/1"
    body = {"seen": request["seen"], "asks": [{"got": "longer_term", "note": "24 months"}]}
    both = await desk.client.post(at, json=body | {"verdict": "approved"}, headers=MANAGER)
    assert (both.status_code, "reject" in both.text) == (422, True)
    assert (await desk.client.post(at, json=body | {"verdict": "rejected"}, headers=MANAGER)).status_code == 200
    told = (await desk.client.get(f"/v1/quotes/{quote}/approvals", headers=SELLER)).json()
    assert told["decisions"][0]["asks"] == [{"got": "longer_term", "note": "24 months"}]
    again = await ask(desk, quote, NAMED, LONGER)
    assert states(again) == {"manager": "asked"}
    assert (await desk.decide(again, MANAGER, authority="manager")).json()["state"] == "approved"


async def test_a_pair_that_became_worse_is_asked_again_and_one_more_thing_in_return_is_not(
    api_for: Callable[..., Any],
) -> None:
    desk = await open_desk(api_for)
    quote = await desk.quote(discount="0.12")
    request = await ask(desk, quote, LONGER)
    assert (await desk.decide(request, MANAGER, authority="manager")).status_code == 200
    await desk.revise(quote, discount="0.12")
    more = await ask(desk, quote, LONGER, NAMED)
    assert (more["state"], states(more)) == ("approved", {"manager": "carried"})
    await desk.revise(quote, discount="0.12")
    less = await ask(desk, quote, LONGER | {"value": "4999"}, NAMED)
    assert states(less) == {"manager": "asked"}
    assert [(each["input"], each["before"], each["after"]) for each in less["differences"]] == [
        ("in return: longer term (24 months), for discount (12 %)", "5000", "4999")
    ]
    await desk.revise(quote, discount="0.12")
    gone = await ask(desk, quote)
    assert states(gone) == {"manager": "asked"}


async def test_pairs_stay_with_a_request_that_a_new_policy_asks_anew(api_for: Callable[..., Any]) -> None:
    desk = await open_desk(api_for)
    quote = await desk.quote(discount="0.12")
    await ask(desk, quote, LONGER)
    await desk.publish(rules=DOCUMENT["rules"][:1])
    assert await keeping.ask_anew(desk.database, principal=SYSTEM) == 1
    anew = (await desk.client.get(f"/v1/quotes/{quote}/approvals", headers=MANAGER)).json()["requests"][0]
    assert (anew["policy_version"], [each["got"] for each in anew["pairs"]]) == (2, ["longer_term"])


async def test_a_pair_without_one_of_its_sides_is_refused(api_for: Callable[..., Any]) -> None:
    desk = await open_desk(api_for)
    quote = await desk.quote(discount="0.12")
    for pair in ({"given": "discount"}, {"got": "reference"}, LONGER | {"value": "-1"}, LONGER | {"due": "soon"}):
        told = await desk.client.post(f"/v1/quotes/{quote}/submit", json={"pairs": [pair]}, headers=SELLER)
        assert told.status_code == 422
