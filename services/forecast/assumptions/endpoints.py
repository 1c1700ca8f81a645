"""Assumptions of plans by HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Query, Response

from libs.common.web.api import Reading, Transaction
from libs.common.web.auth import CurrentPrincipal
from libs.common.web.etags import etag
from libs.common.web.uploads import CSV_BODY, CsvBody
from services.forecast.assumptions import reading, stating
from services.forecast.assumptions.schemas import (
    AssumptionDraftIn,
    AssumptionDraftOut,
    AssumptionHistoryOut,
    AssumptionImportOut,
    AssumptionsIn,
    AssumptionsOut,
)
from services.forecast.readings.endpoints import Exported
from services.forecast.readings.export import answer

router = APIRouter(prefix="/plans/{plan_id}/assumptions", tags=["plans"])

IfMatch = Annotated[str | None, Header(max_length=200)]
Version = Annotated[int | None, Query(ge=1, le=100_000, description="without it the newest")]


@router.get("", response_model=AssumptionsOut)
async def read_assumptions(
    plan_id: UUID,
    session: Reading,
    principal: CurrentPrincipal,
    form: Exported,
    response: Response,
    version: Version = None,
) -> AssumptionsOut | Response:
    """What a version of a plan takes for granted, and how that stands at the newest lock. The ETag is the version's."""
    found = await reading.read(session, plan_id, version=version, principal=principal)
    if form is not None:
        return answer(reading.as_table(found), form)
    response.headers["ETag"] = etag(found.sequence)
    return found


@router.post("")
async def state_assumptions(
    plan_id: UUID,
    wanted: AssumptionsIn,
    session: Transaction,
    principal: CurrentPrincipal,
    response: Response,
    if_match: IfMatch = None,
) -> AssumptionsOut:
    """Say what the draft assumes, or take it back: all of it, or none."""
    found = await stating.state(session, plan_id, wanted, if_match=if_match, principal=principal)
    response.headers["ETag"] = etag(found.version.sequence)
    return await reading.shown(session, found, principal=principal)


@router.post("/draft")
async def draft_assumptions(
    plan_id: UUID,
    wanted: AssumptionDraftIn,
    session: Transaction,
    principal: CurrentPrincipal,
    response: Response,
    if_match: IfMatch = None,
) -> AssumptionDraftOut:
    """Propose assumptions from the year before. What a person said is kept."""
    found, count, without = await stating.draft(session, plan_id, wanted, if_match=if_match, principal=principal)
    response.headers["ETag"] = etag(found.version.sequence)
    shown = await reading.shown(session, found, principal=principal)
    return AssumptionDraftOut(proposed=count, not_proposed=without, assumptions=shown)


@router.post("/imports", openapi_extra=CSV_BODY)
async def import_assumptions(
    plan_id: UUID,
    body: CsvBody,
    session: Transaction,
    principal: CurrentPrincipal,
    response: Response,
    if_match: IfMatch = None,
    dry_run: Annotated[bool, Query(description="only say what would become of each line")] = False,
) -> AssumptionImportOut:
    """Take assumptions from a CSV file as it was exported."""
    found, report = await stating.take_file(
        session, plan_id, body, dry_run=dry_run, if_match=if_match, principal=principal
    )
    response.headers["ETag"] = etag(found.version.sequence)
    return report


@router.get("/{assumption_id}")
async def read_assumption(
    plan_id: UUID, assumption_id: UUID, session: Reading, principal: CurrentPrincipal, version: Version = None
) -> AssumptionHistoryOut:
    """One assumption with what was seen at every lock, the newest first."""
    return await reading.history(session, plan_id, assumption_id, version=version, principal=principal)
