"""Metrics by HTTP on a real database: numbers, parts, the deals behind them, scope, files."""

import io
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from libs.common.ids import ROOT_UNIT, unit_id
from services.forecast.metrics.contracts import CONTRACTS
from tests.integration.forecast.given import AT, TODAY, deal, handle, named, organisation
from tests.support.keys import bearer

Api = Callable[[str], tuple[Any, Any]]
NORTH, SOUTH = unit_id("EMEA/North"), unit_id("EMEA/South")
RATES = ("win_rate_count", "win_rate_value", "win_rate_cohort", "stage_conversion", "slippage", "push_rate", "hygiene")


async def get(client: Any, path: str = "", scope: tuple[UUID, ...] = (ROOT_UNIT,), **asked: Any) -> Any:
    answer = await client.get(
        f"/v1/forecast/metrics{path}", params={"date": TODAY, **asked}, headers=bearer("cso", scope=scope)
    )
    assert answer.status_code == 200, answer.text
    return answer


async def read(client: Any, name: str, scope: tuple[UUID, ...] = (ROOT_UNIT,), **asked: Any) -> dict[str, Any]:
    body: dict[str, Any] = (await get(client, f"/{name}", scope, **asked)).json()
    return body


async def behind(client: Any, name: str, scope: tuple[UUID, ...] = (ROOT_UNIT,), **asked: Any) -> list[dict[str, Any]]:
    """All deals behind a metric, by pages of seven."""
    items, cursor = [], {}
    while True:
        page = (await get(client, f"/{name}/deals", scope, limit=7, **asked, **cursor)).json()
        items += page["items"]
        if page["next_cursor"] is None:
            assert page["count"] == len(items)
            return items
        cursor = {"cursor": page["next_cursor"]}


async def a_company(database: Any) -> None:
    """24 closed deals of two teams, 9 won, and a renewal; five open ones; one waits for its lead."""
    await organisation(database, {"EMEA/North": ["ann", "bea"], "EMEA/South": ["cid"]})
    owners = ("ann", "bea", "cid")
    first, later = [], []
    for number in range(24):
        owner = {"owner_id": named(owners[number % 3]), "region": ("EMEA", "APAC", None)[number % 3]}
        fields = {**owner, "stage": "talk", "stage_probability": Decimal("0.2"), "source": "web"}
        amount = {"amount": Decimal(100 + number), "deal_type": "new", "value_basis": "arr"}
        day = date(2024, 11, 4 + number % 15)
        state = {"state": "won" if number < 9 else "lost", "category": None, "closed_on": day}
        at = AT + timedelta(days=2 + number % 15)
        first.append(deal(f"closed {number}", **fields, **amount))
        later.append(deal(f"closed {number}", 2, valid_from=at, recorded_at=at, **(fields | amount | state)))
    renewed = {"state": "won", "category": None, "closed_on": date(2024, 11, 5), "deal_type": "renewal"}
    first.append(deal("renewed", owner_id=named("ann"), value_basis="arr", **renewed))
    opened = {"deal_type": "new", "value_basis": "arr", "region": "EMEA"}
    first += [deal(f"open {number}", owner_id=named(owners[number % 3]), **opened) for number in range(5)]
    first.append(deal("waits", gate="waiting", owner_id=named("ann"), value_basis="arr"))
    await handle(database, [*first, *later])


