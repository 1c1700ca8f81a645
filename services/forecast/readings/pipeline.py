"""What is open of a period: by stage and line, by close month, and what of it needs care."""

from collections.abc import Mapping

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.calendar import Period
from libs.common.web.auth import Principal
from services.forecast.past.ageing import Age
from services.forecast.readings import figures, repository, totals
from services.forecast.readings.asked import Asked, Question
from services.forecast.readings.schemas import Care, OpenLines, OpenMonth, PipelineReading, StageRow
from services.forecast.readings.service import decide, envelope, period_out
from services.forecast.readings.totals import Tally
from services.forecast.rollup.schemas import Sum
from services.forecast.rollup.standing import OPEN_LINES

QUARTERS = 4
"""Close months are shown for the current quarter and the three after it."""


async def read(session: AsyncSession, question: Question, *, principal: Principal) -> PipelineReading:
    """The pipeline, from one snapshot."""
    asked = await decide(session, question, principal=principal)
    stages = totals.tally(await figures.sums(session, asked, "stage"))
    whole = totals.together(stages.values())
    ages = await figures.ages(session, asked)
    return PipelineReading(
        **await envelope(session, asked),
        period=period_out(asked.period, asked.business_date.day),
        total=_open(whole, asked),
        lines=_lines(whole, asked),
        stages=[_stage(stage, stages[stage], ages[stage], asked) for stage in _ordered(ages)],
        months=await _months(session, asked),
        care=await _care(session, asked, whole),
        is_empty=asked.business_date.newest_change_at is None,
    )


def _ordered(ages: Mapping[str | None, Age]) -> list[str | None]:
    """By how likely their deals are to be won, then by name; what is not known comes last."""

    def place(stage: str | None) -> tuple[bool, object, bool, str]:
        probability = ages[stage].probability
        return probability is None, probability or 0, stage is None, stage or ""

    return sorted(ages, key=place)


def _stage(stage: str | None, tally: Tally, age: Age, asked: Asked) -> StageRow:
    return StageRow(
        stage=stage,
        lines=_lines(tally, asked),
        total=_open(tally, asked),
        median_days=age.median_days,
        longest_days=age.longest_days,
    )


async def _months(session: AsyncSession, asked: Asked) -> list[OpenMonth]:
    quarters = [asked.quarter]
    while len(quarters) < QUARTERS:
        quarters.append(asked.calendar.quarter(quarters[-1].end))
    span = Period(asked.quarter.key, "year", asked.quarter.label, asked.quarter.start, quarters[-1].end)
    parts = totals.tally(await figures.sums(session, asked, "month", span))
    return [
        OpenMonth(
            month=month.key,
            label=month.short_label,
            in_period=month.start in asked.period,
            is_current=asked.business_date.day in month,
            lines=_lines(tally, asked),
            total=_open(tally, asked),
        )
        for quarter in quarters
        for month in asked.calendar.months(quarter)
        for tally in [parts.get(month.start.isoformat(), Tally())]
    ]


async def _care(session: AsyncSession, asked: Asked, whole: Tally) -> Care:
    currency = asked.rates.base
    inside = {
        flag: totals.sum_out(totals.measures_of(await figures.flagged(session, asked, flag)), currency)
        for flag in figures.FLAGS
    }
    beside = totals.beside_out(whole, currency)
    return Care(
        overdue=inside["overdue"],
        unpriced=inside["unpriced"],
        pushed=inside["pushed"],
        many_pushes=repository.MANY_PUSHES,
        carried_over=beside.carried_over,
        undated=beside.undated,
        held_back=beside.held_back,
    )


def _open(tally: Tally, asked: Asked) -> Sum:
    return totals.sum_out(tally.of(*OPEN_LINES), asked.rates.base)


def _lines(tally: Tally, asked: Asked) -> OpenLines:
    return OpenLines(**{line: totals.sum_out(tally.of(line), asked.rates.base) for line in OPEN_LINES})
