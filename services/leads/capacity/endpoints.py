"""What is set about the flow of leads, and who is away, by HTTP."""

from datetime import date, datetime, timedelta
from uuid import UUID

from fastapi import APIRouter

from libs.common import clock
from libs.common.web.api import Reading, Transaction
from libs.common.web.auth import CurrentPrincipal
from services.leads.capacity import service
from services.leads.capacity.flow import SHIPPED_LEAD_HOURS, SHIPPED_RESPONSE_HOURS, FlowIn
from services.leads.capacity.models import Flow
from services.leads.capacity.schemas import AbsenceDaysIn, AbsenceIn, AbsenceOut, AbsencesOut, FlowOut

router = APIRouter(prefix="/leads", tags=["capacity"])

_AHEAD = timedelta(days=90)


@router.get("/flow")
async def read_flow(session: Reading, principal: CurrentPrincipal) -> FlowOut:
    """Hours of people and of leads, working time and response clocks as they are set."""
    return _flow(await service.read_flow(session, principal=principal))


@router.put("/flow")
async def set_flow(wanted: FlowIn, session: Transaction, principal: CurrentPrincipal) -> FlowOut:
    """Set them anew; former versions are kept. Needs the role sales_ops or cso."""
    return _flow(await service.set_flow(session, wanted, principal=principal))


@router.get("/absences")
async def list_absences(
    session: Reading,
    principal: CurrentPrincipal,
    first_day: date | None = None,
    last_day: date | None = None,
    known_at: datetime | None = None,
) -> AbsencesOut:
    """Who of the caller's scope is away in the days, by default the next 90, as it was known at an instant."""
    first = first_day or clock.now().date()
    known, found = await service.list_absences(
        session, first=first, last=last_day or first + _AHEAD, known_at=known_at, principal=principal
    )
    return AbsencesOut(known_at=known, items=[AbsenceOut.model_validate(each) for each in found])


@router.post("/absences", status_code=201)
async def add_absence(wanted: AbsenceIn, session: Transaction, principal: CurrentPrincipal) -> AbsenceOut:
    """Say that a person is away: they get no leads and add no hours on these days."""
    made = await service.add_absence(
        session, wanted.person_id, first_day=wanted.first_day, last_day=wanted.last_day, principal=principal
    )
    return AbsenceOut.model_validate(made)


@router.put("/absences/{absence_id}")
async def change_absence(
    absence_id: UUID, wanted: AbsenceDaysIn, session: Transaction, principal: CurrentPrincipal
) -> AbsenceOut:
    """Other days for it; what was known before is kept."""
    days = (wanted.first_day, wanted.last_day)
    return AbsenceOut.model_validate(await service.change_absence(session, absence_id, days=days, principal=principal))


@router.post("/absences/{absence_id}/withdraw")
async def withdraw_absence(absence_id: UUID, session: Transaction, principal: CurrentPrincipal) -> AbsenceOut:
    """The person is not away after all."""
    return AbsenceOut.model_validate(await service.change_absence(session, absence_id, days=None, principal=principal))


def _flow(flow: Flow) -> FlowOut:
    said = flow.content.model_dump()
    said["lead_hours"] = SHIPPED_LEAD_HOURS | flow.content.lead_hours
    said["response_hours"] = SHIPPED_RESPONSE_HOURS | flow.content.response_hours
    return FlowOut.model_validate(
        said | {"version": flow.version, "said_by": flow.said_by, "recorded_at": flow.recorded_at}
    )
