"""Drawn prices: where they are drawn, the draw for a deal, and the win curve or why there is none."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import RedirectResponse, Response

from gateway.auth.dependencies import CurrentUser
from gateway.pages.templates import page
from gateway.proxy.client import ServiceDown, ServiceRefused, services_of
from libs.common.web.auth import Principal

router = APIRouter(include_in_schema=False, prefix="/prices/draws")

OPENERS = frozenset({"sales_ops", "cso", "admin"})
DRAWERS = frozenset({"seller", "manager", "sales_ops", "cso", "admin"})

Short = Annotated[str, Form(max_length=100)]
Text = Annotated[str, Form(max_length=1000)]


@router.get("")
async def listed(
    request: Request, principal: CurrentUser, scope: Annotated[str, Query(max_length=40)] = ""
) -> Response:
    """The scopes, and of one its curve."""
    return await _shown(request, scope=scope, principal=principal)


@router.post("")
async def open_scope(
    request: Request, principal: CurrentUser, product: Short = "", market: Short = "", segment: Short = "",
    width: Short = "", note: Text = "",
) -> Response:  # fmt: skip
    """Opt in."""
    share = width.strip().replace(",", ".")
    try:
        body = {
            "product_id": product,
            "market": market.strip() or None,
            "segment": segment.strip() or None,
            "width": str(Decimal(share) / 100),
            "note": note,
        }
        made = await services_of(request).post("pricing", "price-draws/scopes", body, principal=principal)
    except (ServiceDown, ServiceRefused) as refused:
        return await _shown(request, mistake=str(refused), principal=principal)
    except ArithmeticError:
        return await _shown(
            request, mistake="Write how far from the target in percent, such as 3.", principal=principal
        )
    return RedirectResponse(f"/prices/draws?scope={made['scope_id']}", status_code=303)


@router.post("/draw")
async def draw(
    request: Request, principal: CurrentUser, scope: Short = "", deal: Short = "", currency: Short = "EUR"
) -> Response:
    """Draw a deal's price; it is shown as it was kept."""
    services = services_of(request)
    scopes = (await services.get("pricing", "price-draws/scopes", principal=principal))["items"]
    product = next((each["product_id"] for each in scopes if each["scope_id"] == scope), "")
    body = {"deal_id": deal, "product_id": product, "currency": currency.strip().upper()}
    try:
        got = await services.post("pricing", "price-draws", body, principal=principal)
    except (ServiceDown, ServiceRefused) as refused:
        return await _shown(request, scope=scope, mistake=str(refused), principal=principal)
    return await _shown(request, scope=scope, got=got, principal=principal)


@router.post("/{scope_id}/end")
async def end(request: Request, principal: CurrentUser, scope_id: UUID) -> Response:
    try:
        await services_of(request).post("pricing", f"price-draws/scopes/{scope_id}/end", {}, principal=principal)
    except (ServiceDown, ServiceRefused) as refused:
        return await _shown(request, scope=str(scope_id), mistake=str(refused), principal=principal)
    return RedirectResponse(f"/prices/draws?scope={scope_id}", status_code=303)


async def _shown(
    request: Request,
    *,
    scope: str = "",
    got: Mapping[str, Any] | None = None,
    mistake: str = "",
    principal: Principal,
) -> Response:
    services = services_of(request)
    scopes = (await services.get("pricing", "price-draws/scopes", principal=principal))["items"]
    chosen = next((each for each in scopes if each["scope_id"] == scope), scopes[0] if scopes else None)
    found, deals = None, []
    if chosen:
        found = await services.get("pricing", f"price-draws/scopes/{chosen['scope_id']}/curve", principal=principal)
        asked = {"limit": "200"}
        deals = (await services.get("pricing", "quotes/deals", principal=principal, params=asked))["items"]
        deals = [each for each in deals if _fits(chosen, each)]
    catalogue = await services.get("pricing", "products", principal=principal, params={"limit": "500"})
    return page(
        request,
        "pricing/draws.html",
        status=422 if mistake else 200,
        scopes=scopes,
        chosen=chosen,
        curve=found,
        plot=plot(found) if found else None,
        deals=deals,
        got=got,
        mistake=mistake,
        catalogue=catalogue["items"],
        codes={each["product_id"]: each["code"] for each in catalogue["items"]},
        may_open=bool(principal.roles & OPENERS),
        may_draw=bool(principal.roles & DRAWERS),
    )


def _fits(scope: Mapping[str, Any], deal: Mapping[str, Any]) -> bool:
    return scope["market"] in (None, deal["market"]) and scope["segment"] in (None, deal["segment"])


def plot(curve: Mapping[str, Any]) -> dict[str, Any] | None:
    """The curve and its interval on 1000 x 240, chances from 0 at the foot to 1, with the shares that were won; None without a curve."""
    if not curve["line"]:
        return None
    ratios = [float(each["ratio"]) for each in curve["line"]]
    low, high = min(ratios), max(ratios)

    def at(ratio: str, chance: float) -> str:
        return f"{1000 * (float(ratio) - low) / (high - low):.1f},{240 * (1 - chance):.1f}"

    def along(points: Sequence[Mapping[str, Any]], key: str) -> list[str]:
        return [at(each["ratio"], each[key]) for each in points]

    won = [at(each["ratio"], each["won"] / each["deals"]).split(",") for each in curve["points"] if each["deals"]]
    return {
        "line": along(curve["line"], "chance"),
        "band": along(curve["line"], "high") + along(curve["line"][::-1], "low"),
        "won": won,
    }
