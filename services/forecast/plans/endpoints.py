"""Plans by HTTP: made, changed, approved and read."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Header, Query, Response

from libs.common.web.api import Reading, Transaction
from libs.common.web.auth import CurrentPrincipal
from libs.common.web.etags import etag
from libs.common.web.idempotency import IdempotencyKey
from libs.common.web.uploads import CSV_BODY, CsvBody
from services.forecast.plans import approving, drafting, editing, importing, reading, service
from services.forecast.plans.export import tree_table
from services.forecast.plans.schemas import (
    AllocationIn,
    BoundOut,
    CapacitiesOut,
    DifferenceOut,
    DraftIn,
    EditIn,
    Measure,
    NoteIn,
    PlanImportOut,
    PlanIn,
    PlanOut,
    PlansOut,
    PlanTreeOut,
    TextsOut,
    ViewOut,
)
from services.forecast.plans.service import Found
from services.forecast.plans.tree import Dimension
from services.forecast.readings.endpoints import Exported
from services.forecast.readings.export import answer

router = APIRouter(prefix="/plans", tags=["plans"])

IfMatch = Annotated[str | None, Header(max_length=200)]
Version = Annotated[int | None, Query(ge=1, le=100_000, description="without it the newest")]
Measured = Annotated[Measure, Query(description="what the numbers are of")]
Top = Annotated[UUID | None, Query(description="a node; without it the root")]


def _told(found: Found, response: Response) -> PlanOut:
    response.headers["ETag"] = etag(found.version.sequence)
    return reading.plan_out(found)


@router.post("", status_code=201)
async def make_plan(
    wanted: PlanIn,
    session: Transaction,
    principal: CurrentPrincipal,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> PlanOut:
    """Begin a plan for a unit and a period: a draft with nothing but its root."""
    found = await service.make(session, wanted, idempotency_key=idempotency_key, principal=principal)
    response.headers["Location"] = f"plans/{found.row['plan_id']}"
    return _told(found, response)


@router.get("")
async def list_plans(
    session: Reading,
    principal: CurrentPrincipal,
    org: Annotated[UUID | None, Query(description="a unit; without it all within scope")] = None,
    period: Annotated[
        str | None, Query(max_length=20, description="plans that touch 2026Q4, 2026-11 or FY2026")
    ] = None,
) -> PlansOut:
    """Plans of units within scope, at most 200, each with the version that holds, else its newest."""
    found = await service.listed(session, period=period, unit=org, principal=principal)
    return PlansOut(items=[reading.plan_out(each) for each in found])


@router.get("/{plan_id}")
async def read_plan(
    plan_id: UUID, session: Reading, principal: CurrentPrincipal, response: Response, version: Version = None
) -> PlanOut:
    """A plan with its versions; the ETag is of the version that is shown."""
    return _told(await service.find(session, plan_id, version=version, principal=principal), response)


@router.get("/{plan_id}/bound")
async def read_bound(plan_id: UUID, session: Reading, principal: CurrentPrincipal, version: Version = None) -> BoundOut:
    """Which total a plan in force above binds this one to, and by how much it differs."""
    return await reading.bound(session, plan_id, version=version, principal=principal)


@router.post("/{plan_id}/versions", status_code=201)
async def make_version(
    plan_id: UUID,
    session: Transaction,
    principal: CurrentPrincipal,
    response: Response,
    since: Annotated[
        int | None, Query(ge=1, le=100_000, description="the version to begin with; without it the newest")
    ] = None,
    idempotency_key: IdempotencyKey = None,
) -> PlanOut:
    """Begin a new draft with all that stands in an earlier version."""
    found = await service.renew(session, plan_id, since=since, idempotency_key=idempotency_key, principal=principal)
    return _told(found, response)


@router.get("/{plan_id}/nodes", response_model=PlanTreeOut)
async def read_nodes(
    plan_id: UUID,
    session: Reading,
    principal: CurrentPrincipal,
    form: Exported,
    version: Version = None,
    measure: Measured = "bookings",
    node: Top = None,
    levels: Annotated[int | None, Query(ge=0, le=20, description="how far below; without it all the way")] = 1,
    period: Annotated[list[str] | None, Query(max_length=17, description="periods of the plan; without it all")] = None,
) -> PlanTreeOut | Response:
    """A node and what is below it, with what is wanted of each; a file has the whole tree."""
    found = await reading.tree(
        session,
        plan_id,
        version=version,
        measure=measure,
        top=node,
        levels=levels if form is None else None,
        periods=period,
        principal=principal,
    )
    return found if form is None else answer(tree_table(found), form)


@router.post("/{plan_id}/edits")
async def edit_plan(
    plan_id: UUID,
    wanted: EditIn,
    session: Transaction,
    principal: CurrentPrincipal,
    response: Response,
    if_match: IfMatch = None,
) -> PlanOut:
    """Change nodes, numbers and texts of the draft: all of it, or none."""
    return _told(await editing.edit(session, plan_id, wanted, if_match=if_match, principal=principal), response)


@router.post("/{plan_id}/allocations")
async def allocate(
    plan_id: UUID,
    wanted: AllocationIn,
    session: Transaction,
    principal: CurrentPrincipal,
    response: Response,
    if_match: IfMatch = None,
) -> PlanOut:
    """Divide a node's number over what is below it, or over months. Numbers that a person gave are kept."""
    return _told(await editing.allocate(session, plan_id, wanted, if_match=if_match, principal=principal), response)


