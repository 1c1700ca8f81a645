"""The quota of a unit on the Call page: how far it is reached, by those below and by month. It asks for itself, as chances take longer."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from gateway.auth.dependencies import CurrentUser
from gateway.pages.address import CallView
from gateway.pages.calls.call import label_of
from gateway.pages.names import names_of
from gateway.pages.projection.projection import same_deals
from gateway.pages.templates import page
from gateway.pages.views import Viewed
from gateway.proxy.client import ServiceDown, ServiceRefused, services_of
from libs.common.web.api import Reading

router = APIRouter(include_in_schema=False)

WIDTH = Decimal(1000)


@dataclass(frozen=True)
class Reach:
    """The geometry of what is closed beside the quota, in thousandths; `quota` is where the quota ends."""

    closed: str
    quota: str


@dataclass(frozen=True)
class Below:
    """A node right below, with its name and, for a unit, the page of its call."""

    id: str
    name: str
    href: str | None
    node: Mapping[str, Any]


@router.get("/call/attainment")
async def attainment(request: Request, session: Reading, principal: CurrentUser, view: Viewed) -> Response:
    """How far the quota of a unit is reached: a part of the Call page."""
    asked = {name: text for name, text in view.asked().items() if name in ("period", "org", "deal_type", "value_basis")}
    try:
        found = await services_of(request).get("forecast", "forecast/attainment", principal=principal, params=asked)
    except (ServiceRefused, ServiceDown) as refused:
        return page(request, "calls/call_attainment.html", found=None, reason=str(refused))
    people = {UUID(each["node"]["id"]) for each in found["below"] if each["node"]["kind"] == "person"}
    names = await names_of(session, people, principal=principal)
    return page(request, "calls/call_attainment.html", **attainment_shown(found, view, names))


def attainment_shown(found: dict[str, Any], view: CallView, names: Mapping[UUID, str]) -> dict[str, Any]:
    """What the card shows of a reading. Those below are listed when any of them has a quota."""
    asked = {"period": found["period"]["key"], "org": found["node"]["node"]["id"], "value_basis": found["value_basis"]}
    asked |= {"deal_type": found["deal_type"]} if found["deal_type"] else {}
    return {
        "found": found,
        "reason": None,
        "reach": reach(found["node"]),
        "below": [_below(each, view, names) for each in found["below"]] if found["node"]["parts"] is not None else [],
        "months": found["months"] if any(each["quota"] is not None for each in found["months"]) else [],
        "csv_href": f"/api/v1/forecast/attainment?{urlencode(asked | {'below': 'all', 'format': 'csv'})}",
        "href": same_deals(view).href(
            period=found["period"]["key"],
            value_basis=found["value_basis"],
            date="",
            target=found["node"]["quota"] or "",
        ),
    }


def reach(node: Mapping[str, Any]) -> Reach | None:
    """Closed and quota on one axis, which ends at the greater; None without a quota above 0."""
    if node["attainment"] is None:
        return None
    closed, quota = max(Decimal(node["closed_won"]), Decimal()), Decimal(node["quota"])
    end = max(closed, quota)
    return Reach(f"{closed * WIDTH / end:.2f}", f"{quota * WIDTH / end:.2f}")


def _below(each: Mapping[str, Any], view: CallView, names: Mapping[UUID, str]) -> Below:
    node = each["node"]
    is_unit = node["kind"] == "unit"
    kind = "unit" if is_unit else "owner"
    key = "" if not is_unit and UUID(node["id"]).int == 0 else node["id"]
    name = label_of({"kind": kind, "key": key, "label": node["label"]}, names)
    href = view.href(org=node["id"], by="organisation", open=()) if is_unit else None
    return Below(node["id"], name, href, each)
