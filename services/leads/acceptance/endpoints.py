"""The capacity lines by HTTP."""

from fastapi import APIRouter

from libs.common.web.api import Reading
from libs.common.web.auth import CurrentPrincipal
from services.leads.acceptance import service
from services.leads.acceptance.line import Candidate
from services.leads.acceptance.schemas import LastOut, LineOut, LinesOut, PersonOut
from services.leads.acceptance.service import TeamLine
from services.leads.capacity.flow import RANKS

router = APIRouter(prefix="/leads", tags=["capacity"])


@router.get("/capacity")
async def read_capacity(session: Reading, principal: CurrentPrincipal) -> LinesOut:
    """By team how far down the queue its free hours reach, and why: people, who is away, hours taken and free."""
    found = await service.lines(session, principal=principal)
    return LinesOut(
        as_of=found.as_of,
        days=list(found.days),
        rep_hours=found.flow.content.rep_hours,
        hours_from=found.flow.content.hours_from,
        flow_version=found.flow.version,
        teams=[_line(each) for each in found.teams],
    )


def _line(found: TeamLine) -> LineOut:
    return LineOut(
        unit_id=found.team.unit_id,
        unit_name=found.team.name,
        because=found.because,
        hours=found.hours,
        taken=found.taken,
        free=found.hours - found.taken,
        waiting=found.waiting,
        fits=found.line.fits,
        fits_hours=found.line.hours,
        last=_last(found.line.last),
        people=[
            PersonOut(
                person_id=room.seller.person_id,
                hours=room.hours,
                taken=room.taken,
                free=room.free,
                away=sorted(room.away),
            )
            for room in found.rooms
        ],
    )


def _last(last: Candidate | None) -> LastOut | None:
    if last is None:
        return None
    return LastOut(lead_id=last.lead_id, place=last.place, grade=RANKS[last.place - 1], arrived_at=last.arrived_at)
