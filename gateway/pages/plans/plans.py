"""The page Plans: which there are, what one wants of whom, how far it is reached, and what its versions changed."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from gateway.auth.dependencies import CurrentUser
from gateway.pages.calls.attainment import reach
from gateway.pages.names import names_of, speakers
from gateway.pages.plans.assumed import assumptions
from gateway.pages.plans.costed import known_of
from gateway.pages.templates import page
from gateway.proxy.client import ServiceDown, ServiceRefused, Services, services_of
from libs.common import clock
from libs.common.ids import new_id
from libs.common.web.api import Reading, runtime_of
from libs.common.web.auth import Principal

router = APIRouter(include_in_schema=False)

PATH: Final = "/plans"
EDITORS: Final = frozenset({"cso", "manager", "sales_ops", "admin"})
APPROVERS: Final = frozenset({"cso", "ceo", "manager", "admin"})
MEASURES: Final = {
    "bookings": "Bookings",
    "pipeline_created": "Pipeline created",
    "new_customers": "New customers",
    "margin": "Margin",
}
DIMENSIONS: Final = {
    "unit": "Units", "person": "People", "market": "Market", "product": "Product", "region": "Region",
    "segment": "Segment", "deal_type": "Deal type",
}  # fmt: skip
METHODS: Final = {
    "prior_year": "as they closed the year before",
    "trailing_12_months": "as they closed in the last twelve months",
    "even": "evenly",
}
Tab = Literal["targets", "reached", "assumptions", "markets", "versions"]
TABS: Final = {
    "targets": "Targets",
    "reached": "Attainment",
    "assumptions": "Assumptions",
    "markets": "Markets",
    "versions": "Versions",
}


@dataclass(frozen=True)
class PlanView:
    """What of a plan is shown, as its address says."""

    plan_id: str
    tab: Tab = "targets"
    version: str = ""
    measure: str = ""
    node: str = ""
    months: str = ""
    assumption: str = ""

    def href(self, **changed: str) -> str:
        """The address of this with some things changed."""
        at = replace(self, **changed)  # type: ignore[arg-type]
        asked = {
            name: text
            for name in ("tab", "version", "measure", "node", "months", "assumption")
            if (text := getattr(at, name)) and (name, text) != ("tab", "targets")
            if name != "assumption" or at.tab == "assumptions"
        }
        return f"{PATH}/{at.plan_id}" + (f"?{urlencode(asked)}" if asked else "")

    def measured(self, measures: Sequence[str]) -> tuple[str, "PlanView"]:
        """The measure that is shown of a plan's, and the view of it.

        What is typed in goes to the measure that the address names, which is bookings where it names none.
        """
        shown = self.measure if self.measure in measures else measures[0]
        is_usual = shown == "bookings" == measures[0]
        return shown, replace(self, measure="" if is_usual else shown)


def plan_view(
    plan_id: UUID,
    tab: Annotated[Tab, Query()] = "targets",
    version: Annotated[str, Query(max_length=6)] = "",
    measure: Annotated[str, Query(max_length=20)] = "",
    node: Annotated[str, Query(max_length=36)] = "",
    months: Annotated[str, Query(max_length=3)] = "",
    assumption: Annotated[str, Query(max_length=36)] = "",
) -> PlanView:
    """The parameters of a plan's address."""
    return PlanView(str(plan_id), tab, version, measure, node, months, assumption)


Viewing = Annotated[PlanView, Depends(plan_view)]


@router.get(PATH)
async def plans(request: Request, session: Reading, principal: CurrentUser) -> Response:
    """All plans within scope."""
    return await listed(request, session, principal=principal)


