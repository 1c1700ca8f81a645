"""Which money hangs on thin, silent or lapsed relationships, and which executive looks after whom."""

import csv
import io
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

from libs.common import clock
from libs.common.ids import new_id
from services.deals.config import business_zone
from tests.integration.deals.acme import ACCOUNT, NORTH, OPS, OTHER, SOUTH, account, ago, ok, spoke, world
from tests.integration.deals.books import apply
from tests.unit.deals.given import deal_id, record, user_id


async def deals_of_today(runtime: Any) -> None:
    """D, E and S of today; one of Acme that closes far ahead, and one that is won."""
    now = clock.now()
    soon = now.astimezone(business_zone()).date()
    far = soon + timedelta(days=400)
    nora, sam = user_id("nora"), user_id("sam")
    told = [
        record(ago(9), "D", account_id=ACCOUNT, owner_id=nora, close_date=soon, amount=Decimal("100.10")),
        record(ago(9), "E", account_id=ACCOUNT, owner_id=sam, close_date=soon, amount=Decimal("200.20")),
        record(ago(9), "S", account_id=OTHER, owner_id=sam, close_date=soon, amount=Decimal(50), currency="USD"),
        record(ago(9), "far", account_id=ACCOUNT, owner_id=nora, close_date=far, amount=Decimal(7)),
        record(ago(9), "won", account_id=ACCOUNT, owner_id=nora, state="won", stage="Won"),
    ]
    async with runtime.database.transaction() as session:
        await apply(session, [*told, account("lonely", parent_id=ACCOUNT)])


def money(told: Any) -> dict[str, str]:
    return {each["currency"]: each["amount"] for each in told}


async def test_money_is_at_risk_where_few_speak_nobody_speaks_or_an_executive_is_overdue_and_only_of_deals_in_scope(
    api_for: Callable[..., Any],
) -> None:
    client, runtime = api_for("deals")
    await world(runtime)
    await deals_of_today(runtime)

    async def read(headers: Any = OPS, **filters: Any) -> Any:
        found = await ok(client.get("/v1/accounts/cover", params=filters, headers=headers))
        return found, {each["name"]: each for each in found["items"]}

    found, by_name = await read()
    assert (found["touchpoints_told"], found["at_risk"], by_name["Acme"]["at_risk_deals"]) == (False, None, None)
    assert money(found["open"]) == {"EUR": "307.30", "USD": "50"}
    assert by_name["Lonely"]["open_deals"] == 0

    ann, ben, chief = new_id(), new_id(), new_id()
    of_e = {"deal_id": str(deal_id("E"))}
    for body in (spoke(2, ann), spoke(3, ann, **of_e), spoke(4, ben, **of_e)):
        await ok(client.post("/v1/touchpoints", json=body, headers=OPS))
    found, by_name = await read()
    assert by_name["Acme"]["reasons"] == ["single_threaded"]
    assert money(by_name["Acme"]["at_risk"]) == {"EUR": "100.10"}, "E has two threads, the far one closes too late"
    assert (by_name["Other"]["reasons"], money(by_name["Other"]["at_risk"])) == (["no_thread", "silent"], {"USD": "50"})
    assert money(found["at_risk"]) == {"EUR": "100.10", "USD": "50"}, "the parts are the whole"

    await ok(client.post("/v1/touchpoints", json=spoke(1, ben), headers=OPS))
    assert (await read())[1]["Acme"]["at_risk_deals"] == 0
    pair = {"ours": str(chief), "theirs": str(ann), "cadence_days": 10}
    path = f"/v1/accounts/{ACCOUNT}/cover"
    assert (await client.post(path, json=pair, headers=NORTH)).status_code == 403
    key = OPS | {"Idempotency-Key": "pair"}
    named = await ok(client.post(path, json=pair, headers=key))
    assert await ok(client.post(path, json=pair, headers=key)) | {"as_of": ""} == named | {"as_of": ""}
    assert [each["lapsed"] for each in named["items"]] == [False], "it was named just now"
    async with runtime.database.transaction() as session:
        await long_ago(session, named)
    (lapsed,) = (await ok(client.get(path, headers=NORTH)))["items"]
    assert lapsed["lapsed"] is True
    found, by_name = await read()
    assert by_name["Acme"]["reasons"] == ["cover_lapsed"]
    assert money(by_name["Acme"]["at_risk"]) == {"EUR": "300.30"}
    met = spoke(14.9, ann, account_id=str(ACCOUNT)) | {"ours": [str(chief)]}
    await ok(client.post("/v1/touchpoints", json=met, headers=OPS))
    assert (await read())[1]["Acme"]["reasons"] == [], "a cadence of ten days lapses after fifteen"

    of_north = (await read(NORTH))[1]
    assert sorted(of_north) == ["Acme", "Lonely"], "Other belongs to South"
    assert money(of_north["Acme"]["open"]) == {"EUR": "107.10"}
    south = (await read(SOUTH))[0]
    assert money(south["open"]) == {"EUR": "200.20", "USD": "50"}
    assert [*(await read(at_risk=True))[1]] == ["Other"]
    assert [*(await read(parent=str(ACCOUNT)))[1]] == ["Lonely"]
    first, _ = await read(limit=1)
    rest, others = await read(limit=5, cursor=first["next_cursor"])
    assert [*others] == ["Lonely", "Other"]
    assert (first["accounts"], first["open"]) == (rest["accounts"], rest["open"]), "the sums are over all pages"

    answer = await client.get("/v1/accounts/cover.csv", headers=OPS)
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(row["name"], row["open"], row["at_risk"]) for row in rows] == [
        ("Acme", "307.30 EUR", ""),
        ("Lonely", "", ""),
        ("Other", "50 USD", "50 USD"),
    ]


async def long_ago(session: Any, named: Any) -> None:
    """As if the same pair had been named twenty days ago: history is added to, so the entry is another one."""
    from services.deals.cover import repository

    (pair,) = named["items"]
    at = ago(20)
    entry = {"entry_id": new_id(), "account_id": ACCOUNT, "at": at, "recorded_at": at, "author": "olga", "ended": False}
    people = {name: pair[name] for name in ("ours", "theirs", "cadence_days")}
    await repository.append(session, entry | people | {"request_digest": ""})
