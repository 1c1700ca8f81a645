"""White space and the sources of briefs: from real deals, within scope."""

import csv
import io
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import orjson
from sqlalchemy import text

from libs.common import clock
from tests.integration.deals.acme import ACCOUNT, NORTH, OPS, OTHER, SOUTH, account, ago, ok
from tests.integration.deals.books import apply
from tests.support.days import business_day
from tests.unit.deals.given import START, deal_id, record, user, user_id


async def company(runtime: Any) -> None:
    """Acme owns Alpha by North and is offered Beta by South; five others of its segment bought Gamma."""
    soon = business_day() + timedelta(days=30)
    nora, sam = user_id("nora"), user_id("sam")
    won = {"state": "won", "stage": "Won", "closed_on": (clock.now() - timedelta(days=9)).date()}
    told: list[Any] = [user(START, "nora", team_path="EMEA/North"), user(START, "sam", team_path="EMEA/South")]
    told += [account("acme", segment="industry", tier="A"), account("other", segment="industry", tier="B")]
    told += [
        record(ago(9), "D", account_id=ACCOUNT, owner_id=nora, product="Alpha", **won),
        record(ago(9), "E", account_id=ACCOUNT, owner_id=sam, product="Beta", close_date=soon),
        record(ago(3), "E", account_id=ACCOUNT, owner_id=sam, product="Beta", close_date=soon, amount=Decimal(1500)),
    ]
    for number in range(5):
        amount = Decimal(100 * (number + 1))
        told.append(record(ago(9), f"G{number}", account_id=OTHER, owner_id=sam, product="Gamma", amount=amount, **won))
    async with runtime.database.transaction() as session:
        await apply(session, told)


async def stated(runtime: Any) -> list[dict[str, Any]]:
    """What was told of statements, in order."""
    statement = "SELECT data FROM outbox WHERE type = 'deals.whitespace.stated.v1' ORDER BY txid, position"
    async with runtime.database.reading() as session:
        return [orjson.loads(row.data) for row in await session.execute(text(statement))]


def cells(row: Any) -> dict[str, str]:
    return {each["product"]: each["state"] for each in row["cells"]}


async def test_a_cell_says_what_is_owned_open_stated_or_measured_and_what_the_reader_may_not_see_is_unknown(
    api_for: Callable[..., Any],
) -> None:
    client, runtime = api_for("deals")
    await company(runtime)
    path = f"/v1/accounts/{ACCOUNT}/whitespace"
    row = await ok(client.get(path, headers=OPS))
    assert cells(row) == {"Gamma": "potential", "Alpha": "owned", "Beta": "open"}
    gamma = row["cells"][0]
    assert (gamma["worth"]["basis"], gamma["worth"]["amount"], gamma["worth"]["n"]) == ("measured", "300", 5)
    assert cells(await ok(client.get(path, headers=NORTH)))["Beta"] == "unknown", "South's deal"
    assert cells(await ok(client.get(path, headers=SOUTH)))["Alpha"] == "unknown", "North's deal"

    said = {"product": "Gamma", "says": "competitor", "competitor": "Oak"}
    key = OPS | {"Idempotency-Key": "gamma"}
    for _ in range(2):
        row = await ok(client.post(path, json=said, headers=key))
    assert (row["cells"][0]["state"], row["cells"][0]["stated"]["competitor"]) == ("competitor", "Oak")
    assert (await client.post(path, json=said | {"competitor": "Elm"}, headers=key)).status_code == 409
    (told,) = await stated(runtime)
    assert {name: told[name] for name in ("account_id", "product", "says")} == {
        "account_id": str(ACCOUNT), "product": "Gamma", "says": "competitor",
    }, "told once, without whom or for how much"  # fmt: skip
    assert told["at"] == row["cells"][0]["stated"]["at"]
    assert set(told) == {"account_id", "product", "says", "at", "entry_id"}
    assert (await client.post(path, json={"product": "Gamma", "says": "maybe"}, headers=OPS)).status_code == 422
    bad = await client.post(
        path, json={"product": "Gamma", "says": "owned", "amount": "5", "currency": "EUR"}, headers=OPS
    )
    assert "only what may be won" in bad.text
    assert (await client.post(f"/v1/accounts/{OTHER}/whitespace", json=said, headers=NORTH)).status_code == 404

    matrix = await ok(client.get("/v1/accounts/whitespace", params={"tier": "A"}, headers=OPS))
    assert [each["name"] for each in matrix["items"]] == ["Acme"]
    assert matrix["segments"] == ["industry"]
    first = await ok(client.get("/v1/accounts/whitespace", params={"limit": 1}, headers=OPS))
    rest = await ok(client.get("/v1/accounts/whitespace", params={"cursor": first["next_cursor"]}, headers=OPS))
    assert [each["name"] for page in (first, rest) for each in page["items"]] == ["Acme", "Other"]
    rows = list(csv.DictReader(io.StringIO((await client.get("/v1/accounts/whitespace.csv", headers=OPS)).text)))
    assert len(rows) == 6
    assert [row["competitor"] for row in rows if row["state"] == "competitor"] == ["Oak"]


async def test_a_brief_names_the_entry_of_every_open_deal_and_what_changed_within_scope(
    api_for: Callable[..., Any],
) -> None:
    client, runtime = api_for("deals")
    await company(runtime)
    path = f"/v1/accounts/{ACCOUNT}/brief"
    found = await ok(client.get(path, headers=SOUTH))
    assert found["record"] == {"connection": "crm", "external_id": "acme"}
    (deal,) = found["deals"]
    assert (deal["deal_id"], deal["source"]["version"]) == (str(deal_id("E")), 2)
    newest = found["changes"][0]
    assert newest["turns"] == [{"field": "amount", "was": "1000.00", "now": "1500"}]
    assert {each["deal_id"] for each in found["changes"]} == {str(deal_id("E"))}, "North's deal is not told"
    assert [each["deal_id"] for each in (await ok(client.get(path, headers=NORTH)))["deals"]] == []
    assert (await client.get(f"/v1/accounts/{OTHER}/brief", headers=NORTH)).status_code == 404
