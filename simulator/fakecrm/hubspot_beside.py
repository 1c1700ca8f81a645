"""HubSpot's line items and deal splits."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from simulator.fakecrm.state import CrmState
from simulator.records import iso


def refused(scope: str) -> JSONResponse:
    """As HubSpot answers a token without a scope."""
    body = {"status": "error", "category": "MISSING_SCOPES", "message": f"This app hasn't been granted {scope}."}
    return JSONResponse(body, status_code=403)


async def line_items(state: CrmState, request: Request) -> Response:
    if "lines" in state.beside.forbidden:
        return refused("crm.objects.line_items.read")
    wanted = {str(item["id"]) for item in (await request.json()).get("inputs", [])}
    if len(wanted) > 100:
        return JSONResponse({"status": "error", "message": "maximum batch size is 100"}, status_code=400)
    found = []
    for (provider, _), lines in state.beside.lines.items():
        for each in lines if provider == "hubspot" else ():
            if each.line_id in wanted:
                properties = {
                    "name": each.name,
                    "hs_sku": each.code,
                    "quantity": str(each.quantity),
                    "price": str(each.price),
                    "amount": str(each.amount),
                    "hs_line_item_currency_code": each.currency,
                    "hs_term_in_months": None if each.term_months is None else str(each.term_months),
                    "hs_lastmodifieddate": iso(each.changed_at),
                }
                found.append({"id": each.line_id, "properties": properties, "archived": False})
    return JSONResponse({"status": "COMPLETE", "results": found})


async def lines_of_deals(state: CrmState, request: Request) -> Response:
    """A page has at most ten of a deal, so that readers have to go on."""
    if "lines" in state.beside.forbidden:
        return refused("crm.objects.line_items.read")
    results: list[dict[str, Any]] = []
    for item in (await request.json()).get("inputs", []):
        lines = state.beside.lines.get(("hubspot", str(item["id"])), ())
        start = int(item.get("after") or 0)
        kinds = [{"category": "HUBSPOT_DEFINED", "typeId": 19, "label": None}]
        to = [{"toObjectId": int(each.line_id), "associationTypes": kinds} for each in lines[start : start + 10]]
        if to:
            paging = {"paging": {"next": {"after": str(start + 10)}}} if start + 10 < len(lines) else {}
            results.append({"from": {"id": str(item["id"])}, "to": to} | paging)
    return JSONResponse({"status": "COMPLETE", "results": results})


async def splits(state: CrmState, request: Request) -> Response:
    if "splits" in state.beside.forbidden:
        return refused("crm.dealsplits.read_write")
    results = []
    for item in (await request.json()).get("inputs", []):
        told = [
            {
                "id": each.split_id,
                "properties": {"hs_deal_split_percentage": str(each.share), "hubspot_owner_id": each.owner_id},
                "updatedAt": iso(each.changed_at),
                "archived": False,
            }
            for each in state.beside.splits.get(("hubspot", str(item["id"])), ())
        ]
        results.append({"id": str(item["id"]), "splits": told})
    return JSONResponse({"status": "COMPLETE", "results": results})
