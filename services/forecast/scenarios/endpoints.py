"""Scenarios by HTTP."""

from decimal import Decimal
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Query, Response
from pydantic import AwareDatetime

from libs.common.web.api import Reading, Transaction
from libs.common.web.auth import CurrentPrincipal
from libs.common.web.etags import etag
from libs.common.web.idempotency import IdempotencyKey
from services.forecast.scenarios import reading, service
from services.forecast.scenarios.schemas import ComparisonReading, ScenarioIn, ScenarioOut, ScenariosOut

router = APIRouter(prefix="/forecast/scenarios", tags=["projection"])

IfMatch = Annotated[str | None, Header(max_length=200)]


@router.post("", status_code=201)
async def save_scenario(
    wanted: ScenarioIn,
    session: Transaction,
    principal: CurrentPrincipal,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> ScenarioOut:
    """Keep what is supposed under a name; the same name again, of the same question, is the next version."""
    found = await service.save(session, wanted, idempotency_key=idempotency_key, principal=principal)
    response.headers["Location"] = f"scenarios/{found.scenario_id}"
    response.headers["ETag"] = etag(found.version)
    return found


@router.get("")
async def list_scenarios(
    session: Reading,
    principal: CurrentPrincipal,
    org: Annotated[UUID | None, Query(description="a unit; without it all within scope")] = None,
    period: Annotated[str | None, Query(max_length=20, description="2026Q4, 2026-11 or FY2026")] = None,
    withdrawn: Annotated[bool, Query(description="with those that were taken back")] = False,
) -> ScenariosOut:
    """Scenarios of units within scope, newest first, at most 200, each supposition with how its deal stands now."""
    found = await service.listed(session, unit=org, period=period, withdrawn=withdrawn, principal=principal)
    return ScenariosOut(items=found)


@router.get("/compared")
async def compare_scenarios(
    session: Reading,
    principal: CurrentPrincipal,
    scenario: Annotated[list[str], Query(description="one to four: <id>, or <id>:<version> for what was saved then")],
    as_of: Annotated[AwareDatetime | None, Query(description="as valid at this instant")] = None,
    known_at: Annotated[AwareDatetime | None, Query(description="as known at this instant")] = None,
    target: Annotated[Decimal | None, Query(ge=0, max_digits=20, description="how likely is at least this?")] = None,
) -> ComparisonReading:
    """Scenarios side by side at one pair of instants, with what each supposition changes."""
    wanted = reading.named(scenario)
    return await reading.read(session, wanted, as_of=as_of, known_at=known_at, target=target, principal=principal)


@router.get("/{scenario_id}")
async def read_scenario(
    scenario_id: UUID, session: Reading, principal: CurrentPrincipal, response: Response
) -> ScenarioOut:
    """One scenario as it stands."""
    found = await service.read(session, scenario_id, principal=principal)
    response.headers["ETag"] = etag(found.version)
    return found


@router.post("/{scenario_id}/withdraw")
async def withdraw_scenario(
    scenario_id: UUID,
    session: Transaction,
    principal: CurrentPrincipal,
    response: Response,
    if_match: IfMatch = None,
) -> ScenarioOut:
    """Take a scenario back by a new entry; its versions stay readable by number."""
    found = await service.withdraw(session, scenario_id, if_match=if_match, principal=principal)
    response.headers["ETag"] = etag(found.version)
    return found
