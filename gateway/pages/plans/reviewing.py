"""The forms of the Review room: open a review, say when a plan is reviewed, say what could be done, decide, score again."""

from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import RedirectResponse, Response

from gateway.auth.dependencies import CurrentUser
from gateway.pages.plans import reviews
from gateway.pages.plans.reviews import PATH
from gateway.pages.plans.typed import POINT, number
from gateway.proxy.client import ServiceDown, ServiceRefused, services_of
from libs.common.web.api import Reading
from libs.common.web.auth import Principal

router = APIRouter(include_in_schema=False)

Short = Annotated[str, Form(max_length=40)]
Line = Annotated[str, Form(max_length=500)]
MEANWHILE = "Something was added to the review meanwhile. Look at it as it is now, then decide."


@router.post(PATH)
async def open_review(
    request: Request,
    session: Reading,
    principal: CurrentUser,
    plan: Short = "",
    reason: Line = "",
    once: Short = "",
) -> Response:
    """Open a review by hand."""
    body = {"plan_id": plan, "reason": reason}
    if not reason.strip():
        why = "Say why the plan is reviewed now."
        return await reviews.listed(request, session, plan, mistake=why, principal=principal)
    try:
        made = await services_of(request).post(
            "forecast", "reviews", body, principal=principal, idempotency_key=once or None
        )
    except (ServiceDown, ServiceRefused) as refused:
        return await reviews.listed(request, session, plan, mistake=str(refused), principal=principal)
    return RedirectResponse(f"{PATH}/{made['review']['review_id']}", status_code=303)


@router.post(PATH + "/policies/{plan_id}")
async def set_policy(
    request: Request,
    session: Reading,
    principal: CurrentUser,
    plan_id: UUID,
    day: Short = "",
    chance_node: Short = "",
    chance_below: Short = "",
    gap_node: Short = "",
    gap_above: Short = "",
    on_broken: Short = "",
    sequence: Short = "",
) -> Response:
    """Say when a plan is reviewed; shares are typed in per cent."""
    plan = str(plan_id)
    body: dict[str, Any] = {"on_broken": bool(on_broken), "day_of_month": int(day) if day.isdigit() else None}
    for name, node, typed, bound in (
        ("chance", chance_node, chance_below, "below"),
        ("gap", gap_node, gap_above, "above"),
    ):
        if not typed.strip():
            continue
        share = number(typed)
        if share is None:
            why = f"{typed!r} is not a number of per cent, such as 12.5, {POINT}. Nothing was changed."
            return await reviews.listed(request, session, plan, mistake=why, principal=principal)
        body[name] = {"node_id": node, bound: str(share / 100)}
    try:
        await services_of(request).post(
            "forecast",
            f"reviews/policies/{plan}",
            body,
            principal=principal,
            if_match=f'"{sequence}"' if sequence.isdigit() else None,
        )
    except (ServiceDown, ServiceRefused) as refused:
        return await reviews.listed(request, session, plan, mistake=str(refused), principal=principal)
    return RedirectResponse(f"{PATH}?plan={plan}", status_code=303)


@router.post(PATH + "/{review_id}/options")
async def suggest(
    request: Request,
    session: Reading,
    principal: CurrentUser,
    review_id: UUID,
    kind: Short = "adjust",
    name: Annotated[str, Form(max_length=200)] = "",
    node: Annotated[list[str] | None, Form()] = None,
    by: Annotated[list[str] | None, Form()] = None,
    value: Annotated[list[str] | None, Form()] = None,
    below: Short = "",
    above: Short = "",
    version: Short = "",
    once: Short = "",
) -> Response:
    """Say what could be done. Changes are typed in per cent or in the plan's currency; empty ones are left out."""
    body: dict[str, Any] = {"kind": kind, "name": name.strip()}
    if kind == "new_plan":
        body["version"] = int(version) if version.isdigit() else None
    else:
        changes = []
        for one, how, typed in zip(node or (), by or (), value or (), strict=False):
            if not typed.strip():
                continue
            amount = number(typed)
            if amount is None:
                why = f"{typed!r} is not a number {POINT}. Nothing was added."
                return await reviews.shown(request, session, str(review_id), mistake=why, principal=principal)
            share = how == "share"
            changes.append(
                {
                    "node_id": one,
                    "by": "share" if share else "amount",
                    "value": str(amount / 100 if share else amount),
                    "below": bool(below),
                    "above": bool(above),
                }
            )
        if not changes:
            why = "Say by how much the target of at least one part changes, such as -10 %."
            return await reviews.shown(request, session, str(review_id), mistake=why, principal=principal)
        body["changes"] = changes
    body["name"] = body["name"] or ("A new plan" if kind == "new_plan" else "Other targets")
    return await _sent(request, session, str(review_id), "options", body, principal=principal, once=once)


