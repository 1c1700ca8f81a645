"""The closed deals that are like one: what came of them is shown and changes nothing of which they are; within scope."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import httpx
import pytest

from services.deals.nearest import repository
from tests.integration.deals.acme import NORTH, OPS, SOUTH, ago, ok
from tests.integration.deals.books import apply
from tests.unit.deals.given import START, deal_id, record, user, user_id


def pursued(name: str, state: str, *, owner: str = "nora", amount: int = 1000, **fields: Any) -> list[Any]:
    """A deal that was open and then ended, at another amount than it was pursued for."""
    fields = {
        "owner_id": user_id(owner),
        "product": "Ovens",
        "segment": "smb",
        "deal_type": "new",
        "region": "EMEA",
    } | fields
    begun = record(ago(90), name, amount=Decimal(amount), created_at=ago(100), **fields)
    ended = {"state": state, "stage": state.title(), "closed_on": ago(30).date()}
    reason = {"loss_reason": "Price"} if state == "lost" else {}
    return [begun, record(ago(30), name, amount=Decimal(amount), created_at=ago(100), **(fields | ended | reason))]


async def closed(runtime: Any, *, turned: bool = False) -> None:
    """Six closed deals around an open one; `turned`: each ended the other way."""
    states = ("won", "lost") if not turned else ("lost", "won")
    told: list[Any] = [user(START, "nora", team_path="EMEA/North"), user(START, "sam", team_path="EMEA/South")]
    told += pursued("N0", states[0], amount=1000)
    told += pursued("N1", states[1], amount=1100)
    told += pursued("N2", states[0], amount=1000, product="Mixers")
    told += pursued("N3", states[1], amount=90_000, segment="enterprise")
    told += pursued("X0", states[0], owner="sam", amount=1000)
    told += pursued("X1", states[1], owner="sam", amount=1000, product="Mixers")
    now = {"owner_id": user_id("nora"), "product": "Ovens", "segment": "smb", "deal_type": "new", "region": "EMEA"}
    told.append(record(ago(10), "O", amount=Decimal(1000), created_at=ago(20), **now))
    async with runtime.database.transaction() as session:
        await apply(session, told)


async def near(client: httpx.AsyncClient, headers: dict[str, str], **asked: int) -> Any:
    return await ok(client.get(f"/v1/deals/{deal_id('O')}/nearest", params=asked, headers=headers))


async def test_the_nearest_closed_deals_are_shown_with_what_came_of_them_and_only_those_in_scope(
    api_for: Callable[..., Any],
) -> None:
    client, runtime = api_for("deals")
    await closed(runtime)
    lost = {"competitor": "Oak", "state": "lost_to"}
    await ok(client.post(f"/v1/deals/{deal_id('N1')}/competitors", json=lost, headers=OPS))
    found = await near(client, NORTH, k=3)
    assert [each["deal_id"] for each in found["items"]] == [str(deal_id(name)) for name in ("N0", "N1", "N2")]
    assert (found["won"], found["compared"], found["hidden"]) == (2, 4, 1), "X0 is among the three nearest of all"
    first, second = found["items"][:2]
    assert (first["distance"], first["times"], first["state"], first["days"]) == (0, 1, "won", 70)
    assert first["same"] == ["product", "segment", "deal_type", "stage", "region", "team"]
    assert first["stage"] == "Propose", "the stage in which it was last open"
    assert (second["loss_reason"], second["lost_to"], round(second["times"], 2)) == ("Price", ["Oak"], 1.1)
    every = await near(client, OPS, k=3)
    assert {each["deal_id"] for each in every["items"]} == {str(deal_id(name)) for name in ("N0", "X0", "N1")}
    assert every["hidden"] == 0
    assert (await client.get(f"/v1/deals/{deal_id('O')}/nearest", headers=SOUTH)).status_code == 404


async def test_how_deals_ended_changes_nothing_of_which_are_nearest(api_for: Callable[..., Any]) -> None:
    one, runtime = api_for("deals")
    await closed(runtime)
    other, turned = api_for("deals")
    await closed(turned, turned=True)
    found, mirrored = await near(one, OPS, k=6), await near(other, OPS, k=6)
    compared = ("deal_id", "distance", "same", "times", "stage")
    assert [[each[name] for name in compared] for each in found["items"]] == [
        [each[name] for name in compared] for each in mirrored["items"]
    ]
    assert {each["state"] for each in found["items"]} == {"won", "lost"}
    assert [each["state"] for each in found["items"]] != [each["state"] for each in mirrored["items"]]


async def test_a_deal_without_an_amount_is_compared_and_one_without_closed_deals_says_so(
    api_for: Callable[..., Any],
) -> None:
    client, runtime = api_for("deals")
    async with runtime.database.transaction() as session:
        await apply(session, [record(ago(10), "O", amount=None), record(ago(9), "P", currency=None)])
    found = await near(client, OPS)
    assert (found["items"], found["why_none"]) == (
        [],
        "No deal of this pipeline and currency that you see is closed yet.",
    )
    none = await ok(client.get(f"/v1/deals/{deal_id('P')}/nearest", headers=OPS))
    assert "no currency" in none["why_none"]
    async with runtime.database.transaction() as session:
        await apply(session, pursued("N", "won"))
    (only,) = (await near(client, OPS))["items"]
    assert (only["times"], only["state"]) == (None, "won")


@pytest.mark.parametrize("amount", [Decimal(1000), None])
async def test_the_deals_of_few_people_are_compared_as_those_of_many_are(
    api_for: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, amount: Decimal | None
) -> None:
    client, runtime = api_for("deals")
    await closed(runtime)
    async with runtime.database.transaction() as session:
        await apply(session, [record(ago(5), "O", amount=amount, created_at=ago(20), owner_id=user_id("nora"))])
    monkeypatch.setattr(repository, "EACH_SIDE", 3 if amount else 1)
    found = []
    for share in (0.0, 1.0):
        monkeypatch.setattr(repository, "NARROW", share)
        each = await near(client, NORTH, k=6)
        found.append({name: each[name] for name in ("items", "compared", "hidden", "won")})
    assert found[0] == found[1]
    assert 0 < found[0]["compared"] < 4, "with so few on each side not all are compared"
    assert {each["owner_id"] for each in found[0]["items"]} == {str(user_id("nora"))}
