"""Records are asked back as a document says: one by one or in batches, with the connection's credential, below its address."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import orjson
import pytest

from gateway.connectors.client import CrmClient, FetchFailed
from gateway.connectors.generic import fetch
from gateway.connectors.generic.document import FetchBack
from gateway.connectors.items import Fetched
from gateway.connectors.verification import Credentials

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
CREDENTIALS = Credentials({"api_token": ["new", "old"], "api_username": "ada", "api_password": "pw"}, {})


def _told(question: dict[str, Any], **changes: Any) -> FetchBack:
    told = {"base": "https://crm.example.com/api/", "auth": {"kind": "bearer"}, "objects": {"deal": question}}
    return FetchBack.model_validate(told | changes)


async def _ask(
    told: FetchBack, ids: list[str], answer: Callable[[httpx.Request], httpx.Response]
) -> tuple[Fetched, list[httpx.Request]]:
    asked: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return answer(request)

    async with httpx.AsyncClient(transport=httpx.MockTransport(handle)) as http:
        crm = fetch.client(told, http, CREDENTIALS)
        assert isinstance(crm, CrmClient)
        return await fetch.fetch(told, crm, "deal", ids), asked


def _row(identifier: str) -> dict[str, Any]:
    return {"id": identifier, "changed": AT.isoformat(), "name": f"deal {identifier}"}


async def test_records_are_asked_for_one_by_one_and_an_id_never_leaves_its_place() -> None:
    told = _told({"path": "/deals/{id}", "records": "data", "version": {"at": "changed"}})

    def answer(request: httpx.Request) -> httpx.Response:
        name = request.url.path.rpartition("/")[2]
        return httpx.Response(404) if name == "gone" else httpx.Response(200, json={"data": _row("1")})

    fetched, asked = await _ask(told, ["1", "gone", "../secrets?x=1#y", "..", "."], answer)
    assert [each.external_id for each in fetched.records] == ["1"]
    assert fetched.absent == {"gone", "../secrets?x=1#y", "..", "."}
    assert [request.url.raw_path for request in asked] == [
        b"/api/deals/1",
        b"/api/deals/gone",
        b"/api/deals/..%2Fsecrets%3Fx%3D1%23y",
    ]
    assert {request.headers["authorization"] for request in asked} == {"Bearer new"}
    assert {request.url.host for request in asked} == {"crm.example.com"}


async def test_records_are_asked_for_in_batches_and_what_the_answer_lacks_is_absent() -> None:
    told = _told({"path": "/deals?ids={ids}&fields=a", "records": "data", "version": {"at": "changed"}}, batch=2)

    def answer(request: httpx.Request) -> httpx.Response:
        ids = request.url.params["ids"].split(",")
        return httpx.Response(200, json={"data": [_row(each) for each in [*ids, "77"] if each != "3"]})

    fetched, asked = await _ask(told, ["1", "2", "3"], answer)
    assert [request.url.query for request in asked] == [b"ids=1,2&fields=a", b"ids=3&fields=a"]
    assert {each.external_id for each in fetched.records} == {"1", "2"}, "what was not asked for is not taken"
    assert fetched.absent == {"3"}
    assert {each.crm_time for each in fetched.records} == {AT}


async def test_a_question_with_a_body_holds_the_ids_as_a_list() -> None:
    body = {"filter": {"ids": "{ids}"}, "text": "in {ids}"}
    told = _told({"path": "/search", "method": "POST", "body": body, "records": "found", "version": {"at": "changed"}})
    fetched, (request,) = await _ask(told, ["1", "2"], lambda _: httpx.Response(200, json={"found": [_row("2")]}))
    assert orjson.loads(request.content) == {"filter": {"ids": ["1", "2"]}, "text": "in 1,2"}
    assert [each.external_id for each in fetched.records] == ["2"]


async def test_an_absent_record_is_deleted_where_the_document_says_so_and_nowhere_else() -> None:
    question = {"path": "/deals/{id}", "version": {"at": "changed"}}
    for absent, deleted in (("deleted", ["1"]), ("unknown", [])):
        fetched, _ = await _ask(_told(question, absent=absent), ["1"], lambda _: httpx.Response(404))
        assert [each.external_id for each in fetched.records if each.deleted] == deleted
    told = _told(question | {"deleted_when": "trashed"}, absent="deleted")
    fetched, _ = await _ask(told, ["1"], lambda _: httpx.Response(200, json=_row("1") | {"trashed": True}))
    assert [(each.deleted, each.record is None) for each in fetched.records] == [(True, False)]


async def test_a_record_without_a_time_of_its_own_is_of_the_moment_it_was_asked_for() -> None:
    fetched, _ = await _ask(_told({"path": "/deals/{id}"}), ["1"], lambda _: httpx.Response(200, json={"id": 1}))
    (record,) = fetched.records
    assert record.crm_time > AT


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(500),
        httpx.Response(403),
        httpx.Response(302, headers={"location": "https://elsewhere.example/"}),
        httpx.Response(200, content=b"<html>"),
        httpx.Response(200, json=[1]),
        httpx.Response(200, json={"id": "1"}),
        httpx.Response(200, json={"id": "1", "changed": None}),
    ],
)
async def test_an_answer_that_shows_no_record_is_a_failure_and_never_a_deletion(answer: httpx.Response) -> None:
    told = _told({"path": "/deals/{id}", "version": {"at": "changed"}}, absent="deleted")
    with pytest.raises(FetchFailed):
        await _ask(told, ["1"], lambda _: answer)


@pytest.mark.parametrize(
    ("auth", "header", "value"),
    [
        ({"kind": "bearer"}, "authorization", "Bearer new"),
        ({"kind": "header", "header": "X-Api-Key"}, "x-api-key", "new"),
        ({"kind": "header", "header": "Authorization", "prefix": "token "}, "authorization", "token new"),
        ({"kind": "basic"}, "authorization", "Basic YWRhOnB3"),
    ],
)
async def test_the_connections_credential_goes_where_the_document_says(
    auth: dict[str, Any], header: str, value: str
) -> None:
    told = _told({"path": "/deals/{id}"}, auth=auth)
    _, (request,) = await _ask(told, ["1"], lambda _: httpx.Response(200, json={"id": "1"}))
    assert request.headers[header] == value
    async with httpx.AsyncClient() as http:
        assert fetch.client(told, http, Credentials({}, {})) is None


async def test_a_kind_of_record_that_no_question_is_for_is_a_failure_with_its_name() -> None:
    told = _told({"path": "/deals/{id}"})
    async with httpx.AsyncClient() as http:
        crm = fetch.client(told, http, CREDENTIALS)
        assert crm is not None
        with pytest.raises(FetchFailed, match="how a lead is asked for"):
            await fetch.fetch(told, crm, "lead", ["1"])
