"""Salesforce's products, splits and competitors of opportunities, and its activities, by query."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from starlette.responses import JSONResponse, Response

from simulator.fakecrm.kept import CompetitorKept, Kept, LineKept, SplitKept
from simulator.fakecrm.state import CrmState

_QUERY = re.compile(
    r"FROM (OpportunityLineItem|OpportunitySplit|OpportunityCompetitor) WHERE OpportunityId IN \((.*)\)$"
)


def answer(state: CrmState, query: str) -> tuple[str, list[dict[str, Any]]] | Response | None:
    """The rows of such a query, the refusal of one that the user may not make, None for any other query."""
    parsed = _QUERY.search(query)
    if parsed is None:
        return None
    sobject = parsed[1]
    kept, form = _FORMS[sobject]
    if kept in state.beside.forbidden:
        words = f"sObject type '{sobject}' is not supported."
        return JSONResponse([{"message": words, "errorCode": "INVALID_TYPE"}], status_code=400)
    held: Mapping[Any, Sequence[Any]] = getattr(state.beside, kept)
    rows = []
    for deal_id in (part.strip().strip("'") for part in parsed[2].split(",")):
        rows += [form(each) | {"OpportunityId": deal_id} for each in held.get(("salesforce", deal_id), ())]
    return sobject, rows


def _stamp(each: LineKept | SplitKept | CompetitorKept) -> dict[str, Any]:
    return {"SystemModstamp": each.changed_at.strftime("%Y-%m-%dT%H:%M:%S.000+0000")}


def _line(each: LineKept) -> dict[str, Any]:
    return _stamp(each) | {
        "Id": each.line_id,
        "ProductCode": each.code,
        "Name": each.name,
        "Quantity": float(each.quantity),
        "UnitPrice": float(each.price),
        "TotalPrice": float(each.amount),
    }


def _split(each: SplitKept) -> dict[str, Any]:
    kind = {"attributes": {"type": "OpportunitySplitType"}, "IsTotalValidated": not each.overlay}
    return _stamp(each) | {
        "Id": each.split_id,
        "SplitOwnerId": each.owner_id,
        "SplitPercentage": float(each.share * 100),
        "SplitType": kind,
    }


def _competitor(each: CompetitorKept) -> dict[str, Any]:
    return _stamp(each) | {"Id": each.competitor_id, "CompetitorName": each.name}


_FORMS: Mapping[str, tuple[Kept, Callable[[Any], dict[str, Any]]]] = {
    "OpportunityLineItem": ("lines", _line),
    "OpportunitySplit": ("splits", _split),
    "OpportunityCompetitor": ("competitors", _competitor),
}
