"""Asks records back as a connection's document says."""

import base64
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

import httpx
from jmespath.exceptions import JMESPathError

from gateway.connectors.client import CrmClient, FetchFailed
from gateway.connectors.generic.document import BasicLogin, Bearer, FetchBack, HeaderKey, Question
from gateway.connectors.generic.times import moment
from gateway.connectors.items import Fetched, FullRecord, ObjectType
from gateway.connectors.verification import Credentials
from gateway.mapping.paths import read
from gateway.mapping.values import text
from libs.common import clock


def client(told: FetchBack, http: httpx.AsyncClient, credentials: Credentials) -> CrmClient | None:
    """A client with the connection's credential; None where a secret is missing."""
    match told.auth:
        case Bearer(secret=name):
            header, value = "Authorization", _first(credentials, name, "Bearer ")
        case HeaderKey(header=header, secret=name, prefix=prefix):
            value = _first(credentials, name, prefix)
        case BasicLogin(username=username, password=password):
            user, secret = _first(credentials, username), _first(credentials, password)
            pair = None if user is None or secret is None else base64.b64encode(f"{user}:{secret}".encode()).decode()
            header, value = "Authorization", pair and f"Basic {pair}"
    if value is None:
        return None
    return CrmClient(http, api_base=told.base, headers={header: value, "Accept": "application/json"})


def _first(credentials: Credentials, name: str, prefix: str = "") -> str | None:
    found = credentials.all_of(name)
    return prefix + found[0] if found else None


async def fetch(told: FetchBack, crm: CrmClient, object_type: ObjectType, external_ids: Sequence[str]) -> Fetched:
    """The present state of these records. Raises FetchFailed where the CRM cannot answer now."""
    question = told.objects.get(object_type)
    if question is None:
        raise FetchFailed(f"source.fetch.objects does not say how a {object_type} is asked for")
    asked_at = clock.now()
    usable = [each for each in external_ids if each.strip(".")]  # "." and ".." would name another path
    groups = [usable[at : at + told.batch] for at in range(0, len(usable), told.batch)]
    if not question.asks_many:
        groups = [[each] for each in usable]
    found: dict[str, FullRecord] = {}
    for group in groups:
        for record in await _ask(question, crm, object_type, group, asked_at):
            if record.external_id in group:
                found[record.external_id] = record
    absent = [each for each in external_ids if each not in found]
    if told.absent == "deleted":
        found |= {each: _gone(object_type, each, asked_at) for each in absent}
        absent = []
    return Fetched(list(found.values()), frozenset(absent))


async def _ask(
    question: Question, crm: CrmClient, object_type: ObjectType, ids: list[str], at: datetime
) -> list[FullRecord]:
    joined = ",".join(quote(each, safe="") for each in ids)
    path = question.path.replace("{ids}", joined).replace("{id}", joined)
    answer = await crm.ask(question.method, path, json=_filled(question.body, ids))
    if answer is None:
        return []
    try:
        rows = read(question.records, answer)
        return [_record(question, object_type, row, at) for row in (rows if isinstance(rows, list) else [rows]) if row]
    except JMESPathError as error:
        raise FetchFailed(f"an expression of source.fetch fails: {error}") from None


def _record(question: Question, object_type: ObjectType, row: Any, at: datetime) -> FullRecord:
    """Raises FetchFailed, or MappingError, for an answer in another form than the document says."""
    external_id, record = text(read(question.id, row)), read(question.record, row)
    version = moment(question.version, read(question.version.at, row)) if question.version else at
    if external_id is None or not isinstance(record, dict):
        raise FetchFailed("the answer has no record with an id where source.fetch says")
    if version is None:
        raise FetchFailed("the answer has no version time where source.fetch says")
    deleted = bool(question.deleted_when and read(question.deleted_when, row))
    return FullRecord(object_type, external_id, record, version, deleted=deleted)


def _gone(object_type: ObjectType, external_id: str, at: datetime) -> FullRecord:
    return FullRecord(object_type, external_id, None, at, deleted=True)


def _filled(body: Any, ids: list[str]) -> Any:
    """The body with the ids in place: the text `{ids}` alone becomes their list."""
    match body:
        case "{ids}":
            return ids
        case str():
            return body.replace("{ids}", ",".join(ids)).replace("{id}", ids[0])
        case list():
            return [_filled(each, ids) for each in body]
        case dict():
            return {name: _filled(each, ids) for name, each in body.items()}
    return body
