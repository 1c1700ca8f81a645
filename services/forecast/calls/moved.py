"""What supposed moves of people take along of what is wanted and called: their quotas and calls go where they go."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.calendar import local_date
from libs.common.web.auth import Principal, require
from services.forecast.calls import repository
from services.forecast.calls.repository import Population
from services.forecast.calls.schemas import (
    Going,
    MovedCall,
    MovedPeriod,
    MovedQuota,
    MovesOut,
    PeriodRef,
    UnitKept,
)
from services.forecast.calls.service import SUPERIORS, population_of
from services.forecast.calls.steps import NodeKey
from services.forecast.calls.wanted import quotas as planned_or_set
from services.forecast.config import settings_of


async def preview(session: AsyncSession, moves: Sequence[Going], *, principal: Principal) -> MovesOut:
    """The quotas and calls, within scope, of the people who move, in the current and the next quarter; and those of the units
    that they leave and join, which stay. Nothing is written.
    """
    require(principal, *SUPERIORS, "sales_ops")
    configured = settings_of(session)
    calendar = configured.calendar
    current = calendar.quarter(local_date(clock.now(), configured.org_timezone))
    periods = [
        await _period(
            session,
            population_of(session, period=quarter.key, deal_type=None, value_basis=None, principal=principal),
            moves,
            principal=principal,
        )
        for quarter in (current, calendar.quarter(current.end))
    ]
    return MovesOut(value_basis=configured.call_basis, periods=periods)


async def _period(
    session: AsyncSession, population: Population, moves: Sequence[Going], *, principal: Principal
) -> MovedPeriod:
    span = population.period_start, population.period_end
    quotas = {
        each.node: each
        for each in await planned_or_set(session, population, as_of=None, known_at=None, principal=principal)
        if (each.start, each.end) == span
    }
    calls = {
        NodeKey(row["node_kind"], row["node_id"]): row
        for row in await repository.in_force(session, population, as_of=None, known_at=None, principal=principal)
        if row["stands"]
    }
    people = [(NodeKey("person", move.person_id), move) for move in moves]
    units = sorted({unit for move in moves for unit in (move.from_unit_id, move.to_unit_id)})
    return MovedPeriod(
        period=PeriodRef(key=population.period_key, start=span[0], end=population.period_end - timedelta(days=1)),
        quotas=[
            MovedQuota(**move.model_dump(), amount=quotas[node].amount, currency=quotas[node].currency)
            for node, move in people
            if node in quotas
        ],
        calls=[
            MovedCall(
                **move.model_dump(),
                amount=calls[node]["amount"],
                currency=calls[node]["currency"],
                called_by=calls[node]["person"],
            )
            for node, move in people
            if node in calls
        ],
        units=[_kept(unit, quotas.get(NodeKey("unit", unit)), calls.get(NodeKey("unit", unit))) for unit in units],
    )


def _kept(unit: UUID, quota: Any, call: Any) -> UnitKept:
    return UnitKept(
        unit_id=unit,
        quota=quota.amount if quota else None,
        quota_currency=quota.currency if quota else None,
        call=call["amount"] if call else None,
        call_currency=call["currency"] if call else None,
    )
