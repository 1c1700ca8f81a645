"""The forms beside a deal: who is credited, what is sold, who else offers."""

from decimal import Decimal, InvalidOperation
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import RedirectResponse, Response

from gateway.auth.dependencies import CurrentUser
from gateway.pages.deals.deal import shown
from gateway.pages.deals.dealparts import chosen, staff_of
from gateway.pages.deals.planned import Typed
from gateway.proxy.client import ServiceDown, ServiceRefused, services_of
from libs.common.web.api import Reading
from libs.common.web.auth import Principal

router = APIRouter(include_in_schema=False, prefix="/deals/{deal_id}")

Short = Annotated[str, Form(max_length=40)]
Text = Annotated[str, Form(max_length=200)]
Texts = Annotated[list[str] | None, Form()]


class _Mistyped(ValueError):
    """Something in a form that no service needs to be asked about."""


@router.post("/splits")
async def say_split(
    request: Request,
    session: Reading,
    principal: CurrentUser,
    deal_id: UUID,
    kind: Short = "revenue",
    person: Texts = None,
    percent: Texts = None,
    version: Short = "",
    once: Short = "",
) -> Response:
    """Say who is credited; rows without a person and a share are left out."""
    rows = _rows({"person": person, "percent": percent})
    typed = Typed(f"split-{kind}", _values(rows), "")
    try:
        staff = await staff_of(request, session, principal=principal)
        shares = [{"person_id": _person(each["person"], staff), "share": str(_share(each["percent"]))} for each in rows]
    except _Mistyped as mistyped:
        return await _refused(request, session, deal_id, typed, str(mistyped), principal=principal)
    body = {"kind": kind, "shares": shares}
    return await _said(request, session, deal_id, typed, "splits", body, "credit", once, version, principal=principal)


@router.post("/lines")
async def say_lines(
    request: Request,
    session: Reading,
    principal: CurrentUser,
    deal_id: UUID,
    currency: Short = "",
    product: Texts = None,
    quantity: Texts = None,
    price: Texts = None,
    term_months: Texts = None,
    amount: Texts = None,
    version: Short = "",
    once: Short = "",
) -> Response:
    """Say what is sold; empty rows are left out."""
    given = {"product": product, "quantity": quantity, "price": price, "term_months": term_months, "amount": amount}
    rows = _rows(given)
    typed = Typed("lines", _values(rows) | {"currency": currency}, "")
    lines = [{name: _plain(name, value) for name, value in row.items() if value} for row in rows]
    body = {"currency": currency.strip().upper(), "lines": lines}
    return await _said(request, session, deal_id, typed, "lines", body, "products", once, version, principal=principal)


@router.post("/competitors")
async def say_of_competitor(
    request: Request,
    session: Reading,
    principal: CurrentUser,
    deal_id: UUID,
    competitor: Text = "",
    state: Short = "in_play",
    source: Short = "seller",
    once: Short = "",
) -> Response:
    """Name who else offers, or say what became of them."""
    typed = Typed("competitor", {"competitor": competitor, "state": state, "source": source}, "")
    if not competitor.strip():
        return await _refused(request, session, deal_id, typed, "Say who else offers.", principal=principal)
    body = {"competitor": competitor, "state": state, "source": source}
    return await _said(
        request, session, deal_id, typed, "competitors", body, "competitors", once, "", principal=principal
    )


async def _said(
    request: Request,
    session: AsyncSession,
    deal_id: UUID,
    typed: Typed,
    path: str,
    body: dict[str, Any],
    card: str,
    once: str,
    version: str,
    *,
    principal: Principal,
) -> Response:
    """Say it and show the card again; what is refused is shown with what was typed and why."""
    try:
        await services_of(request).post(
            "deals",
            f"deals/{deal_id}/{path}",
            body,
            principal=principal,
            idempotency_key=f"{typed.form}:{once}" if once else None,
            if_match=version or None,
        )
    except ServiceDown as down:
        mistake = f"{down} What you typed is kept."
        return await _refused(request, session, deal_id, typed, mistake, down.status, principal=principal)
    except ServiceRefused as refused:
        mistake = str(refused).removeprefix("shares: ").removeprefix("state: ")
        if refused.status == 412:
            mistake = "Somebody else said something of this deal meanwhile. It is shown above; send yours again to put it in its place."
        return await _refused(request, session, deal_id, typed, mistake, principal=principal)
    return RedirectResponse(f"/deals/{deal_id}#{card}", status_code=303)


async def _refused(
    request: Request,
    session: AsyncSession,
    deal_id: UUID,
    typed: Typed,
    mistake: str,
    status: int = 422,
    *,
    principal: Principal,
) -> Response:
    form = Typed(typed.form, typed.values, mistake, status)
    return await shown(request, session, deal_id, typed=form, principal=principal)


def _rows(columns: dict[str, list[str] | None]) -> list[dict[str, str]]:
    """Rows of a form that are not empty."""
    longest = max((len(each or ()) for each in columns.values()), default=0)
    rows = [{name: _at(values, place) for name, values in columns.items()} for place in range(longest)]
    return [row for row in rows if any(row.values())]


def _at(values: list[str] | None, place: int) -> str:
    return values[place].strip()[:200] if values and place < len(values) else ""


def _values(rows: list[dict[str, str]]) -> dict[str, str]:
    """What was typed by name and row."""
    return {f"{name} {place}": value for place, row in enumerate(rows) for name, value in row.items()}


def _person(typed: str, staff: list[tuple[str, str]]) -> str:
    found = chosen(typed, staff)
    try:
        return str(UUID(found))
    except ValueError:
        told = f"{typed!r} is nobody whom you see; choose one of the names." if typed else "Say who gets each share."
        raise _Mistyped(told) from None


def _share(typed: str) -> Decimal:
    try:
        return Decimal(typed.replace("%", "").replace(",", ".").strip()) / 100
    except InvalidOperation:
        told = f"{typed!r} is no share; write percent, such as 60." if typed else "Say how much each person gets."
        raise _Mistyped(told) from None


def _plain(name: str, typed: str) -> str:
    """A number as people group it, without the groups."""
    return typed if name == "product" else typed.replace(" ", "").replace(",", "")
