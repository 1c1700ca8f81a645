"""The page on how right the projection was: what was said at locks against what was closed, beside simpler methods."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import RedirectResponse, Response

from gateway.auth.dependencies import CurrentUser
from gateway.pages import saying
from gateway.pages.address import View
from gateway.pages.names import names_of, speakers
from gateway.pages.projection import reliability
from gateway.pages.projection.champion import MOST, Typed, champion_shown, said_by
from gateway.pages.templates import page
from gateway.pages.views import Unit, Word
from gateway.proxy.client import ServiceDown, ServiceRefused, services_of
from libs.common.web.api import Reading
from libs.common.web.auth import Principal

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, kw_only=True)
class AccuracyView(View):
    """Of which unit and value basis accuracy is shown. `ahead`: locks so many periods before the one they spoke of."""

    PATH = "/projection/accuracy"

    ahead: str = ""

    def asked(self, **more: str) -> dict[str, str]:
        """The forecast's query parameters for this view."""
        return self._asked(**{"ahead": self.ahead} | more)

    def unit(self) -> dict[str, str]:
        """Those of the unit alone."""
        return {"org": self.org} if self.org else {}


def accuracy_view(
    org: Unit = "",
    deal_type: Word = "",
    value_basis: Word = "",
    ahead: Annotated[str, Query(pattern="^[0-4]?$")] = "",
) -> AccuracyView:
    return AccuracyView(org=org, deal_type=deal_type, value_basis=value_basis, ahead="" if ahead == "0" else ahead)


@router.get("/projection/accuracy")
async def accuracy(
    request: Request, session: Reading, principal: CurrentUser, view: Annotated[AccuracyView, Depends(accuracy_view)]
) -> Response:
    """How far off the projection was at locks, how often its ranges held, who was closer, and which method answers."""
    return await _page(request, session, view, principal=principal)


@router.post("/projection/accuracy/champion")
async def decide(
    request: Request,
    session: Reading,
    principal: CurrentUser,
    method: Annotated[str, Form(max_length=20)] = "",
    reason: Annotated[str, Form(max_length=2 * MOST)] = "",
    once: Annotated[str, Form(max_length=64)] = "",
) -> Response:
    """Let the other method answer. A refused decision is shown again, with what is wrong where and what answers now."""
    try:
        await services_of(request).post(
            "forecast",
            "forecast/champion",
            {"method": method, "reason": reason.strip()},
            principal=principal,
            idempotency_key=once or None,
        )
    except ServiceDown as down:
        typed = Typed(reason, {saying.FORM: f"{down} What you typed is kept."})
        return await _page(request, session, AccuracyView(), typed=typed, status=down.status, principal=principal)
    except ServiceRefused as refused:
        typed = Typed(reason, saying.mistakes(refused.problem, ("reason",)))
        return await _page(request, session, AccuracyView(), typed=typed, status=422, principal=principal)
    return RedirectResponse(f"{AccuracyView.PATH}#champion", status_code=303)


async def _page(
    request: Request,
    session: AsyncSession,
    view: AccuracyView,
    *,
    typed: Typed | None = None,
    status: int = 200,
    principal: Principal,
) -> Response:
    services = services_of(request)
    call, answering = await asyncio.gather(
        services.get("forecast", "forecast/call", principal=principal, params=view.unit()),
        services.get("forecast", "forecast/champion", principal=principal),
    )
    deciders = await speakers(session, said_by(answering), principal=principal)
    card = champion_shown(answering, deciders, typed, principal=principal)
    try:
        by_lead, by_node = await asyncio.gather(
            *(
                services.get("forecast", "forecast/accuracy", principal=principal, params=view.asked(by=by))
                for by in ("lead", "node")
            )
        )
    except ServiceRefused as refused:
        return page(
            request,
            "projection/accuracy.html",
            status=status,
            call=call,
            view=view,
            found=None,
            refused=str(refused),
            **card,
        )
    people = [UUID(part["key"]) for part in by_node["parts"] if part["kind"] == "person"]
    names = await names_of(session, people, principal=principal)
    shown = accuracy_shown(by_lead, by_node, view=view, names=names)
    return page(request, "projection/accuracy.html", status=status, call=call, **shown, **card)


def accuracy_shown(
    by_lead: dict[str, Any], by_node: dict[str, Any], *, view: AccuracyView, names: Mapping[UUID, str]
) -> dict[str, Any]:
    """What the page shows of the readings by weeks to the end and by node below."""
    whole = by_lead["overall"]
    return {
        "refused": None,
        "found": by_lead,
        "nodes": [part | {"label": _label(part, names)} for part in by_node["parts"]],
        "view": view,
        "whole": whole,
        "ours": reliability.method_in(whole),
        "method_in": reliability.method_in,
        "opponents": reliability.opponents(whole["methods"]),
        "reliability": reliability.reliability(by_lead["reliability"]),
        "errors": reliability.errors(by_lead["parts"]),
        "fewest": reliability.FEWEST,
    }


def _label(part: Mapping[str, Any], names: Mapping[UUID, str]) -> str:
    """A unit by its name; a person by theirs, as far as the directory knows it."""
    if part["kind"] == "unit":
        return part["label"] or "Not given"
    person = UUID(part["key"])
    return names.get(person, f"Person {part['key'][:8]}") if person.int else "Nobody"
