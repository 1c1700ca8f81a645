"""The REST interfaces as their clients see them."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest_asyncio

from simulator.fakecrm import CrmState, create_app
from simulator.world.ids import external_id
from tests.unit.simulator.given import AT, deal, lead

TOKENS = {"hubspot": "token-h", "salesforce": "token-s", "pipedrive": "token-p"}


@pytest_asyncio.fixture
async def state() -> CrmState:
    return CrmState()


@pytest_asyncio.fixture
async def crm(state: CrmState) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(state, TOKENS))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://crm.example") as client:
        yield client


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def test_without_the_right_token_nothing_is_told(crm: httpx.AsyncClient) -> None:
    for headers in ({}, bearer("token-s")):
        answer = await crm.post("/hubspot/crm/v3/objects/0-3/batch/read", headers=headers, json={"inputs": []})
        assert answer.status_code == 401


async def read(crm: httpx.AsyncClient, *ids: str, archived: bool = False, **more: Any) -> httpx.Response:
    params = {"archived": "true"} if archived else {}
    body = {"inputs": [{"id": each} for each in ids], **more}
    return await crm.post("/hubspot/crm/v3/objects/0-3/batch/read", headers=bearer("token-h"), params=params, json=body)


async def test_hubspot_reads_the_wanted_properties_and_names_what_is_missing(
    crm: httpx.AsyncClient, state: CrmState
) -> None:
    state.put_deal("hubspot", deal("hubspot"))
    answer = await read(crm, deal("hubspot").deal_id, "404", properties=["amount", "ft_region"])
    assert answer.status_code == 207
    (found,) = answer.json()["results"]
    assert found["properties"]["amount"] == "12500.00"
    assert found["properties"]["ft_region"] == "EMEA Central"
    assert "dealname" not in found["properties"]
    assert answer.json()["errors"][0]["context"]["ids"] == ["404"]
    assert (await read(crm, deal("hubspot").deal_id)).status_code == 200
    assert (await read(crm, *map(str, range(101)))).status_code == 400


async def test_hubspot_shows_a_deleted_deal_among_the_archived_only(crm: httpx.AsyncClient, state: CrmState) -> None:
    state.put_deal("hubspot", deal("hubspot", deleted=True))
    assert (await read(crm, deal("hubspot").deal_id)).json()["results"] == []
    (found,) = (await read(crm, deal("hubspot").deal_id, archived=True)).json()["results"]
    assert found["archived"] is True


async def test_hubspot_finds_what_changed_since_in_pages(crm: httpx.AsyncClient, state: CrmState) -> None:
    for number in range(5):
        identifier = external_id("hubspot", "deal", number)
        state.put_deal("hubspot", deal("hubspot", deal_id=identifier, changed_at=AT + timedelta(minutes=number)))
    since = str(round((AT + timedelta(minutes=2)).timestamp() * 1000))
    filters = [{"propertyName": "hs_lastmodifieddate", "operator": "GTE", "value": since}]
    sorts = [{"propertyName": "hs_lastmodifieddate", "direction": "ASCENDING"}]
    body: dict[str, Any] = {"filterGroups": [{"filters": filters}], "sorts": sorts, "limit": 2}
    url, headers = "/hubspot/crm/v3/objects/deals/search", bearer("token-h")
    first = (await crm.post(url, headers=headers, json=body)).json()
    rest = (await crm.post(url, headers=headers, json=body | {"after": first["paging"]["next"]["after"]})).json()
    assert first["total"] == 3
    found = [each["id"] for each in first["results"] + rest["results"]]
    assert found == [external_id("hubspot", "deal", number) for number in (2, 3, 4)]


async def test_hubspot_knows_the_company_of_a_deal(crm: httpx.AsyncClient, state: CrmState) -> None:
    state.put_deal("hubspot", deal("hubspot"))
    answer = await crm.post(
        "/hubspot/crm/v4/associations/0-3/0-2/batch/read",
        headers=bearer("token-h"),
        json={"inputs": [{"id": deal("hubspot").deal_id}]},
    )
    (found,) = answer.json()["results"]
    assert found["to"][0]["toObjectId"] == int(deal("hubspot").account_id or "")


async def query(crm: httpx.AsyncClient, soql: str, path: str = "query") -> Any:
    answer = await crm.get(f"/salesforce/services/data/v61.0/{path}", headers=bearer("token-s"), params={"q": soql})
    return answer.json()


async def test_salesforce_answers_by_id_and_by_time_and_keeps_the_deleted_for_query_all(
    crm: httpx.AsyncClient, state: CrmState
) -> None:
    here, gone = deal("salesforce"), deal("salesforce", deal_id=external_id("salesforce", "deal", 42), deleted=True)
    state.put_deal("salesforce", here)
    state.put_deal("salesforce", replace(gone, changed_at=AT + timedelta(hours=1)))
    both = f"Id IN ('{here.deal_id[:15]}','{gone.deal_id}')"
    found = await query(crm, f"SELECT Id, Amount FROM Opportunity WHERE {both}")  # noqa: S608 - SOQL
    assert [(row["Id"], row["Amount"]) for row in found["records"]] == [(here.deal_id, 12500.0)]
    assert (await query(crm, f"SELECT Id FROM Opportunity WHERE {both}", "queryAll"))["totalSize"] == 2  # noqa: S608
    late = "SELECT Id FROM Opportunity WHERE SystemModstamp >= 2026-03-02T10:00:00Z ORDER BY SystemModstamp, Id LIMIT 9"
    assert [row["Id"] for row in (await query(crm, late, "queryAll"))["records"]] == [gone.deal_id]
    assert (await query(crm, "SELECT Id FROM Opportunity WHERE StageName LIKE 'x'"))[0][
        "errorCode"
    ] == "MALFORMED_QUERY"


async def test_pipedrive_lists_deals_leads_and_their_persons(crm: httpx.AsyncClient, state: CrmState) -> None:
    state.put_deal("pipedrive", deal("pipedrive"))
    state.put_lead("pipedrive", lead("pipedrive"))

    async def listed(kind: str, **params: str) -> Any:
        answer = await crm.get(f"/pipedrive/api/v2/{kind}", headers={"x-api-token": "token-p"}, params=params)
        return answer.json()["data"]

    (found,) = await listed("deals", ids=f"{deal('pipedrive').deal_id},999")
    assert found["title"] == deal("pipedrive").name
    (told,) = await listed("leads", ids=lead("pipedrive").lead_id)
    (person,) = await listed("persons", ids=str(told["person_id"]))
    assert person["name"] == "Clara Costa"
    assert await listed("deals", updated_since="2026-03-02T09:30:05Z")
    assert not await listed("deals", updated_since="2026-03-02T09:30:06Z")