@router.post(PATH + "/{review_id}/decision")
async def decide(
    request: Request,
    session: Reading,
    principal: CurrentUser,
    review_id: UUID,
    option: Annotated[str, Form(max_length=60)] = "",
    rationale: Annotated[str, Form(max_length=9000)] = "",
    owner: Annotated[str, Form(max_length=200)] = "",
    check_on: Short = "",
    measure: Short = "",
    node: Short = "",
    low: Short = "",
    high: Short = "",
    sequence: Short = "",
    once: Short = "",
) -> Response:
    """Decide, as it was seen."""
    given = {
        "option": option, "rationale": rationale, "owner": owner, "check_on": check_on, "measure": measure, "node": node,
        "low": low, "high": high,
    }  # fmt: skip
    why = _missing(given)
    if why is not None:
        return await reviews.shown(request, session, str(review_id), mistake=why, typed=given, principal=principal)
    choice, _, option_id = option.partition(":")
    body = {
        "choice": choice,
        "option_id": option_id or None,
        "rationale": rationale.strip(),
        "owner": owner.strip(),
        "check_on": check_on,
        "expected": {"measure": measure, "node_id": node, "low": _end(low, measure), "high": _end(high, measure)},
    }
    tag = f'"{sequence}"' if sequence.isdigit() else None
    return await _sent(
        request, session, str(review_id), "decision", body, principal=principal, once=once, if_match=tag, typed=given
    )


def _missing(given: dict[str, str]) -> str | None:
    """What is not said yet, or not as it has to be."""
    if not given["option"]:
        return "Choose what is done."
    if not given["rationale"].strip():
        return "Say why."
    if not given["check_on"]:
        return "Name the day on which this is checked."
    for name in ("low", "high"):
        if given[name].strip() and number(given[name]) is None:
            return f"{given[name]!r} is not a number {POINT}."
    if not given["low"].strip() and not given["high"].strip():
        return "Say what is expected: at least so much, at most so much, or both."
    return None


def _end(typed: str, measure: str) -> str | None:
    """An end of what is expected; a chance is typed in per cent."""
    found = number(typed) if typed.strip() else None
    if found is None:
        return None
    return str(found / Decimal(100) if measure == "chance" else found)


@router.post(PATH + "/{review_id}/scores")
async def score(request: Request, session: Reading, principal: CurrentUser, review_id: UUID) -> Response:
    """Score a decision again by what is known now."""
    return await _sent(request, session, str(review_id), "scores", {}, principal=principal, once="")


async def _sent(
    request: Request,
    session: AsyncSession,
    review_id: str,
    what: str,
    body: dict[str, Any],
    *,
    principal: Principal,
    once: str,
    if_match: str | None = None,
    typed: dict[str, str] | None = None,
) -> Response:
    """Do it and show the review, or show it with why it was refused."""
    try:
        await services_of(request).post(
            "forecast",
            f"reviews/{review_id}/{what}",
            body,
            principal=principal,
            idempotency_key=once or None,
            if_match=if_match,
        )
    except ServiceRefused as refused:
        why = MEANWHILE if refused.status == 412 else str(refused)
        return await reviews.shown(request, session, review_id, mistake=why, typed=typed, principal=principal)
    except ServiceDown as down:
        return await reviews.shown(request, session, review_id, mistake=str(down), typed=typed, principal=principal)
    return RedirectResponse(f"{PATH}/{review_id}", status_code=303)
