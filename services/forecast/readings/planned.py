"""What of a period would close after it by the close plans of its deals."""

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.web.auth import Principal
from libs.common.web.errors import Invalid
from services.forecast.readings import ends, totals
from services.forecast.readings.asked import Question
from services.forecast.readings.schemas import ClosePlansReading, LineByPlan
from services.forecast.readings.service import decide, envelope, period_out
from services.forecast.readings.totals import Tally
from services.forecast.rollup.standing import OPEN_LINES


class OnlyThePresent(Invalid):
    """Close plans are read as they stand now, at constant rates in the base currency."""


async def read(session: AsyncSession, question: Question, *, principal: Principal) -> ClosePlansReading:
    """The open lines of a period by where their plans end. Raises what `decide` raises, OnlyThePresent."""
    asked = await decide(session, question, principal=principal)
    if asked.past is not None:
        raise OnlyThePresent(
            "as_of, known_at, organisation, rate, currency: leave them out; plans are read as they stand now."
        )
    found, currency = totals.tally(await ends.by_close_plan(session, asked)), asked.rates.base
    lines = [
        LineByPlan(
            line=line,
            total=totals.sum_out(tally.of("within", "later", "unplanned"), currency),
            within=totals.sum_out(tally.of("within"), currency),
            later=totals.sum_out(tally.of("later"), currency),
            unplanned=totals.sum_out(tally.of("unplanned"), currency),
        )
        for line in OPEN_LINES
        for tally in (found.get(line, Tally()),)
    ]
    period = period_out(asked.period, asked.business_date.day)
    return ClosePlansReading(**await envelope(session, asked), period=period, lines=lines)
