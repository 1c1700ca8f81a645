"""The deals as they stood at a pair of instants."""

import asyncio
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from services.forecast.config import settings_of
from services.forecast.credit.columns import Credit
from services.forecast.history.columns import NO_DAY, Columns, Index, effective, micros
from services.forecast.history.loading import ledger_of
from services.forecast.past.counting import restated
from services.forecast.past.population import Population
from services.forecast.past.view import View
from services.forecast.periods.counting import Books
from services.forecast.rates.conversion import Rates


async def columns(session: AsyncSession) -> Columns:
    """All versions of all deals that the session's snapshot sees."""
    return await ledger_of(session).up_to_date(session)


async def population(
    session: AsyncSession,
    *,
    as_of: datetime,
    known_at: datetime,
    rates: Rates,
    view: View,
    books: Books,
    deals: bool = True,
) -> Population:
    """Every deal of the view that stands in a line at both instants; none of them without `deals`."""
    known = await columns(session)
    zone = ZoneInfo(settings_of(session).org_timezone)

    def found() -> Population:
        rows = effective(known, as_of, known_at) if deals else np.empty(0, dtype=np.intp)
        late = restated(known, rows, as_of=as_of, known_at=known_at, books=books)
        every = Population.of(known, rows, rates, late)
        return seen(every, view, credit(known, every.rows, as_of=as_of, known_at=known_at, zone=zone))

    return await asyncio.to_thread(found)


def credit(columns: Columns, rows: Index, *, as_of: datetime, known_at: datetime, zone: ZoneInfo) -> Credit | None:
    """Who is credited with rows of history at a pair of instants, where that is not their owners alone."""
    if not len(columns.splits):
        return None
    return columns.splits.credit(
        columns.deal[rows],
        columns.closed_on[rows],
        no_day=NO_DAY,
        as_of=micros(as_of),
        known_at=micros(known_at),
        zone=zone,
    )


def seen(population: Population, view: View, credit: Credit | None) -> Population:
    """What of all deals a view asks for, where `credit` says who has shares."""
    columns, rows = population.columns, population.rows
    wanted = view.owns(columns, rows) & view.matches(columns, rows)
    if credit is None:
        return population.where(wanted)
    mine = view.people(columns)[credit.person]
    theirs = np.zeros(len(population), dtype=bool)
    theirs[credit.row[mine]] = True
    wanted[credit.row] = (theirs & view.has_properties(columns, rows))[credit.row]
    return replace(population, credit=credit.asked(mine)).where(wanted)