async def listed(
    request: Request,
    session: AsyncSession,
    *,
    typed: Mapping[str, str] | None = None,
    mistake: str | None = None,
    principal: Principal,
) -> Response:
    """The list, with the form of a new plan as it was typed."""
    services = services_of(request)
    found, organised = await asyncio.gather(
        services.get("forecast", "plans", principal=principal),
        services.get("deals", "organisation/at", principal=principal),
    )
    calendar = runtime_of(request).settings.calendar
    year = calendar.year(clock.now().date())
    years = [calendar.before(year, 1)[0], year, calendar.year(year.end)]
    people = await speakers(session, {each["made_by"] for each in found["items"]}, principal=principal)
    return page(
        request,
        "plans/plans.html",
        status=422 if mistake else 200,
        items=found["items"],
        people=people,
        units=[each for each in organised["units"] if each["kind"] != "unassigned"],
        periods=[(each.key, each.label) for each in (*years, *calendar.quarters(year), *calendar.quarters(years[-1]))],
        measures=MEASURES,
        typed=typed
        or {"name": "", "period": years[-1].key, "org": "", "kind": "unifying", "deal_type": "", "value_basis": ""},
        mistake=mistake,
        once=str(new_id()),
        may_plan=bool(principal.roles & EDITORS),
    )


@router.get(PATH + "/{plan_id}")
async def plan(request: Request, session: Reading, principal: CurrentUser, view: Viewing) -> Response:
    """One plan."""
    return await shown(request, session, view, principal=principal)


async def shown(
    request: Request,
    session: AsyncSession,
    view: PlanView,
    *,
    mistake: str | None = None,
    report: Mapping[str, Any] | None = None,
    principal: Principal,
) -> Response:
    """A plan's page: what every tab has, and what the chosen one does."""
    services = services_of(request)
    found = await services.get("forecast", f"plans/{view.plan_id}", principal=principal, params=_version(view))
    measure, view = view.measured(found["measures"])
    bound = await services.get("forecast", f"plans/{view.plan_id}/bound", principal=principal, params=_version(view))
    parts = await _TABS[view.tab](services, view, found, measure, principal=principal)
    people = {person for version in found["versions"] for person in version["authors"]}
    people |= {entry["made_by"] for version in found["versions"] for entry in version["entries"]}
    names = await speakers(session, people, principal=principal)
    owners = {UUID(each["value"]) for each in parts["nodes"] if each["dimension"] == "person"}
    persons = await names_of(session, owners, principal=principal)
    version = next(each for each in found["versions"] if each["version"] == found["version"])
    return page(
        request,
        f"plans/plan_{view.tab}.html",
        status=422 if mistake else 200,
        plan=found,
        bound=bound,
        chosen=version,
        view=view,
        tabs=TABS,
        measures=MEASURES,
        dimensions=DIMENSIONS,
        methods=METHODS,
        measure=measure,
        people=names,
        persons={str(person): name for person, name in persons.items()},
        mistake=mistake,
        report=report,
        once=str(new_id()),
        may_edit=bool(principal.roles & EDITORS) and found["state"] == "draft",
        may_plan=bool(principal.roles & EDITORS),
        may_approve=bool(principal.roles & APPROVERS) and principal.subject not in version["authors"],
        is_author=principal.subject in version["authors"],
        **parts,
    )


def _version(view: PlanView) -> dict[str, str | list[str]]:
    return {"version": view.version} if view.version else {}


async def _targets(
    services: Services, view: PlanView, found: Mapping[str, Any], measure: str, *, principal: Principal
) -> dict[str, Any]:
    """What is wanted of a node and of those right below, by quarter or month, and whether it was ever done."""
    asked = _version(view) | {"measure": measure}
    asked |= {"node": view.node} if view.node else {}
    path = f"plans/{view.plan_id}"
    tree, capacity = await asyncio.gather(
        services.get("forecast", f"{path}/nodes", principal=principal, params=asked),
        services.get("forecast", f"{path}/capacity", principal=principal, params=asked),
    )
    finer = "month" if view.months or found["period"]["kind"] == "quarter" else "quarter"
    periods = [tree["periods"][0], *(each for each in tree["periods"][1:] if each["kind"] == finer)]
    keys = {each["key"] for each in periods}
    for node in tree["nodes"]:
        node["shown"] = [each for each in node["cells"] if each["period"] in keys]
    export = urlencode({**asked, "format": "csv"})
    return {
        "nodes": tree["nodes"],
        "periods": periods,
        "of": tree["of"],
        "unit": tree["currency"] or "customers",
        "capacity": {each["node_id"]: each for each in capacity["items"]},
        "csv_href": f"/api/v1/plans/{view.plan_id}/nodes?{export}",
        "is_empty": tree["of"] == 1 and all(each["state"] == "blank" for each in tree["nodes"][0]["cells"]),
    }


