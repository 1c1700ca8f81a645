"""Salesforce's query endpoint with as much SOQL as a connector needs: SELECT, FROM, WHERE joined by AND, ORDER BY, LIMIT."""

import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from libs.common.ids import normalise_external_id
from simulator.fakecrm import salesforce_beside
from simulator.fakecrm.edits import Refused, edited
from simulator.fakecrm.state import CrmState, Kind
from simulator.forms import salesforce

_KINDS: dict[str, Kind] = {"opportunity": "deal", "lead": "lead", "account": "account", "user": "user"}
_QUERY = re.compile(
    r"^\s*SELECT\s+(?P<fields>.+?)\s+FROM\s+(?P<object>\w+)(?:\s+WHERE\s+(?P<where>.+?))?"
    r"(?:\s+ORDER\s+BY\s+(?P<order>.+?))?(?:\s+LIMIT\s+(?P<limit>\d+))?\s*$",
    re.IGNORECASE | re.DOTALL,
)
_IN = re.compile(r"^(\w+)\s+IN\s*\((.*)\)$", re.IGNORECASE | re.DOTALL)
_COMPARISON = re.compile(r"^(\w+)\s*(>=|<=|!=|=|>|<)\s*(.+)$", re.DOTALL)
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    ">=": lambda a, b: bool(a >= b),
    "<=": lambda a, b: bool(a <= b),
    "!=": lambda a, b: bool(a != b),
    "=": lambda a, b: bool(a == b),
    ">": lambda a, b: bool(a > b),
    "<": lambda a, b: bool(a < b),
}
PAGE = 2000


class Malformed(ValueError):
    """The query cannot be understood; the message becomes Salesforce's MALFORMED_QUERY."""


def _literal(text: str) -> Any:
    text = text.strip()
    if text.startswith("'"):
        return text.strip("'")
    if text.lower() in {"true", "false"}:
        return text.lower() == "true"
    if text.lower() == "null":
        return None
    try:
        return float(text)
    except ValueError:
        return _moment(text)


def _moment(value: object) -> object:
    if isinstance(value, str) and re.match(r"^\d{4}-\d\d-\d\dT", value):
        return datetime.fromisoformat(value).timestamp()
    return value


def _condition(text: str) -> tuple[str, Callable[[Any], bool], set[str] | None]:
    """Field, test, and the ids if it names them (then nothing else need be looked at)."""
    text = text.strip().strip("()") if not _IN.match(text.strip()) else text.strip()
    if inside := _IN.match(text):
        values = {_literal(part) for part in inside[2].split(",")}
        if inside[1].lower() == "id":
            ids = {normalise_external_id(str(value)) for value in values}
            return "Id", lambda value: value in ids, ids
        return inside[1], lambda value: value in values, None
    if plain := _COMPARISON.match(text):
        field, operator, wanted = plain[1], _OPERATORS[plain[2]], _literal(plain[3])
        if field.lower() == "id" and plain[2] == "=":
            return _condition(f"Id IN ({plain[3]})")
        return field, lambda value: _moment(value) is not None and operator(_moment(value), wanted), None
    raise Malformed(f"unexpected token: {text}")


def run(state: CrmState, query: str, *, deleted: bool) -> tuple[str, list[dict[str, Any]]]:
    """SObject name and the rows. Raises Malformed."""
    parsed = _QUERY.match(query)
    kind = _KINDS.get(parsed["object"].lower()) if parsed else None
    if parsed is None or kind is None:
        raise Malformed(f"cannot read the query: {query[:200]}")
    conditions = [
        _condition(part) for part in re.split(r"\s+AND\s+", parsed["where"] or "", flags=re.IGNORECASE) if part
    ]
    named = next((ids for _, _, ids in conditions if ids is not None), None)
    if named is None:
        records = list(state.all("salesforce", kind))
    else:
        records = [found for each in sorted(named) if (found := state.get("salesforce", kind, each))]
    rows = [salesforce.fields_of(record) for record in records]
    lowered = [{name.lower(): value for name, value in row.items()} for row in rows]
    kept = [
        row
        for row, low in zip(rows, lowered, strict=True)
        if (deleted or not low.get("isdeleted")) and all(test(low.get(field.lower())) for field, test, _ in conditions)
    ]
    for part in reversed((parsed["order"] or "").split(",")):
        if words := part.split():
            names = {name.lower(): name for name in (kept[0] if kept else {})}
            column = names.get(words[0].lower(), words[0])
            kept.sort(key=lambda row: str(row.get(column) or ""), reverse=words[-1].upper() == "DESC")
    wanted = [name.strip() for name in parsed["fields"].split(",")]
    limit = int(parsed["limit"]) if parsed["limit"] else None
    return salesforce.SOBJECTS[kind], [_selected(row, wanted) for row in kept[:limit]]


def _selected(row: salesforce.Fields, wanted: Sequence[str]) -> dict[str, Any]:
    by_lower = {name.lower(): (name, value) for name, value in row.items()}
    return dict(by_lower.get(name.lower(), (name, None)) for name in wanted)


def _page(request: Request, query: str, start: int, state: CrmState, *, deleted: bool) -> Response:
    try:
        found = salesforce_beside.answer(state, query)
        if isinstance(found, Response):
            return found
        sobject, rows = found or run(state, query, deleted=deleted)
    except (Malformed, TypeError) as error:
        return JSONResponse([{"message": str(error), "errorCode": "MALFORMED_QUERY"}], status_code=400)
    records = [
        {"attributes": {"type": sobject, "url": f"/services/data/v61.0/sobjects/{sobject}/{row.get('Id', '')}"}, **row}
        for row in rows[start : start + PAGE]
    ]
    answer: dict[str, Any] = {"totalSize": len(rows), "done": start + PAGE >= len(rows), "records": records}
    if not answer["done"]:
        following = request.url.include_query_params(start=str(start + PAGE))
        answer["nextRecordsUrl"] = f"{following.path.removeprefix('/salesforce')}?{following.query}"
    return JSONResponse(answer)


async def query(state: CrmState, request: Request) -> Response:
    deleted = request.url.path.endswith("queryAll")
    start = int(request.query_params.get("start", "0"))
    return _page(request, request.query_params.get("q", ""), start, state, deleted=deleted)


async def change_one(state: CrmState, request: Request) -> Response:
    """PATCH of an opportunity: 204, or a list of what is wrong."""
    deal = state.deal("salesforce", request.path_params["id"])
    if deal is None or deal.deleted:
        gone = {"message": "The requested resource does not exist", "errorCode": "NOT_FOUND"}
        return JSONResponse([gone], status_code=404)
    since = request.headers.get("if-unmodified-since")
    if since and deal.changed_at.replace(microsecond=0) > parsedate_to_datetime(since):
        return JSONResponse(
            [{"message": "It was modified meanwhile.", "errorCode": "PRECONDITION_FAILED"}], status_code=412
        )
    try:
        after = edited("salesforce", deal, await request.json())
    except Refused as refusal:
        return JSONResponse([{"message": str(refusal), "errorCode": refusal.code, "fields": []}], status_code=400)
    state.edit_deal("salesforce", deal, after)
    return Response(status_code=204)


TABLE: Sequence[tuple[str, str, Callable[[CrmState, Request], Awaitable[Response]]]] = (
    ("PATCH", "/services/data/{version}/sobjects/Opportunity/{id}", change_one),
    ("GET", "/services/data/{version}/query", query),
    ("GET", "/services/data/{version}/query/", query),
    ("GET", "/services/data/{version}/queryAll", query),
    ("GET", "/services/data/{version}/queryAll/", query),
)
