"""The capacity lines of teams, with why they stand where they stand."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_CEILING, Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.calendar import local_date
from libs.common.web.auth import Principal
from services.leads.acceptance import repository
from services.leads.acceptance.line import Candidate, Line, draw
from services.leads.acceptance.repository import Team
from services.leads.acceptance.schemas import Because
from services.leads.capacity import service as capacity
from services.leads.capacity.flow import SHIPPED_LEAD_HOURS
from services.leads.capacity.models import Flow, Room


@dataclass(frozen=True, slots=True)
class TeamLine:
    """The line of a team, the hours it rests on, and how many leads wait to be taken on."""

    team: Team
    line: Line
    rooms: Sequence[Room]
    waiting: int

    @property
    def hours(self) -> Decimal:
        return sum((room.hours for room in self.rooms), Decimal())

    @property
    def taken(self) -> Decimal:
        return sum((room.taken for room in self.rooms), Decimal())

    @property
    def because(self) -> Because:
        if not self.rooms:
            return "nobody"
        if self.hours <= 0:
            return "all_away"
        if self.hours <= self.taken:
            return "all_taken"
        return "room_for_all" if self.line.following is None else "filled"


@dataclass(frozen=True, slots=True)
class Lines:
    as_of: datetime
    days: Sequence[date]
    flow: Flow
    teams: Sequence[TeamLine]


async def lines(session: AsyncSession, *, principal: Principal) -> Lines:
    """The lines of the teams within the principal's scope, now."""
    as_of = clock.now()
    flow = await capacity.read_flow(session, principal=principal)
    times = capacity.worktime(session, flow, principal=principal)
    teams = await repository.teams(session, principal=principal)
    units = [each.unit_id for each in teams]
    sellers = await capacity.sellers(session, units=units, principal=principal)
    rooms = await capacity.rooms(session, sellers, flow=flow, as_of=as_of, principal=principal)
    most = int(
        (sum((each.hours for each in rooms.values()), Decimal()) / _least_hours(flow)).to_integral(ROUND_CEILING)
    )
    today = local_date(as_of, times.zone)
    waiting = await repository.waiting(session, units, on=today, most=most + 1)
    found = []
    for team in teams:
        count, rows = waiting[team.unit_id]
        own = [room for room in rooms.values() if room.seller.unit_id == team.unit_id]
        candidates = [
            Candidate(row.lead_id, row.place, row.first_at, flow.content.hours_of(row.place, row.source))
            for row in rows
        ]
        free = sum((room.free for room in own), Decimal())
        found.append(TeamLine(team, draw(candidates, free=free), own, count))
    return Lines(as_of, times.days(today, flow.content.horizon_days), flow, found)


def _least_hours(flow: Flow) -> Decimal:
    """What the cheapest lead costs: more leads than the hours hold of these are never above a line."""
    return min(*(SHIPPED_LEAD_HOURS | flow.content.lead_hours).values(), *flow.content.source_hours.values())
