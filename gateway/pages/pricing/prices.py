"""The pricing desk: a price checked before it is offered, and what the published bands changed."""

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from gateway.auth.dependencies import CurrentUser
from gateway.pages.pricing.quotes import WRITERS
from gateway.pages.templates import page
from gateway.proxy.client import ServiceRefused, Services, services_of
from libs.common.ids import new_id
from libs.common.web.auth import Principal

router = APIRouter(include_in_schema=False)

MOST_LINES = 20
SHOWN_CHANGES = 15
STANDINGS = {
    "below_policy": ("Below the policy", "bad"),
    "below_floor": ("Below the floor", "bad"),
    "below_target": ("Between floor and target", "warn"),
    "below_stretch": ("Between target and stretch", "good"),
    "above_stretch": ("At stretch or above", "good"),
    "within_policy": ("Within the policy", "good"),
    "unknown": ("Unknown", "none"),
}
_EDGES = ("floor", "target", "stretch")

Typed = Annotated[list[str] | None, Query(max_length=MOST_LINES)]
Short = Annotated[str, Query(max_length=100)]


@router.get("/prices")
async def prices(
    request: Request,
    principal: CurrentUser,
    currency: Annotated[str, Query(max_length=3)] = "EUR",
    market: Short = "",
    segment: Short = "",
    product: Typed = None,
    quantity: Typed = None,
    price: Typed = None,
    version: Annotated[str, Query(max_length=10)] = "",
    deal: Annotated[str, Query(max_length=40)] = "",
) -> Response:
    """The desk. A check stands in the address, so that it can be sent to somebody; it keeps nothing."""
    services = services_of(request)
    typed = _typed(product or [], quantity or [], price or [])
    mistakes = _mistakes(typed)
    check, refusal = None, None
    wanted = [line for line in typed if line["product"]]
    if wanted and not mistakes:
        check, refusal = await _check(services, currency, market, segment, wanted, principal=principal)
    catalogue = await services.get("pricing", "products", principal=principal, params={"limit": "500"})
    publications = await services.get("pricing", "guidance/publications", principal=principal)
    deals = (
        await services.get("pricing", "quotes/deals", principal=principal, params={"limit": "200"}) if check else None
    )
    chosen = await _published(services, version, publications["items"], principal=principal)
    return page(
        request,
        "pricing/prices.html",
        catalogue=catalogue["items"],
        deals=deals["items"] if deals else [],
        deal=deal,
        priced=wanted,
        once=str(new_id()),
        may_quote=bool(principal.roles & WRITERS),
        typed=[*typed, {"product": "", "quantity": "1", "price": ""}][: max(2, len(wanted) + 1)],
        about={"currency": currency, "market": market, "segment": segment},
        mistakes=mistakes,
        check=check,
        refusal=refusal,
        plots=[plot(line["ratio"], line["guidance"]["edges"]) for line in check["lines"]] if check else [],
        whole=plot(check["ratio"], check["edges"]) if check else None,
        standings=STANDINGS,
        publications=publications["items"],
        chosen=chosen,
        changes=largest(chosen["changes"]) if chosen else [],
        may_preview=bool(principal.roles & {"sales_ops", "finance", "cso", "ceo", "admin"}),
    )


async def _check(
    services: Services,
    currency: str,
    market: str,
    segment: str,
    lines: Sequence[Mapping[str, str]],
    *,
    principal: Principal,
) -> tuple[dict[str, Any] | None, str | None]:
    body = {
        "currency": currency.strip().upper(),
        "market": market.strip() or None,
        "segment": segment.strip() or None,
        "lines": [
            {"product_id": line["product"], "quantity": line["quantity"], "unit_price": line["price"]} for line in lines
        ],
    }
    try:
        return await services.post("pricing", "price-checks", body, principal=principal), None
    except ServiceRefused as refused:
        if refused.status != 422:
            raise
        return None, str(refused)


async def _published(
    services: Services, version: str, publications: Sequence[Mapping[str, Any]], *, principal: Principal
) -> dict[str, Any] | None:
    if version == "next":
        return await services.get("pricing", "guidance/next", principal=principal)
    if not publications:
        return None
    known = {str(each["version"]) for each in publications}
    wanted = version if version in known else publications[0]["version"]
    return await services.get("pricing", f"guidance/publications/{wanted}", principal=principal)


def _typed(products: Sequence[str], quantities: Sequence[str], prices: Sequence[str]) -> list[dict[str, str]]:
    """Rows of the form that say something; a row is as long as its product."""
    rows = []
    for place, product in enumerate(products):
        quantity = quantities[place].strip() if place < len(quantities) else ""
        price = prices[place].strip() if place < len(prices) else ""
        if product:
            rows.append({"product": product, "quantity": quantity or "1", "price": price})
    return rows


def _mistakes(rows: Sequence[Mapping[str, str]]) -> dict[int, str]:
    """By row, what is wrong with it."""
    found = {}
    for place, row in enumerate(rows):
        if not _is_amount(row["price"]):
            found[place] = "Write the price of one, such as 84.50."
        elif not _is_amount(row["quantity"]) or Decimal(row["quantity"]) <= 0:
            found[place] = "Write a quantity above 0."
    return found


def _is_amount(text: str) -> bool:
    try:
        return Decimal(text).is_finite() and Decimal(text) >= 0
    except InvalidOperation:
        return False


def plot(ratio: str | None, edges: Mapping[str, str] | None) -> dict[str, Any] | None:
    """Places of a bullet plot on a scale of 0 to 1000 that holds the band and the price; None without a band."""
    if edges is None:
        return None
    values = {name: float(edges[name]) for name in _EDGES}
    every = [*values.values(), *([float(ratio)] if ratio is not None else [])]
    room = max(0.05, (max(every) - min(every)) * 0.15)
    low, high = max(0.0, min(every) - room), max(every) + room

    def at(share: float) -> float:
        return round(1000 * (share - low) / (high - low), 1)

    places = {name: at(share) for name, share in values.items()}
    return {**places, "price": None if ratio is None else at(float(ratio)), "low": low, "high": high}


def largest(changes: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The bands whose target moved furthest, those that came or went first; the move is in points of list price."""
    told = []
    for change in changes:
        before, after = change["before"], change["after"]
        moved = Decimal(after["target"]) - Decimal(before["target"]) if before and after else None
        told.append({**change, "moved": moved})
    told.sort(key=lambda each: (each["moved"] is not None, -abs(each["moved"] or 0), len(each["path"])))
    return told[:SHOWN_CHANGES]
