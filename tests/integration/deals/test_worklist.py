"""Deals to work on, through the door of the deals service."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from libs.common import clock
from libs.common.events.crm import CrmWriteBackOffered, OfferedStage
from libs.common.ids import unit_id
from services.deals.worklist import repository
from tests.integration.deals.acme import ACCOUNT, NORTH, OPS, SOUTH, ok, world
from tests.integration.deals.books import apply
from tests.integration.deals.test_edits import answer
from tests.support.keys import bearer
from tests.unit.deals.given import day, deal_id, record, user_id

NORA, SAM = user_id("nora"), user_id("sam")
LIST = "/v1/deals/worklist"


async def filled(runtime: Any) -> None:
    """The world, with deals of North that differ in what they lack."""
    await world(runtime)
    soon = (clock.now() + timedelta(days=20)).date()
    offer = CrmWriteBackOffered(
        connection="crm", version=1, fields=("next_step", "stage"), stages=(OfferedStage(stage="Propose"), OfferedStage(pipeline="other", stage="Odd"))
    )  # fmt: skip
    deals = [
        record(day(0), "N1", name="Baker ovens", owner_id=NORA, close_date=soon, amount=Decimal(300), next_step_known=True),
        record(day(0), "N2", name="Baker mixers", owner_id=NORA, close_date=soon, amount=None),
        record(day(0), "N3", name="Dairy", owner_id=NORA, close_date=None, amount=Decimal(70), currency="USD", stage="Qualify"),
        record(day(0), "N4", name="Lost one", owner_id=NORA, state="lost", stage="Lost"),
    ]  # fmt: skip
    async with runtime.database.transaction() as session:
        await apply(session, [offer, *deals])


async def test_the_list_has_what_the_filters_leave_within_scope_in_pages_that_join(api_for: Callable[..., Any]):
    client, runtime = api_for("deals")
    await filled(runtime)

    async def names(headers: Any = NORTH, **params: Any) -> list[str]:
        found: list[str] = []
        cursor = None
        while True:
            asked = params | {"limit": 2} | ({"cursor": cursor} if cursor else {})
            page = await ok(client.get(LIST, params=asked, headers=headers))
            found += [each["external_id"] for each in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                return found

    for sort in ("close_date", "-amount", "name", "stage_entered"):
        assert set(await names(sort=sort)) == {"D", "N1", "N2", "N3"}, sort
    assert (await names(sort="close_date"))[0] == "D"
    assert (await names(sort="close_date"))[-1] == "N3", "without a date last"
    assert (await names(sort="-amount"))[-1] == "N2", "without an amount last"
    assert set(await names(q="bak ov")) == {"N1"}, "beginnings of words, all of them"
    assert await names(q="aker") == []
    assert await names(stage="Qualify") == ["N3"]
    assert await names(state="lost") == ["N4"]
    assert set(await names(check="no_amount")) == {"N2"}
    assert await names(check="overdue") == ["D"]
    assert set(await names(SOUTH)) == {"E", "S"}
    assert await names(SOUTH, owner=str(NORA)) == [], "a filter never widens the scope"
    assert await names(SOUTH, deal=str(deal_id("N1"))) == []
    assert len(await names(OPS)) == 6
    assert await names(OPS, unowned=True) == []


async def test_words_that_many_deals_have_find_what_rare_words_find(
    api_for: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, runtime = api_for("deals")
    await filled(runtime)

    async def names(few: int, who: Any, **asked: Any) -> list[str]:
        monkeypatch.setattr(repository, "FEW", few)
        found: list[str] = []
        cursor: dict[str, str] | None = {}
        while cursor is not None:
            page = await ok(client.get(LIST, params=asked | {"limit": 1} | cursor, headers=who))
            found += [each["external_id"] for each in page["items"]]
            cursor = {"cursor": page["next_cursor"]} if page["next_cursor"] else None
        return found

    for who, q, expected in (
        (NORTH, "bak", ["N1", "N2"]),
        (OPS, "bak", ["N1", "N2"]),
        (SOUTH, "bak", []),
        (OPS, "nowhere", []),
    ):
        rare, common = await names(100, who, q=q, sort="-amount"), await names(1, who, q=q, sort="-amount")
        assert rare == common == expected


async def test_a_row_says_what_of_it_can_be_edited_and_what_is_under_way(api_for: Callable[..., Any]):
    client, runtime = api_for("deals")
    await filled(runtime)
    path = f"/v1/deals/{deal_id('N1')}/edits"
    await ok(client.post(path, json={"field": "next_step", "value": "Call"}, headers=NORTH))

    (row,) = (await ok(client.get(LIST, params={"q": "ovens"}, headers=NORTH)))["items"]

    assert (row["editable"], row["stages"]) == (["next_step", "stage"], ["Propose"]), "stages of its own pipeline"
    assert (row["edits"]["next_step"]["state"], row["edits"]["next_step"]["wanted"]) == ("pending", "Call")
    assert (row["next_step"], row["checks"]) == (None, ["no_next_step", "no_account", "unmapped_type"]), (
        "the CRM's value counts"
    )
    viewer = bearer("viewer", scope=(unit_id("EMEA/North"),))
    (row,) = (await ok(client.get(LIST, params={"q": "ovens"}, headers=viewer)))["items"]
    assert row["editable"] == []


async def test_what_was_put_aside_brings_no_older_refusal_back(api_for: Callable[..., Any]):
    client, runtime = api_for("deals")
    await filled(runtime)
    path = f"/v1/deals/{deal_id('N1')}/edits"
    for words in ("first", "second"):
        (made, *_) = (await ok(client.post(path, json={"field": "next_step", "value": words}, headers=NORTH)))["items"]
        async with runtime.database.transaction() as session:
            await apply(session, [answer(made, "refused", reason=f"no {words}")])
    (row,) = (await ok(client.get(LIST, params={"q": "ovens"}, headers=NORTH)))["items"]
    assert row["edits"]["next_step"]["reason"] == "no second"

    await ok(client.post(f"{path}/{made['edit_id']}/acknowledge", headers=NORTH))

    (row,) = (await ok(client.get(LIST, params={"q": "ovens"}, headers=NORTH)))["items"]
    assert row["edits"] == {}


async def test_what_lacks_is_told_by_owner_in_money_and_opens_its_deals(api_for: Callable[..., Any]):
    client, runtime = api_for("deals")
    await filled(runtime)

    found = await ok(client.get("/v1/deals/quality", headers=NORTH))

    told = {(each["owner_id"], each["check"]): each for each in found["items"]}
    assert found["open_deals"] == 4
    assert found["unknown"] == ["no_contact"], "nobody has told of any contact"
    assert told[str(NORA), "overdue"]["amounts"] == [{"currency": "EUR", "amount": "1000.00"}]
    lacking = told[str(NORA), "no_account"]
    assert (lacking["deals"], lacking["unpriced"]) == (3, 1)
    assert {each["currency"]: Decimal(each["amount"]) for each in lacking["amounts"]} == {"EUR": 300, "USD": 70}
    for (owner, check), each in told.items():
        listed = await ok(client.get(LIST, params={"check": check, "owner": owner}, headers=NORTH))
        assert len(listed["items"]) == each["deals"], check
    assert {owner for owner, _ in told} == {str(NORA)}


async def test_a_deal_has_no_contact_again_when_the_last_role_was_taken_away(api_for: Callable[..., Any]):
    client, runtime = api_for("deals")
    await filled(runtime)

    async def lacking() -> set[str]:
        found = await ok(client.get(LIST, params={"check": "no_contact"}, headers=NORTH))
        return {each["external_id"] for each in found["items"]}

    contact = {"account_id": str(ACCOUNT), "seniority": "executive", "department": "finance", "person": {"name": "Ida"}}
    made = await ok(client.post("/v1/contacts", json=contact, headers=NORTH))
    role = {"contact_id": made["contact_id"], "role": "economic_buyer"}
    path = f"/v1/deals/{deal_id('D')}/contacts"
    await ok(client.post(path, json=role, headers=NORTH))
    assert await lacking() == {"N1", "N2", "N3"}
    await ok(client.post(path, json=role | {"holds": False}, headers=NORTH))
    assert await lacking() == {"D", "N1", "N2", "N3"}


async def test_the_board_adds_up_to_the_list(api_for: Callable[..., Any]):
    client, runtime = api_for("deals")
    await filled(runtime)

    board = await ok(client.get("/v1/deals/board", headers=NORTH))

    assert [(each["stage"], each["deals"]) for each in board["stages"]] == [("Qualify", 1), ("Propose", 3)]
    propose = board["stages"][1]
    assert (propose["amounts"], propose["unpriced"]) == ([{"currency": "EUR", "amount": "1300.00"}], 1)
    assert propose["first"][0]["external_id"] == "D", "closing first"


async def test_a_view_is_ones_own_unless_it_is_shared_within_scope(api_for: Callable[..., Any]):
    client, runtime = api_for("deals")
    await filled(runtime)
    path = "/v1/deals/views"
    mine = {"name": "Overdue", "query": "check=overdue"}
    key = NORTH | {"Idempotency-Key": "v1"}
    await ok(client.post(path, json=mine, headers=key))
    (kept,) = (await ok(client.post(path, json=mine, headers=key)))["items"]
    await ok(client.post(path, json={"name": "Big", "query": "sort=-amount", "shared": True}, headers=NORTH))

    async def seen(headers: Any) -> list[str]:
        return [each["name"] for each in (await ok(client.get(path, headers=headers)))["items"]]

    assert await seen(NORTH) == ["Big", "Overdue"]
    assert await seen(SOUTH) == []
    assert await seen(bearer("manager", scope=(unit_id("EMEA"),), subject="mia")) == ["Big"]
    assert (await client.delete(f"{path}/{kept['view_id']}", headers=OPS)).status_code == 404
    await ok(client.delete(f"{path}/{kept['view_id']}", headers=NORTH))
    assert await seen(NORTH) == ["Big"]


async def test_the_export_has_the_values_that_count_and_no_formula(api_for: Callable[..., Any]):
    client, runtime = api_for("deals")
    await filled(runtime)
    async with runtime.database.transaction() as session:
        await apply(session, [record(day(3), "N1", name="=1+1", owner_id=NORA, amount=Decimal(300))])

    answer = await client.get(f"{LIST}.csv", headers=NORTH)

    lines = answer.text.splitlines()
    assert lines[0].startswith("deal_id,name,connection")
    assert len(lines) == 5
    assert any(",'=1+1," in line for line in lines)