@router.post("/{plan_id}/draft")
async def draft_plan(
    plan_id: UUID,
    wanted: DraftIn,
    session: Transaction,
    principal: CurrentPrincipal,
    response: Response,
    if_match: IfMatch = None,
) -> PlanOut:
    """Make the draft anew from what the year before brought."""
    return _told(await drafting.draft(session, plan_id, wanted, if_match=if_match, principal=principal), response)


@router.post("/{plan_id}/imports", openapi_extra=CSV_BODY)
async def import_plan(
    plan_id: UUID,
    body: CsvBody,
    session: Transaction,
    principal: CurrentPrincipal,
    response: Response,
    if_match: IfMatch = None,
    dry_run: Annotated[bool, Query(description="only say what would become of each line")] = False,
) -> PlanImportOut:
    """Take numbers from a CSV file as it was exported; a line that cannot be taken is named, and loses nothing else."""
    found, report = await importing.take(
        session, plan_id, body, dry_run=dry_run, if_match=if_match, principal=principal
    )
    response.headers["ETag"] = etag(found.version.sequence)
    return report


@router.post("/{plan_id}/{step}")
async def step_plan(
    plan_id: UUID,
    step: Literal["propose", "return", "approve", "activate"],
    wanted: NoteIn,
    session: Transaction,
    principal: CurrentPrincipal,
    response: Response,
    if_match: IfMatch = None,
) -> PlanOut:
    """Propose a draft, return or approve what was proposed, activate what was approved. `If-Match` names what was seen."""
    steps = {
        "propose": approving.propose,
        "return": approving.send_back,
        "approve": approving.approve,
        "activate": approving.activate,
    }
    found = await steps[step](session, plan_id, note=wanted.note, if_match=if_match, principal=principal)
    return _told(found, response)


@router.get("/{plan_id}/views")
async def read_view(
    plan_id: UUID,
    session: Reading,
    principal: CurrentPrincipal,
    dimension: Annotated[Dimension, Query(description="by what the plan is cut")],
    version: Version = None,
    measure: Measured = "bookings",
    period: Annotated[
        str | None, Query(max_length=20, description="a period of the plan; without it all of it")
    ] = None,
) -> ViewOut:
    """The plan cut by a dimension wherever that stands in it: parts and what is unallocated make the whole."""
    return await reading.view(
        session, plan_id, version=version, measure=measure, dimension=dimension, period=period, principal=principal
    )


@router.get("/{plan_id}/differences")
async def read_difference(
    plan_id: UUID,
    session: Reading,
    principal: CurrentPrincipal,
    since: Annotated[int, Query(ge=1, le=100_000)],
    to: Annotated[int, Query(ge=1, le=100_000)],
) -> DifferenceOut:
    """What one version has that another has not."""
    return await reading.difference(session, plan_id, since=since, to=to, principal=principal)


@router.get("/{plan_id}/capacity")
async def read_capacity(
    plan_id: UUID,
    session: Reading,
    principal: CurrentPrincipal,
    version: Version = None,
    measure: Measured = "bookings",
    node: Top = None,
) -> CapacitiesOut:
    """What is wanted of a node and those right below it, beside the best each has ever done."""
    return await reading.capacity(session, plan_id, version=version, measure=measure, top=node, principal=principal)


@router.get("/{plan_id}/texts")
async def read_texts(plan_id: UUID, session: Reading, principal: CurrentPrincipal, version: Version = None) -> TextsOut:
    """What a version says of markets, with its campaigns and promotions."""
    return await reading.texts(session, plan_id, version=version, principal=principal)
