"""Close plans over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Path, Response

from libs.common.web.api import Reading, Transaction
from libs.common.web.auth import CurrentPrincipal
from libs.common.web.etags import etag
from libs.common.web.idempotency import IdempotencyKey
from services.deals.closeplans import editing, reading, service
from services.deals.closeplans.schemas import (
    HistoryOut,
    PlanIn,
    PlanOut,
    SharedOut,
    TaskIn,
    TemplateIn,
    TemplateOut,
    TemplatesOut,
    TickIn,
)

router = APIRouter(tags=["close plans"])

IfMatch = Annotated[str | None, Header(max_length=200)]
TemplateKey = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]


@router.get("/close-plans/templates")
async def list_templates(session: Reading, principal: CurrentPrincipal) -> TemplatesOut:
    """The newest version of every template, with the durations learnt from closed deals."""
    return await reading.templates(session, principal=principal)


@router.put("/close-plans/templates/{template}")
async def put_template(
    template: TemplateKey,
    body: TemplateIn,
    session: Transaction,
    principal: CurrentPrincipal,
    response: Response,
    if_match: IfMatch = None,
) -> TemplateOut:
    """Write a template's next version. Needs the role sales_ops."""
    await editing.put_template(session, template, body, if_match=if_match, principal=principal)
    (found,) = (await reading.templates(session, template, principal=principal)).items
    response.headers["ETag"] = etag(found.version)
    return found


@router.get("/deals/{deal_id}/close-plan")
async def read_plan(deal_id: UUID, session: Reading, principal: CurrentPrincipal, response: Response) -> PlanOut:
    """The deal's plan with the critical path and P50 and P80 of when it will be done, against the CRM's close date."""
    return await _answer(session, deal_id, principal, response)


@router.post("/deals/{deal_id}/close-plan", status_code=201)
async def begin_plan(
    deal_id: UUID,
    body: PlanIn,
    session: Transaction,
    principal: CurrentPrincipal,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> PlanOut:
    """Begin the deal's plan from a template."""
    await service.begin(session, deal_id, body, idempotency_key=idempotency_key, principal=principal)
    return await _answer(session, deal_id, principal, response)


@router.get("/deals/{deal_id}/close-plan/history")
async def read_history(deal_id: UUID, session: Reading, principal: CurrentPrincipal) -> HistoryOut:
    """All that was said of the deal's plan."""
    return await reading.history(session, deal_id, principal=principal)


@router.post("/deals/{deal_id}/close-plan/tasks", status_code=201)
async def add_task(
    deal_id: UUID,
    body: TaskIn,
    session: Transaction,
    principal: CurrentPrincipal,
    response: Response,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> PlanOut:
    """Add a task to the deal's plan."""
    await service.add_task(
        session, deal_id, body, if_match=if_match, idempotency_key=idempotency_key, principal=principal
    )
    return await _answer(session, deal_id, principal, response)


@router.put("/deals/{deal_id}/close-plan/tasks/{task_id}")
async def change_task(
    deal_id: UUID,
    task_id: UUID,
    body: TaskIn,
    session: Transaction,
    principal: CurrentPrincipal,
    response: Response,
    if_match: IfMatch = None,
) -> PlanOut:
    """Change a task of the deal's plan."""
    await service.change_task(session, deal_id, task_id, body, if_match=if_match, principal=principal)
    return await _answer(session, deal_id, principal, response)


@router.delete("/deals/{deal_id}/close-plan/tasks/{task_id}")
async def remove_task(
    deal_id: UUID,
    task_id: UUID,
    session: Transaction,
    principal: CurrentPrincipal,
    response: Response,
    if_match: IfMatch = None,
) -> PlanOut:
    """Remove a task; those that waited for it wait for what it waited for."""
    await service.remove_task(session, deal_id, task_id, if_match=if_match, principal=principal)
    return await _answer(session, deal_id, principal, response)


@router.post("/deals/{deal_id}/close-plan/tasks/{task_id}/tick")
async def tick(
    deal_id: UUID,
    task_id: UUID,
    body: TickIn,
    session: Transaction,
    principal: CurrentPrincipal,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> PlanOut:
    """Say that a task is done, or is not."""
    await service.tick(session, deal_id, task_id, body, idempotency_key=idempotency_key, principal=principal)
    return await _answer(session, deal_id, principal, response)


@router.get("/close-plans/{plan_id}/shared")
async def read_shared(plan_id: UUID, session: Reading, principal: CurrentPrincipal) -> SharedOut:
    """What a buyer sees; only for the gateway on behalf of a buyer's link."""
    return await reading.shared(session, plan_id, principal=principal)


@router.post("/close-plans/{plan_id}/shared/tasks/{task_id}/tick")
async def tick_shared(
    plan_id: UUID,
    task_id: UUID,
    body: TickIn,
    session: Transaction,
    principal: CurrentPrincipal,
    idempotency_key: IdempotencyKey = None,
) -> SharedOut:
    """What a buyer says of a task of theirs; only for the gateway on behalf of a buyer's link."""
    await service.tick_shared(session, plan_id, task_id, body, idempotency_key=idempotency_key, principal=principal)
    return await reading.shared(session, plan_id, principal=principal)


async def _answer(session: Reading, deal_id: UUID, principal: CurrentPrincipal, response: Response) -> PlanOut:
    found = await reading.plan(session, deal_id, principal=principal)
    response.headers["ETag"] = etag(found.version)
    return found
