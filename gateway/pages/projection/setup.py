"""The page *Four questions*: what stands in for history until there is some, answered by people."""

import contextlib
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Form, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import RedirectResponse, Response

from gateway.auth.dependencies import CurrentUser
from gateway.pages import saying
from gateway.pages.format import percent, whole
from gateway.pages.names import speakers
from gateway.pages.templates import page
from gateway.proxy.client import ServiceDown, ServiceRefused, services_of
from libs.common.ids import new_id
from libs.common.web.api import Reading
from libs.common.web.auth import Principal

router = APIRouter(include_in_schema=False)

PATH = "/projection/setup"
ANSWERERS = frozenset({"sales_ops", "cso", "admin"})
Text = Annotated[str, Form(max_length=200)]


class Words(NamedTuple):
    """A question: its label, and what it means."""

    label: str
    meaning: str


QUESTIONS = {
    "win_rate": Words("Deals that are won, %", "of all deals that are closed"),
    "cycle_days": Words("Days from creation to close", "half of the deals take less, half take more"),
    "deals_a_month": Words("Deals created a month", "in a usual month"),
    "won_amount": Words("What a won deal brings", "on average, in the currency of the totals"),
}


def typed(values: Mapping[str, str]) -> dict[str, str]:
    """The answers as the forecast takes them; what is no number is left for it to refuse."""
    found = {name: saying.amount(text.replace("%", "")) or "" for name, text in values.items()}
    with contextlib.suppress(InvalidOperation):
        found["win_rate"] = str(Decimal(found["win_rate"]) / 100)
    return found


def shown(found: Mapping[str, Any]) -> dict[str, str]:
    """What the fields begin with: the answer, else what history says, else what is assumed."""
    answers = found["answers"] or {}
    begin = {name: answers.get(name) or found["history"][name] or found["assumed"][name] or "" for name in QUESTIONS}
    if begin["win_rate"]:
        begin["win_rate"] = f"{Decimal(begin['win_rate']) * 100:.1f}".removesuffix(".0")
    for name in ("cycle_days", "deals_a_month"):
        begin[name] = str(max(1, round(Decimal(begin[name]))))
    return begin


def written(name: str, answer: str | None) -> str:
    """An answer in words."""
    if answer is None:
        return ""
    return percent(answer) if name == "win_rate" else whole(answer)


@router.get(PATH)
async def read(request: Request, session: Reading, principal: CurrentUser) -> Response:
    """The four questions with what was answered and what history says."""
    return await _page(request, session, principal=principal)


@router.post(PATH)
async def answer(
    request: Request,
    session: Reading,
    principal: CurrentUser,
    win_rate: Text = "",
    cycle_days: Text = "",
    deals_a_month: Text = "",
    won_amount: Text = "",
    once: Annotated[str, Form(max_length=64)] = "",
) -> Response:
    """Keep the answers. Refused ones are shown again, with what is wrong where."""
    values = {
        "win_rate": win_rate,
        "cycle_days": cycle_days,
        "deals_a_month": deals_a_month,
        "won_amount": won_amount,
    }
    try:
        await services_of(request).post(
            "forecast", "forecast/setup", typed(values), principal=principal, idempotency_key=once or None
        )
    except ServiceDown as down:
        mistakes = {saying.FORM: f"{down} What you typed is kept."}
        return await _page(request, session, values=values, mistakes=mistakes, status=down.status, principal=principal)
    except ServiceRefused as refused:
        mistakes = saying.mistakes(refused.problem, values)
        return await _page(request, session, values=values, mistakes=mistakes, status=422, principal=principal)
    return RedirectResponse(PATH, status_code=303)


async def _page(
    request: Request,
    session: AsyncSession,
    *,
    values: Mapping[str, str] | None = None,
    mistakes: Mapping[str, str] | None = None,
    status: int = 200,
    principal: Principal,
) -> Response:
    found = await services_of(request).get("forecast", "forecast/setup", principal=principal)
    by = found["given_by"]
    people = await speakers(session, {by} if by else set(), principal=principal)
    return page(
        request,
        "projection/setup.html",
        status=status,
        found=found,
        questions=QUESTIONS,
        values=values or shown(found),
        mistakes=mistakes or {},
        written=written,
        people=people,
        may_answer=bool(principal.roles & ANSWERERS),
        once=str(new_id()),
    )
