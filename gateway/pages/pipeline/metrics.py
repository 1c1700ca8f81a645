"""The pages on the metrics: how the pipeline works, and for each number what it is and the deals behind it."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from gateway.auth.dependencies import CurrentUser
from gateway.pages import saying
from gateway.pages.address import MetricsView
from gateway.pages.names import names_of
from gateway.pages.pipeline.funnel import length, stages, thirds
from gateway.pages.pipeline.pipeline import tabs
from gateway.pages.templates import page
from gateway.pages.views import Cursor, Metered
from gateway.proxy.client import services_of
from libs.common.web.api import Reading

router = APIRouter(include_in_schema=False)

Numbers = Mapping[str, Mapping[str, Any]]


@router.get("/pipeline/metrics")
async def metrics(request: Request, principal: CurrentUser, view: Metered) -> Response:
    """Every metric of a period, of one population at one instant."""
    services = services_of(request)
    call, found = await asyncio.gather(
        services.get("forecast", "forecast/call", principal=principal, params=view.asked()),
        services.get("forecast", "forecast/metrics/overview", principal=principal, params=view.asked(**_target(view))),
    )
    of: Numbers = {each["metric"]: each for each in found["items"]}
    by_stage = (of[name]["rows"] for name in ("stage_conversion", "time_in_stage", "stage_age", "stalled"))
    shown = page(
        request,
        "pipeline/metrics.html",
        view=view,
        call=call,
        tabs=tabs(view),
        found=found,
        of=of,
        mixed=any(_is_mixed(each) for each in found["items"]),
        stages=stages(*by_stage),
        thirds=thirds(_factors(of["linearity"]["total"])),
        factors=_factors,
        length=length,
        metric_href=lambda name, part=None: _metric_href(
            view, name, of[name]["by"] if part is not None else None, part
        ),
    )
    if "at" in request.query_params:
        shown.headers["hx-push-url"] = view.href()
    return shown


@router.get("/pipeline/metrics/{name}")
async def metric(
    request: Request,
    session: Reading,
    principal: CurrentUser,
    view: Metered,
    name: str,
    by: Annotated[str | None, Query(max_length=20)] = None,
    part: Annotated[str | None, Query(max_length=300)] = None,
    cursor: Cursor = None,
) -> Response:
    """One metric or one of its parts: its contract, its figures, and the deals behind it with their roles."""
    cut = {name: text for name, text in (("by", by), ("part", part)) if text is not None}
    target = _target(view) if name in TAKE_TARGET else {}
    asked = view.asked(**target) | cut
    paged = asked | {"limit": "100"} | ({"cursor": cursor} if cursor else {})
    services = services_of(request)
    found = await services.get("forecast", f"forecast/metrics/{name}/deals", principal=principal, params=paged)
    people = {UUID(deal[who]) for deal in found["items"] for who in ("owner_id", "actor_id") if deal[who]}
    names = await names_of(session, people, principal=principal)
    here = _metric_href(view, name, by, part)
    return page(
        request,
        "pipeline/metric.html",
        view=view,
        factors=_factors,
        found=found,
        contract=found["contract"],
        part=part,
        here=here,
        names={str(key): known for key, known in names.items()},
        next_href=_metric_href(view, name, by, part, found["next_cursor"]) if found["next_cursor"] else None,
        csv_href=f"/api/v1/forecast/metrics/{name}/deals?{urlencode(asked | {'format': 'csv'})}",
    )


TAKE_TARGET = frozenset({"required_open", "pipeline_to_create"})
"""The others refuse one."""


def _target(view: MetricsView) -> dict[str, str]:
    """As the forecast takes it; what is typed is read as in the forms of the call."""
    typed = saying.amount(view.target)
    return {"target": typed} if typed else {}


def _is_mixed(metric: Mapping[str, Any]) -> bool:
    """Whether a share of money was refused, since amounts on different value bases do not add: then it has no sides."""
    return metric["contract"]["denominator"] == "money" and metric["total"]["denominator"] is None


def _factors(part: Mapping[str, Any]) -> Numbers:
    return {each["name"]: each for each in part["factors"]}


def _metric_href(view: MetricsView, name: str, by: str | None, part: str | None, cursor: str | None = None) -> str:
    return view.href(f"{view.PATH}/{name}", by=by, part=part, cursor=cursor)
