"""The matrix of accounts and products, and what people do with a cell: say what they know, or open an opportunity."""

from dataclasses import asdict, dataclass, replace
from typing import Annotated, Any, Final
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Query, Request
from starlette.responses import RedirectResponse, Response

from gateway.auth.dependencies import CurrentUser
from gateway.pages.templates import page
from gateway.proxy.client import ServiceRefused, services_of
from libs.common.ids import new_id, provisional_deal_id
from libs.common.web.errors import Invalid

router = APIRouter(include_in_schema=False, prefix="/accounts")

MAY_ACT: Final = frozenset({"seller", "manager", "sales_ops", "cso", "admin"})
STATES: Final = {
    "owned": "Owned",
    "open": "Open",
    "potential": "Potential",
    "competitor": "Competitor",
    "not_applicable": "Not applicable",
    "unknown": "Unknown",
}
SOURCE: Final = "whitespace"
REASON: Final = "Opened from white space"

Word = Annotated[str, Query(max_length=200)]
Text = Annotated[str, Form(max_length=200)]


class NoSuchCell(Invalid):
    """What was sent names no account and product."""


@dataclass(frozen=True)
class WhitespaceView:
    """What the address asks for."""

    q: str = ""
    tier: str = ""
    segment: str = ""
    market: str = ""
    cursor: str = ""

    def asked(self, **changes: str) -> dict[str, str]:
        """The parameters of the API."""
        return {name: value for name, value in asdict(replace(self, **changes)).items() if value}

    def href(self, path: str, **changes: str) -> str:
        """An address with this view's parameters and changes."""
        given = self.asked(**changes)
        return f"{path}?{urlencode(given)}" if given else path


def whitespace_view(
    q: Word = "",
    tier: Word = "",
    segment: Word = "",
    market: Word = "",
    cursor: Annotated[str, Query(max_length=500)] = "",
) -> WhitespaceView:
    return WhitespaceView(q, tier, segment, market, cursor)


@router.get("/whitespace")
async def whitespace(
    request: Request, principal: CurrentUser, view: Annotated[WhitespaceView, Depends(whitespace_view)]
) -> Response:
    """Which products accounts have, are offered, could buy, buy elsewhere; and what nobody knows."""
    found = await services_of(request).get("deals", "accounts/whitespace", principal=principal, params=view.asked())
    return page(
        request,
        "accounts/whitespace.html",
        view=view,
        found=found,
        states=STATES,
        may_act=bool(principal.roles & MAY_ACT),
        once=str(new_id()),
        csv_href=view.href("/api/v1/accounts/whitespace.csv", cursor=""),
        next_href=view.href("/accounts/whitespace", cursor=found["next_cursor"]) if found["next_cursor"] else None,
    )


@router.post("/whitespace/open")
async def open_opportunity(
    request: Request,
    principal: CurrentUser,
    cell: Annotated[str, Form(max_length=300)] = "",
    once: Annotated[str, Form(max_length=40)] = "",
) -> Response:
    """Capture a lead of the account for the product and qualify it, so that its deal opens; the same form again opens no other."""
    account_id, product = _read(cell)
    services = services_of(request)
    row = await services.get("deals", f"accounts/{account_id}/whitespace", principal=principal)
    of_product = next((each for each in row["cells"] if each["product"] == product), None)
    if of_product is None:
        raise NoSuchCell(f"cell: {product!r} is no product of the matrix.")
    worth = of_product["worth"] or {"amount": None, "currency": None}
    wanted = {name: row[name] for name in ("account_id", "segment", "region", "market")}
    wanted |= {"company": row["name"], "product": product, "source": SOURCE}
    wanted |= {"amount": worth["amount"], "currency": worth["currency"]}
    key = f"whitespace:{once}:{cell}" if once else None
    lead = await services.post("leads", "leads", wanted, principal=principal, idempotency_key=key)
    if lead["verdict"] != "qualified":
        await services.post("leads", f"leads/{lead['lead_id']}/qualify", {"reason": REASON}, principal=principal)
    deal_id = provisional_deal_id(UUID(lead["lead_id"]))
    return RedirectResponse(f"/accounts/{account_id}?{urlencode({'opened': str(deal_id)})}", status_code=303)


@router.post("/{account_id}/whitespace")
async def say(
    request: Request,
    principal: CurrentUser,
    account_id: UUID,
    product: Text = "",
    says: Annotated[str, Form(max_length=20)] = "",
    competitor: Text = "",
    once: Annotated[str, Form(max_length=40)] = "",
) -> Response:
    """Say what is known of a product at the account."""
    body: dict[str, Any] = {"product": product, "says": says}
    if says == "competitor":
        body["competitor"] = competitor.strip() or None
    mistake = ""
    try:
        await services_of(request).post(
            "deals", f"accounts/{account_id}/whitespace", body, principal=principal, idempotency_key=once or None
        )
    except ServiceRefused as refused:
        mistake = str(refused)
    query = f"?{urlencode({'refused': mistake})}" if mistake else ""
    return RedirectResponse(f"/accounts/{account_id}{query}#whitespace", status_code=303)


def _read(cell: str) -> tuple[UUID, str]:
    account, _, product = cell.partition("|")
    try:
        return UUID(account), product
    except ValueError:
        raise NoSuchCell("cell: choose a product of an account in the matrix.") from None
