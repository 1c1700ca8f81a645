"""The deals as they stood at a pair of instants."""

import asyncio
from datetime import datetime

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from services.forecast.history.columns import Columns, effective
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

    def found() -> Population:
        rows = effective(known, as_of, known_at) if deals else np.empty(0, dtype=np.intp)
        late = restated(known, rows, as_of=as_of, known_at=known_at, books=books)
        every = Population.of(known, rows, rates, late)
        return every.where(view.owns(known, every.rows) & view.matches(known, every.rows))

    return await asyncio.to_thread(found)
