"""Past calls, quotas and adjustments from CSV: what can be read is taken once, what cannot is named."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from libs.common.events.deals import PersonPlaced
from libs.common.ids import entity_id
from services.forecast.calls.cli import app
from tests.integration.forecast.calling import CSO, NORTH, NOW, PERIOD, a_region, get, post, seller
from tests.integration.forecast.given import AT, at, handle, named, received, rows, told
from tests.support.keys import bearer

Api = Callable[[str], tuple[Any, Any]]
OPS = bearer("sales_ops")

CALLS = f"""unit,owner,period,amount,best,person,notes,made_at
EMEA/North,,2024Q4,700,,boss,"said on Monday, late",2024-11-04T09:00:00+01:00
,{named("ann")},2024Q4,300.50,400,,,2024-11-04T08:00:00Z
,{named("ann")},2024Q3,120,,,,2024-08-05T08:00:00Z
EMEA/Nowhere,,2024Q4,1,,boss,,2024-11-04T09:00:00Z
EMEA/North,,2024Q4,1,,,,2024-11-04T09:00:00Z
EMEA/North,{named("ann")},2024Q4,1,,x,,2024-11-04T09:00:00Z
EMEA/North,,Q4 2024,1,,boss,,2024-11-04T09:00:00Z
EMEA/North,,2024Q4,"1,5",,boss,,2024-11-04T09:00:00Z
EMEA/North,,2024Q4,10,9,boss,,2024-11-04T09:00:00Z
EMEA/North,,2024Q4,10,,boss,,2024-11-04T09:00:00
EMEA/North,,2024Q4,10,,boss,,2025-01-01T00:00:00Z
EMEA/North,,2024Q4,10
"""


@pytest.fixture(autouse=True)
def in_november() -> Iterator[None]:
    with at(NOW):
        yield


async def upload(client: Any, kind: str, body: str, status: int = 200, **parameters: str) -> dict[str, Any]:
    answer = await client.post(
        f"/v1/forecast/imports/{kind}",
        content=body.encode(),
        params=parameters,
        headers=OPS | {"Content-Type": "text/csv"},
    )
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_every_refused_row_is_named_and_the_others_are_taken_once(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    await a_region(runtime.database)
    tried = await upload(client, "calls", CALLS, dry_run="true")
    assert await rows(runtime.database, "SELECT count(*) AS n FROM submission") == [{"n": 0}]
    done = await upload(client, "calls", CALLS)
    assert tried | {"dry_run": False} == done
    assert (done["rows"], done["accepted"], done["known"]) == (12, 3, 0)
    assert [(row["line"], row["column"]) for row in done["refused"]] == [
        (5, "unit"),
        (6, "person"),
        (7, "unit"),
        (8, "period"),
        (9, "amount"),
        (10, "best"),
        (11, "made_at"),
        (12, "made_at"),
        (13, None),
    ]
    assert all(row["reason"] for row in done["refused"])
    again = await upload(client, "calls", CALLS)
    assert (again["accepted"], again["known"]) == (0, 3)
    events = await told(runtime.database, "forecast.submission.made.v1")
    assert [event["imported"] for event in events] == [True, True, True]


async def test_imported_calls_keep_their_time_and_stand_until_a_newer_one_comes(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    await a_region(runtime.database)
    await upload(client, "calls", CALLS)
    north = await get(client, "calls", period=PERIOD, org=str(NORTH))
    call = north["node"]["call"]
    assert (call["amount"], call["imported"], call["made_at"], call["base"]) == (
        "700.00",
        True,
        "2024-11-04T08:00:00Z",
        None,
    )
    assert call["staleness"]["reasons"] == ["older_than_7_days"]
    await post(client, "submissions", seller("ann"), period=PERIOD, amount="320")
    north = await get(client, "calls", period=PERIOD, org=str(NORTH))
    assert {child["node"]["id"]: child["call"] and child["call"]["amount"] for child in north["children"]} == {
        str(named("ann")): "320.00",
        str(named("bob")): None,
    }


async def test_quotas_and_adjustments_come_the_same_way(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    await a_region(runtime.database)
    await upload(client, "quotas", "unit,period,amount\ncompany,2024Q4,5000\nEMEA/North,2024Q4,2000\n")
    again = await upload(client, "quotas", "unit,period,amount\ncompany,2024Q4,5000\n")
    assert (again["accepted"], again["known"]) == (0, 1)
    header = "unit,period,delta,reason,made_by,made_at,expires_at"
    body = f"{header}\nEMEA/North,2024Q4,-30,habit,cso,2024-11-01T08:00:00Z,2024-12-01T00:00:00Z\n"
    assert (await upload(client, "adjustments", body))["accepted"] == 1
    north = (await get(client, "calls", period=PERIOD, org=str(NORTH)))["node"]
    assert north["quota"] == "2000.00"
    assert north["adjustment"] == "-30.00"
    assert north["adjustments"][0]["imported"]
    assert (await get(client, "calls", CSO, period=PERIOD))["node"]["quota"] == "5000.00"


async def test_an_owner_may_be_named_as_the_crm_names_them(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    await a_region(runtime.database)
    quota = "owner,period,amount\ncrm:17,2024Q4,5\n"
    assert (await upload(client, "quotas", quota))["refused"][0]["column"] == "owner"
    person = entity_id("crm", "user", "17")
    placed = PersonPlaced(person_id=person, version=1, valid_from=AT, unit_id=NORTH)
    await handle(runtime.database, [received(placed, person)])
    assert (await upload(client, "quotas", quota))["accepted"] == 1
    north = await get(client, "calls", period=PERIOD, org=str(NORTH))
    assert {child["node"]["id"]: child["quota"] for child in north["children"]}[str(person)] == "5.00"


@pytest.mark.parametrize(
    "body", ["", "unit,period\nEMEA,2024Q4\n", "unit,period,amount,made_at,colour\n", "period,amount,made_at\n"]
)
async def test_a_file_that_is_no_such_table_is_refused_as_a_whole(api_for: Api, body: str) -> None:
    client, _ = api_for("forecast")
    refused = await upload(client, "calls", body, 422)
    assert refused["type"] == "urn:foretell:problem:unreadable-file"


async def test_only_sales_ops_import(api_for: Api) -> None:
    client, runtime = api_for("forecast")
    await a_region(runtime.database)
    answer = await client.post(
        "/v1/forecast/imports/calls", content=CALLS.encode(), headers=CSO | {"Content-Type": "text/csv"}
    )
    assert answer.status_code == 403
    as_json = await client.post("/v1/forecast/imports/calls", json={}, headers=OPS)
    assert as_json.status_code == 415


async def test_the_command_takes_a_file_and_ends_with_one_when_rows_were_refused(
    settings_for: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured = settings_for("forecast")
    for name in ("database_url", "internal_signing_key"):
        monkeypatch.setenv(f"FORETELL_{name.upper()}", getattr(configured, name).get_secret_value())
    file = tmp_path / "quotas.csv"
    file.write_text("unit,period,amount\ncompany,2024Q4,5000\nEMEA/Nowhere,2024Q4,1\n")
    done = await asyncio.to_thread(CliRunner().invoke, app, [str(file), "--kind", "quotas"])
    assert done.exit_code == 1, done.output
    assert "line 3: unit the organisation has none" in done.output
    assert "2 rows: 1 were taken over, 0 were there, 1 refused" in done.output
