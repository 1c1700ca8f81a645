"""The page *What if*: what the projection becomes with what is supposed, and what would have to be true for a target."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import RedirectResponse, Response

from gateway.auth.dependencies import CurrentUser
from gateway.pages import suppositions
from gateway.pages.address import WhatIfView
from gateway.pages.projection import outlook, ranges, scenarios
from gateway.pages.templates import page
from gateway.pages.views import Supposing, Word
from gateway.proxy.client import ServiceRefused, Services, services_of
from libs.common.web.api import Reading
from libs.common.web.auth import Principal

router = APIRouter(include_in_schema=False)

Answer = dict[str, Any]

WANTED = ("0.5", "0.8", "0.9", "0.95")
"""How likely a target may be wanted to be."""


@router.get(WhatIfView.PATH)
async def what_if(
    request: Request,
    session: Reading,
    principal: CurrentUser,
    view: Supposing,
    pace: Word = "",
    creation: Word = "",
    without: Word = "",
    added: Word = "",
    chance: Word = "",
    form: Annotated[str, Query(max_length=1)] = "",
) -> Response:
    """`form` is there when the one of the page was sent: then what it says counts, and the address is written anew."""
    if form:
        said = {"pace": pace, "creation": creation, "without": without, "added": added, "chance": chance}
        view = view.supposing(suppositions.typed(view.suppose, said))
    shown = await _page(request, session, view, principal=principal)
    if form or "at" in request.query_params:
        shown.headers["hx-push-url"] = view.href()
    return shown


@router.post(WhatIfView.PATH)
async def save(
    request: Request,
    session: Reading,
    principal: CurrentUser,
    view: Supposing,
    name: Annotated[str, Form(max_length=1000)] = "",
    of: Annotated[str, Form(max_length=20)] = "",
    unit: Annotated[str, Form(max_length=36)] = "",
    once: Annotated[str, Form(max_length=64)] = "",
) -> Response:
    """Keep what is supposed under a name, of the period and unit that the form showed."""
    refused = await scenarios.save(services_of(request), view, name, of, unit, once, principal=principal)
    if refused is not None:
        return await _page(request, session, view, refusal=refused, principal=principal)
    return RedirectResponse(f"{view.href()}#saved", status_code=303)


async def _page(
    request: Request,
    session: AsyncSession,
    view: WhatIfView,
    *,
    refusal: scenarios.Refusal | None = None,
    principal: Principal,
) -> Response:
    services, wanted = services_of(request), outlook.target(view.target)
    call, (projected, told, needed), refused = await _asked(services, view, wanted, principal)
    kept = await scenarios.saved(session, services, view, projected, principal=principal)
    return page(
        request,
        "projection/whatif.html",
        status=refusal.status if refusal else 200,
        call=call,
        refused=refused,
        kept=kept,
        refusal=refusal,
        **what_if_shown(projected, told, needed, view, wanted),
    )


async def _asked(
    services: Services, view: WhatIfView, wanted: outlook.Target, principal: Principal
) -> tuple[Answer, tuple[Answer, Answer | None, Answer | None], str]:
    """Call, projection, what is supposed, and what is needed; a supposition that is refused is left out, with the reason."""
    target = {} if wanted.amount is None else {"target": str(wanted.amount)}
    params = view.asked(**target)

    async def supposed() -> tuple[dict[str, Any], str]:
        path = "forecast/projection/what-if"
        try:
            return await services.get(
                "forecast", path, principal=principal, params=params | {"suppose": list(view.suppose)}
            ), ""
        except ServiceRefused as refused:
            if refused.status != 422 or not view.suppose:
                raise
            return await services.get("forecast", path, principal=principal, params=params), str(refused)

    async def needed() -> dict[str, Any] | None:
        if not target:
            return None
        asked = params | {"wanted": view.wanted}
        return await services.get("forecast", "forecast/projection/needed", principal=principal, params=asked)

    call, projected = await asyncio.gather(
        services.get("forecast", "forecast/call", principal=principal, params=view.asked()),
        services.get("forecast", "forecast/projection", principal=principal, params=params),
    )
    if projected["is_over"]:
        return call, (projected, None, None), ""
    (told, reason), true = await asyncio.gather(supposed(), needed())
    return call, (projected, told, true), reason


def what_if_shown(
    projected: dict[str, Any],
    told: dict[str, Any] | None,
    needed: dict[str, Any] | None,
    view: WhatIfView,
    wanted: outlook.Target,
) -> dict[str, Any]:
    """What the page shows of the projection, of what is supposed, and of what is needed."""
    return {
        "found": projected,
        "view": view,
        "wanted": wanted,
        "told": told,
        "needed": needed,
        "likely": WANTED,
        "effects": suppositions.effects(told) if told else None,
        "bands": [outlook.band(told[name]["bands"], outlook.NARROW) for name in ("as_is", "supposed")] if told else [],
        "parts": outlook.PARTS,
        "in_words": ranges.said,
        "opened": lambda scenario: scenarios.opened(view, scenario),
        "of_deal": lambda deal: suppositions.of_deal(view.suppose, deal),
        "factor_of": lambda kind: suppositions.factor_of(view.suppose, kind),
        "supposing": lambda kind, deal: view.supposing(
            suppositions.on_deal(view.suppose, kind, deal, projected["period"]["end"])
        ).href(),
    }
