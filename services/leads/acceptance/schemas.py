"""The capacity line by HTTP."""

from datetime import date, datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from libs.common.web.schemas import Out
from services.leads.capacity.flow import Rank


class PersonOut(Out):
    """Hours of a person. `free` below 0: more was taken on than there are hours."""

    person_id: UUID
    hours: Decimal
    taken: Decimal
    free: Decimal
    away: list[date]


class LastOut(Out):
    """The last lead above the line."""

    lead_id: UUID
    place: int
    grade: Rank
    arrived_at: datetime


Because = Literal["nobody", "all_away", "all_taken", "room_for_all", "filled"]


class LineOut(Out):
    """A team's line. `waiting` leads wait to be taken on, the first `fits` of them fit.

    `because`: `nobody` belongs to the team, `all_away`, `all_taken` (no hour is free), `filled` (the line stands where the
    hours end), `room_for_all`.
    """

    unit_id: UUID
    unit_name: str
    because: Because
    hours: Decimal
    taken: Decimal
    free: Decimal
    waiting: int
    fits: int
    fits_hours: Decimal
    last: LastOut | None
    people: list[PersonOut]


class LinesOut(Out):
    """Lines of the teams that the caller may see, over the working `days`. `flow_version`: of what is set."""

    as_of: datetime
    days: list[date]
    rep_hours: Decimal
    hours_from: str
    flow_version: int
    teams: list[LineOut]