async def test_every_metric_answers_with_its_contract_and_its_version(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    contracts = (await get(client)).json()["items"]
    assert [each["name"] for each in contracts] == list(CONTRACTS)
    assert all(each[field] for each in contracts for field in ("formula", "grain", "clock", "currency_rule", "unknown"))
    await a_company(runtime.database)
    for contract in contracts:
        found = await read(client, contract["name"], by="owner")
        assert found["metric_version"] == contract["version"] == found["contract"]["version"]
        assert (found["total"]["value"] is None) <= (found["total"]["reason"] is not None)


async def test_a_win_rate_leaves_renewals_out_unless_asked(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    await a_company(runtime.database)
    found = await read(client, "win_rate_count")
    assert found["left_out"] == ["renewal"]
    assert (found["total"]["numerator"], found["total"]["denominator"]) == (9, 24)
    assert found["total"]["value"] == 9 / 24
    assert found["total"]["interval"]["low"] < 9 / 24 < found["total"]["interval"]["high"]
    everything = await read(client, "win_rate_count", renewals="true")
    assert (everything["left_out"], everything["total"]["numerator"]) == ([], 10)
    only = await read(client, "win_rate_count", deal_type="renewal")
    assert (only["total"]["value"], only["total"]["reason"]) == (None, "1 closed deals; under 20 a rate says nothing")


@pytest.mark.parametrize("name", list(CONTRACTS))
async def test_parts_add_and_each_opens_the_deals_that_make_it(name: str, api_for: Api) -> None:
    client, runtime = api_for("forecast")
    await a_company(runtime.database)
    money = {"numerator": CONTRACTS[name].numerator == "money", "denominator": CONTRACTS[name].denominator == "money"}
    for by in (
        "region",
        "unit",
        "team",
        "owner",
        "source",
        "deal_type",
        *([CONTRACTS[name].slot] if CONTRACTS[name].slot else []),
    ):
        found = await read(client, name, by=by)
        for side in ("numerator", "denominator"):
            if found["adds"] and found["total"][side] is not None:
                assert sum(Decimal(str(row[side])) for row in found["rows"]) == pytest.approx(
                    Decimal(str(found["total"][side]))
                )
        for row in [row for row in found["rows"] if row["n"]][:2]:
            items = await behind(client, name, by=by, part=row["key"] or "")
            if name in RATES:
                for side, is_money in money.items():
                    mine = [item for item in items if item[f"in_{side}"]]
                    counted = sum((Decimal(item["amount"] or 0) for item in mine), Decimal()) if is_money else len(mine)
                    assert Decimal(str(row[side])) == counted


async def test_who_leads_a_team_sees_the_teams_deals_in_every_metric_and_no_request_widens_it(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    await a_company(runtime.database)
    theirs, then = {str(named("cid"))}, {"as_of": (AT + timedelta(days=18)).isoformat(), "by": "owner"}
    for name in CONTRACTS:
        items = await behind(client, name, (SOUTH,))
        assert {item["owner_id"] for item in items} <= theirs
        own = await read(client, name, (SOUTH,), **then)
        asked = await read(client, name, org=str(SOUTH), **then)
        assert (own["total"], own["rows"]) == (asked["total"], asked["rows"])
        assert {row["key"] for row in own["rows"]} <= theirs
        refused = await client.get(
            f"/v1/forecast/metrics/{name}/deals", params={"org": str(NORTH)}, headers=bearer("cso", scope=(SOUTH,))
        )
        assert refused.status_code == 403
    assert (await read(client, "win_rate_count", (SOUTH,)))["total"]["n"] == 8
    parts = await read(client, "win_rate_count", org=str(unit_id("EMEA")), by="unit")
    assert {row["label"]: row["n"] for row in parts["rows"]} == {"North": 16, "South": 8}


async def test_closed_deals_of_a_metric_are_those_of_the_roll_up(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    await a_company(runtime.database)
    found = await read(client, "win_rate_value", renewals="true")
    answer = await client.get("/v1/forecast/rollup", params={"date": TODAY}, headers=bearer("cso"))
    totals = answer.json()["totals"]
    assert found["total"]["numerator"] == totals["lines"]["closed_won"]["amount"]
    lost = Decimal(found["total"]["denominator"]) - Decimal(found["total"]["numerator"])
    assert str(lost) == totals["beside"]["lost"]["amount"]


async def test_the_same_metric_of_the_past_answers_as_it_did_then(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    await a_company(runtime.database)
    then = {"as_of": (AT + timedelta(days=6)).isoformat(), "known_at": (AT + timedelta(days=6)).isoformat()}
    before = await read(client, "created_amount", **then)
    assert before["total"]["n"] == 30
    assert (await read(client, "win_rate_count", **then))["total"]["n"] == 10
    assert (await read(client, "win_rate_count"))["total"]["n"] == 24


async def test_the_overview_is_what_each_metric_says_of_itself(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    await a_company(runtime.database)
    for asked in ({}, {"renewals": "true", "target": "10000.00", "org": str(unit_id("EMEA/North"))}):
        at = {**asked, "as_of": (AT + timedelta(days=18)).isoformat()}
        found = (await get(client, "/overview", **at)).json()
        assert [each["metric"] for each in found["items"]] == list(CONTRACTS)
        for each in found["items"]:
            contract = CONTRACTS[each["metric"]]
            own = at if contract.takes_target else {name: text for name, text in at.items() if name != "target"}
            alone = await read(client, contract.name, by=contract.slot or "none", **own)
            assert each == {name: alone[name] for name in each}
            for shared in ("as_of", "org", "period", "business_date"):
                assert found[shared] == alone[shared]


async def test_stages_stand_in_the_order_in_which_deals_pass_them(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    steps = (("close", "0.8"), ("talk", "0.2"), ("ask", "0.1"), ("offer", "0.5"))
    await handle(
        runtime.database, [deal(stage, stage=stage, stage_probability=Decimal(chance)) for stage, chance in steps]
    )
    for name in ("stage_conversion", "stage_age", "stalled"):
        rows = (await read(client, name, by="stage"))["rows"]
        assert [row["key"].partition("/")[2] for row in rows] == ["ask", "talk", "offer", "close"]


async def test_a_target_makes_the_required_pipeline_known(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    await a_company(runtime.database)
    assert (await read(client, "required_open"))["total"]["value"] is None
    found = await read(client, "required_open", target="10000.00", by="owner")
    factors = {each["name"]: each["value"] for each in found["total"]["factors"]}
    assert (factors["target"], factors["closed"], factors["open"]) == ("10000.00", "936.00", "5000.00")
    assert found["total"]["value"] == "27192.00"
    assert {row["value"] for row in found["rows"]} == {None}


async def test_what_cannot_be_answered_is_said(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    await a_company(runtime.database)
    for path, asked, status, said in (
        ("/luck", {}, 404, "win_rate_count"),
        ("/win_rate_count", {"by": "stage"}, 422, "region"),
        ("/win_rate_count", {"target": "5"}, 422, "takes none"),
        ("/win_rate_count/deals", {"by": "region", "part": "MARS"}, 404, "MARS"),
        ("/win_rate_count/deals", {"cursor": "bm8"}, 422, "cursor"),
    ):
        answer = await client.get(f"/v1/forecast/metrics{path}", params=asked, headers=bearer("cso"))
        assert answer.status_code == status, answer.text
        assert said in answer.json()["detail"]
    empty, _ = api_for("forecast")
    for name in CONTRACTS:
        assert (await read(empty, name))["total"]["n"] == 0


FILES = {
    "rollup": ({"by": "region"}, "total_amount"),
    "deals": ({}, "amount_base"),
    "movement": ({}, "amount"),
    "movement/steps": ({}, "moved"),
    "metrics/created_amount": ({"by": "region"}, "value"),
    "metrics/win_rate_value/deals": ({}, "amount"),
}


@pytest.mark.parametrize("path", FILES)
async def test_a_reading_leaves_as_parquet_with_money_as_decimals(path: str, api_for: Api) -> None:
    client, runtime = api_for("forecast")
    await a_company(runtime.database)
    asked, money = FILES[path]
    asked = {"date": TODAY, **asked, **({"since": AT.isoformat()} if path.startswith("movement") else {})}

    async def file(form: str) -> bytes:
        answer = await client.get(f"/v1/forecast/{path}", params={**asked, "format": form}, headers=bearer("cso"))
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-disposition"].endswith(f'.{form}"')
        content: bytes = answer.content
        return content

    table = pq.read_table(io.BytesIO(await file("parquet")))
    assert pa.types.is_decimal(table.schema.field(money).type)
    lines = (await file("csv")).decode().splitlines()
    assert lines[0].split(",") == table.column_names
    assert len(lines) == table.num_rows + 1
    written = [row for row in table.to_pylist() if row[money] is not None]
    assert written
    assert all(str(row[money].quantize(Decimal("0.01"))) in "\n".join(lines) for row in written)


async def test_hygiene_warns_of_what_is_not_cared_for_now_and_then_and_opens_its_deals(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    await organisation(runtime.database, {"EMEA/North": ["ann"]})
    told = {
        "owner_id": named("ann"),
        "next_step_known": True,
        "activity_known": True,
        "created_at": AT - timedelta(days=40),
    }
    idle = told | {"last_activity_at": AT - timedelta(days=30)}
    busy = told | {
        "next_step": "call",
        "last_activity_at": AT + timedelta(days=10),
        "economic_buyer_until": AT + timedelta(days=90),
        "threads_until": (AT + timedelta(days=60), AT + timedelta(days=50)),
    }
    early, late = (
        {"stage": stage, "stage_probability": Decimal(share)} for stage, share in (("talk", "0.1"), ("offer", "0.6"))
    )
    changed = AT + timedelta(days=1)
    await handle(
        runtime.database,
        [
            deal("idle", **idle, **late, amount=Decimal(100)),
            deal("idle", 2, valid_from=changed, recorded_at=changed, **busy, **late, amount=Decimal(100)),
            deal("busy", **busy, **early, amount=Decimal(200)),
            deal(
                "alone",
                **(busy | {"economic_buyer_until": None, "threads_until": (AT + timedelta(days=60),)}),
                **late,
                amount=Decimal(300),
            ),
            deal("untold", owner_id=named("ann"), **early, amount=Decimal(400)),
        ],
    )

    async def warned(**asked: Any) -> dict[str, tuple[Any, Any, int]]:
        rows = (await read(client, "hygiene", by="warning", **asked))["rows"]
        return {row["key"]: (row["numerator"], row["denominator"], row["unknown"]) for row in rows}

    now = await warned()
    assert now["no_activity_14d"] == ("0.00", "600.00", 1)
    assert now["no_next_step"] == ("0.00", "600.00", 1)
    assert now["no_economic_buyer"] == ("300.00", "400.00", 0)
    assert now["single_threaded"] == ("300.00", "300.00", 1), (
        "above the median of 250 are 300 and 400, of which nobody tells"
    )
    before = await warned(as_of=(changed - timedelta(hours=1)).isoformat())
    assert before["no_activity_14d"] == ("100.00", "600.00", 1)
    assert before["no_next_step"] == ("100.00", "600.00", 1)
    assert before["no_economic_buyer"] == ("400.00", "400.00", 0)
    behind_it = await behind(client, "hygiene", by="warning", part="no_economic_buyer")
    assert [(each["name"], each["role"]) for each in behind_it] == [("alone", "warned"), ("idle", "clean")]
    judged = {each["name"]: each["role"] for each in await behind(client, "hygiene", by="warning", part="no_next_step")}
    assert judged["untold"] == "not_judged"
    listed = (await client.get("/v1/forecast/deals", params={"date": TODAY}, headers=bearer("cso"))).json()["items"]
    cared = {each["name"]: (each["next_step"], each["next_step_known"], each["activity_known"]) for each in listed}
    assert (cared["busy"], cared["untold"]) == (("call", True, True), (None, False, False))


async def test_a_clean_up_names_who_made_it(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    await organisation(runtime.database, {"EMEA/North": ["ann", "bea"], "EMEA/South": ["cid"]})
    lost = {"state": "lost", "category": None, "closed_on": AT.date(), "changed_by": named("ops"), "connection": "crm"}
    owners = ("ann", "bea", "cid")
    at = AT + timedelta(hours=1)
    first = [deal(f"tidied {number}", owner_id=named(owners[number % 3])) for number in range(12)]
    second = [
        deal(f"tidied {number}", 2, valid_from=at, recorded_at=at, owner_id=named(owners[number % 3]), **lost)
        for number in range(12)
    ]
    await handle(runtime.database, [*first, *second])
    found = await read(client, "clean_ups")
    assert (
        found["total"]["value"],
        {each["name"]: each["value"] for each in found["total"]["factors"]}["by_owner"],
    ) == (12, 0)
    south = await behind(client, "clean_ups", scope=(SOUTH,))
    assert [(each["role"], each["actor_id"]) for each in south] == [("cleaned_up", str(named("ops")))] * 4