async def _reached(
    services: Services, view: PlanView, found: Mapping[str, Any], measure: str, *, principal: Principal
) -> dict[str, Any]:
    """How far a node and those right below are reached."""
    asked = {"measure": measure, "version": str(found["version"])} | ({"node": view.node} if view.node else {})
    path = f"plans/{view.plan_id}/attainment"
    try:
        reading = await services.get("forecast", path, principal=principal, params=asked)
    except (ServiceDown, ServiceRefused) as refused:
        return {"nodes": [], "reading": None, "reason": str(refused), "reaches": {}, "known": {}, "csv_href": ""}
    geometry = {
        each["node_id"]: reach(
            {"attainment": each["attainment"], "closed_won": each["closed"] or "0", "quota": each["target"]}
        )
        for each in reading["nodes"]
    }
    export = urlencode({**asked, "levels": "20", "format": "csv"})
    return {
        "nodes": reading["nodes"],
        "reading": reading,
        "reason": None,
        "reaches": geometry,
        "known": {each["node_id"]: known_of(each) for each in reading["nodes"]},
        "unit": reading["unit_of_measure"] or "customers",
        "csv_href": f"/api/v1/{path}?{export}",
    }


async def _markets(
    services: Services, view: PlanView, found: Mapping[str, Any], measure: str, *, principal: Principal
) -> dict[str, Any]:
    """What is to be done in each market, beside what is wanted of it, and what the campaigns named there cost and brought."""
    path, asked = f"plans/{view.plan_id}", _version(view)
    texts, cut = await asyncio.gather(
        services.get("forecast", f"{path}/texts", principal=principal, params=asked),
        services.get(
            "forecast", f"{path}/views", principal=principal, params=asked | {"measure": measure, "dimension": "market"}
        ),
    )
    try:
        campaigns = (await services.get("leads", "leads/campaigns", principal=principal)).get("items", [])
    except (ServiceDown, ServiceRefused):
        campaigns = []
    said = {each["market"]: each for each in texts["items"]}
    named = sorted({campaign for each in texts["items"] for campaign in each["campaigns"]})
    returns = await _returns(services, found["period"], named, principal=principal) if named else None
    amounts = {each["value"]: each["amount"] for each in cut["parts"]}
    return {
        "nodes": [],
        "markets": sorted(said.keys() | amounts.keys()),
        "said": said,
        "amounts": amounts,
        "unit": cut["currency"] or "customers",
        "campaigns": campaigns,
        "returns": returns,
        "returned": {each["campaign_id"]: each for each in returns["items"]} if returns else {},
    }


async def _returns(
    services: Services, period: Mapping[str, Any], named: Sequence[str], *, principal: Principal
) -> dict[str, Any] | None:
    """What campaigns cost and brought in a plan's months so far; before its first day, in the last twelve. None: not told now."""
    today = clock.now().date().isoformat()
    until = min(today, period["end"])
    begun = {"since": period["start"], "until": until} if period["start"] <= today else {}
    asked: dict[str, str | list[str]] = {**begun, "campaign": list(named)}
    try:
        found = await services.get("forecast", "forecast/campaigns", principal=principal, params=asked)
    except (ServiceDown, ServiceRefused):
        return None
    return {**found, "csv_href": f"/api/v1/forecast/campaigns?{urlencode({**asked, 'format': 'csv'}, doseq=True)}"}


async def _versions(
    services: Services, view: PlanView, found: Mapping[str, Any], measure: str, *, principal: Principal
) -> dict[str, Any]:
    """What was done with each version, and what the chosen one changed of the one before."""
    del measure
    changed = None
    if found["version"] > 1:
        asked = {"since": str(found["version"] - 1), "to": str(found["version"])}
        changed = await services.get(
            "forecast", f"plans/{view.plan_id}/differences", principal=principal, params=dict(asked)
        )
    return {"nodes": [], "changed": changed}


_TABS: Final[dict[str, Any]] = {
    "targets": _targets,
    "reached": _reached,
    "assumptions": assumptions,
    "markets": _markets,
    "versions": _versions,
}
