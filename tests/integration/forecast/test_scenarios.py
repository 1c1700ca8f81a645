"""Saved scenarios by HTTP: kept under a name, compared at one instant to the cent, and never more told than its reader may see."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from libs.common.ids import ROOT_UNIT, unit_id
from tests.integration.forecast.given import at, deal, handle, named, organisation
from tests.integration.forecast.test_projection import NOW, ask, company, money
from tests.support.keys import bearer

PERIOD = "2025Q4"
OF_NOW = dict.fromkeys(("watermark", "behind_s", "business_date"))
SOUTH = (unit_id("south"),)


@pytest.fixture
async def client(api_for: Callable[[str], tuple[Any, Any]]) -> AsyncIterator[Any]:
    client, runtime = api_for("forecast")
    teams = {"north/one": ["ada", "ben"], "north/two": ["cleo"], "south/three": ["dev"]}
    await organisation(runtime.database, teams, at=datetime(2023, 1, 1, tzinfo=UTC))
    events = company()
    for start in range(0, len(events), 1000):
        await handle(runtime.database, events[start : start + 1000])
    with at(NOW):
        yield client, runtime.database


async def save(
    api: Any, *suppose: str, name: str = "a plan", status: int = 201, key: str = "", subject: str = "carla", **more: Any
) -> dict[str, Any]:
    scope = more.pop("scope", (ROOT_UNIT,))
    headers = bearer("cso", subject=subject, scope=scope) | ({"Idempotency-Key": key} if key else {})
    body = {"name": name, "period": PERIOD, "suppose": list(suppose)} | more
    answer = await api.post("/v1/forecast/scenarios", json=body, headers=headers)
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def compare(api: Any, *ids: str, scope: tuple[UUID, ...] = (ROOT_UNIT,), **asked: Any) -> dict[str, Any]:
    return await ask(api, "scenarios/compared", scope=scope, scenario=list(ids), **asked)


async def test_scenarios_are_kept_and_compared_at_one_instant_to_the_cent(client: Any) -> None:
    api, database = client
    found = await ask(api)
    first, second, third = (each["deal_id"] for each in found["contributions"][:3])
    bold = await save(api, f"won:{first}:5000.00", "pace:1.20", name="bold")
    wary = await save(api, f"lost:{second}", "without:1", name="wary")
    assert (bold["version"], bold["state"], bold["author"], bold["stale"]) == (1, "saved", "carla", 0)
    assert [each["suppose"] for each in bold["suppositions"]] == [f"won:{first}:5000", "pace:1.2"]
    assert [each["standing"] for each in bold["suppositions"]] == ["open", "none"]

    told = await compare(api, bold["scenario_id"], wary["scenario_id"], target="1")
    assert told["as_is"]["parts"] == found["parts"]
    assert [each["name"] for each in told["scenarios"]] == ["bold", "wary"]
    wordings = ([f"won:{first}:5000", "pace:1.2"], [f"lost:{second}", "without:1"])
    for each, supposed in zip(told["scenarios"], wordings, strict=True):
        alone = await ask(api, "projection/what-if", suppose=supposed, target="1")
        assert each["landing"] == alone["supposed"]
        assert [one["change"] for one in each["changes"]] == [one["change"] for one in alone["effects"]]
        number = money(told["as_is"]["parts"]["projection"]) + sum(money(one["change"]) for one in each["changes"])
        assert number == money(each["landing"]["parts"]["projection"])
        assert money(each["change"]) == number - money(told["as_is"]["parts"]["projection"])

    await a_name_again_is_the_next_version(api, bold, third)
    await what_was_sent_twice_is_kept_once(api)
    await what_has_no_common_scale_is_not_compared(api, bold, wary)
    await what_is_taken_back_is_gone_from_the_list_and_readable_by_version(api, wary)
    await what_is_no_supposition_is_not_kept(api)
    await what_is_over_the_instants_stays_as_it_was(api, database, bold, first)


async def a_name_again_is_the_next_version(api: Any, bold: dict[str, Any], third: str) -> None:
    again = await save(api, f"won:{third}", name="bold")
    assert (again["scenario_id"], again["version"]) == (bold["scenario_id"], 2)
    told = await compare(api, f"{bold['scenario_id']}:1", bold["scenario_id"])
    assert [each["version"] for each in told["scenarios"]] == [1, 2]
    assert told["scenarios"][0]["changes"][1]["suppose"] == "pace:1.2"
    other = await save(api, f"won:{third}", name="bold", subject="otto")
    assert other["scenario_id"] != bold["scenario_id"], "another author's of the same name is another"
    listed = (await ask(api, "scenarios", period=PERIOD))["items"]
    assert {(each["name"], each["author"], each["version"]) for each in listed} == {
        ("bold", "carla", 2),
        ("bold", "otto", 1),
        ("wary", "carla", 1),
    }
    assert (await ask(api, "scenarios", period="2026Q1"))["items"] == []


async def what_was_sent_twice_is_kept_once(api: Any) -> None:
    one = await save(api, "pace:1.1", name="once", key="k1")
    assert await save(api, "pace:1.1", name="once", key="k1") == one
    refused = await save(api, "pace:1.3", name="once", key="k1", status=409)
    assert "came before with another body" in refused["detail"]


async def what_has_no_common_scale_is_not_compared(api: Any, bold: dict[str, Any], wary: dict[str, Any]) -> None:
    south = await save(api, "pace:1.1", name="south", org=str(unit_id("south")))
    acv = await save(api, "pace:1.1", name="acv", value_basis="acv")
    for other, what in ((south, "units"), (acv, "value bases")):
        params = {"scenario": [bold["scenario_id"], other["scenario_id"]]}
        answer = await api.get("/v1/forecast/scenarios/compared", params=params, headers=bearer("cso"))
        assert (answer.status_code, what in answer.json()["detail"]) == (422, True)
    many = {"scenario": [f"{wary['scenario_id']}:{number}" for number in range(1, 6)]}
    for params, why in (
        (many, "from 1 to 4"),
        ({"scenario": [wary["scenario_id"]] * 2}, "named twice"),
        ({"scenario": ["x"]}, "'x' is neither <id>"),
    ):
        answer = await api.get("/v1/forecast/scenarios/compared", params=params, headers=bearer("cso"))
        assert (answer.status_code, why in answer.json()["detail"]) == (422, True)


async def what_is_taken_back_is_gone_from_the_list_and_readable_by_version(api: Any, wary: dict[str, Any]) -> None:
    path = f"/v1/forecast/scenarios/{wary['scenario_id']}"
    other = await api.post(f"{path}/withdraw", headers=bearer("manager", subject="otto"))
    assert (other.status_code, "ask them or a CSO" in other.json()["detail"]) == (403, True)
    stale = await api.post(f"{path}/withdraw", headers=bearer("cso") | {"If-Match": '"7"'})
    assert stale.status_code == 412
    ended = await api.post(f"{path}/withdraw", headers=bearer("manager", subject="carla") | {"If-Match": '"1"'})
    assert (ended.json()["state"], ended.json()["ended_by"], ended.json()["version"]) == ("withdrawn", "carla", 2)
    again = await api.post(f"{path}/withdraw", headers=bearer("cso"))
    assert again.status_code == 409
    assert wary["scenario_id"] not in {each["scenario_id"] for each in (await ask(api, "scenarios"))["items"]}
    assert wary["scenario_id"] in {
        each["scenario_id"] for each in (await ask(api, "scenarios", withdrawn=True))["items"]
    }
    gone = await api.get(
        "/v1/forecast/scenarios/compared", params={"scenario": wary["scenario_id"]}, headers=bearer("cso")
    )
    assert (gone.status_code, "its last version is" in gone.json()["detail"]) == (409, True)
    assert (await compare(api, f"{wary['scenario_id']}:1"))["scenarios"][0]["name"] == "wary"


async def what_is_no_supposition_is_not_kept(api: Any) -> None:
    won = (await ask(api, "deals", line="closed_won"))["items"][0]["deal_id"]
    before = len((await ask(api, "scenarios", withdrawn=True))["items"])
    assert "is not a factor" in (await save(api, "pace:9", name="bad", status=422))["detail"]
    assert "not an open deal" in (await save(api, f"won:{won}", name="bad", status=422))["detail"]
    assert "is over" in (await save(api, "pace:1", name="bad", period="2025Q2", status=422))["detail"]
    await save(api, "pace:1", name="bad", org=str(unit_id("north")), scope=SOUTH, status=403)
    await save(api, name="bad", status=422)
    assert len((await ask(api, "scenarios", withdrawn=True))["items"]) == before


async def what_is_over_the_instants_stays_as_it_was(api: Any, database: Any, bold: dict[str, Any], first: str) -> None:
    """A deal that is won meanwhile is told and no longer counted; the same two instants answer the same."""
    then = {"as_of": "2025-11-24T12:00:00Z", "known_at": "2025-11-24T12:00:00Z"}
    saved = f"{bold['scenario_id']}:1"
    before = await compare(api, saved, **then)
    await save(api, f"lost:{first}", "pace:1.1", name="soon stale")
    name = (await ask(api, f"deals/{first}/history"))["current"]["name"]
    done = datetime(2025, 12, 1, 8, tzinfo=UTC)
    won = deal(
        name, 900, recorded_at=done, valid_from=done, state="won", amount=Decimal(5000), closed_on=date(2025, 12, 1)
    )
    await handle(database, [won])
    with at(NOW + timedelta(hours=1)):
        told = (await compare(api, saved))["scenarios"][0]
        assert [(each["standing"], each["change"] is None) for each in told["changes"]] == [
            ("won", True),
            ("none", False),
        ]
        assert before | OF_NOW == await compare(api, saved, **then) | OF_NOW
        listed = (await ask(api, "scenarios", org=str(ROOT_UNIT)))["items"]
        assert {each["name"] for each in listed if each["stale"]} == {"soon stale"}


async def test_a_scenario_tells_nothing_of_deals_beyond_its_readers_scope(client: Any) -> None:
    """It is of the reader's unit, but a deal in it went to another one meanwhile."""
    api, database = client
    found = await ask(api, org=str(unit_id("south")))
    first, second = (each["deal_id"] for each in found["contributions"][:2])
    kept = await save(api, f"won:{first}:987654.32", f"lost:{second}", name="south", org=str(unit_id("south")))
    current = (await ask(api, f"deals/{first}/history"))["current"]
    gone = datetime(2025, 12, 1, 8, tzinfo=UTC)
    await handle(
        database,
        [
            deal(
                current["name"],
                900,
                recorded_at=gone,
                valid_from=gone,
                created_at=NOW - timedelta(days=40),
                amount=Decimal(current["amount"]),
                owner_id=named("ada"),
                category="pipeline",
                stage=current["stage"],
                pipeline="default",
            )
        ],
    )
    with at(NOW + timedelta(hours=1)):
        for answer in (
            (await ask(api, "scenarios", scope=SOUTH))["items"][0],
            (await compare(api, kept["scenario_id"], scope=SOUTH))["scenarios"][0],
            await ask(api, f"scenarios/{kept['scenario_id']}", scope=SOUTH),
        ):
            said = answer.get("changes") or answer["suppositions"]
            assert [(each["standing"], each["suppose"], each["deal"] is None) for each in said] == [
                ("hidden", None, True),
                ("open", f"lost:{second}", False),
            ]
            assert first not in str(answer)
            assert "987654" not in str(answer)
            assert current["name"] not in str(answer)
        told = (await compare(api, kept["scenario_id"], scope=SOUTH))["scenarios"][0]["changes"]
        assert (told[0]["change"], money(told[1]["change"]) < 0) == (None, True)
        for_all = (await compare(api, kept["scenario_id"]))["scenarios"][0]["changes"]
        assert (for_all[0]["standing"], for_all[0]["deal"]["deal_id"]) == ("elsewhere", first)

        north = (unit_id("north"),)
        assert (await ask(api, "scenarios", scope=north))["items"] == []
        path = f"/v1/forecast/scenarios/{kept['scenario_id']}"
        headers = bearer("cso", scope=north)
        assert (await api.get(path, headers=headers)).status_code == 404
        assert (await api.post(f"{path}/withdraw", headers=headers)).status_code == 404
        params = {"scenario": kept["scenario_id"]}
        assert (await api.get("/v1/forecast/scenarios/compared", params=params, headers=headers)).status_code == 404
