"""What the parts of a plan have done: closed, created and won new, by node and period, as the organisation stands today."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.calendar import FiscalCalendar, Period
from libs.common.web.auth import Principal
from services.forecast.config import settings_of
from services.forecast.history.columns import EPOCH, Codes, Flags, Index, day_number, local_days
from services.forecast.organisation.tree import Organisation
from services.forecast.past.population import BUCKETS, Population
from services.forecast.plans.content import Content
from services.forecast.plans.crediting import credited
from services.forecast.plans.service import Found
from services.forecast.plans.spans import Span
from services.forecast.plans.tree import Ints, Tree
from services.forecast.readings.asked import Asked, Filters, Question
from services.forecast.readings.service import decide

WON: Final = BUCKETS.index("closed_won")
KNOWN: Final = frozenset({"bookings", "pipeline_created", "new_customers"})
"""Measures of which history says what was done; of margin it knows no cost."""


@dataclass(frozen=True, slots=True)
class Happened:
    """What counts in a measure: rows of history, with whom, on which day, and how much, in the measure's smallest units.

    A deal that several share is there for each of them, but where deals or customers are counted.
    """

    rows: Index
    owner: Codes
    day: Ints
    units: Ints

    def where(self, wanted: Flags) -> "Happened":
        return Happened(self.rows[wanted], self.owner[wanted], self.day[wanted], self.units[wanted])


@dataclass(frozen=True, slots=True)
class Closed:
    """What each node did, in the plan's smallest units.

    `before`: a year before each period of the plan. `trailing`: in the twelve months that are over. `first`: the first day of
    which anything is known, None without anything.
    """

    before: Ints
    trailing: Ints
    first: date | None

    def shape(self, tree: Tree, at: int, months: Sequence[int]) -> list[int]:
        """How the months of a year ago shared what a node did; where it did nothing, as the nearest node above did."""
        for each in reversed(tree.path(at)):
            weights = [max(0, int(units)) for units in self.before[each, list(months)]]
            if any(weights):
                return weights
        return [1] * len(months)


def happened(measure: str, population: Population, zone: ZoneInfo) -> Happened:
    """What of some deals counts in a measure."""
    columns, parts = population.columns, population.parts()
    if measure == "pipeline_created":
        rows = population.rows[parts.at]
        day = np.floor(local_days(columns.created_at[rows], zone)).astype(np.int64)
        return Happened(rows, parts.owner, day, parts.amount)
    if measure == "bookings":
        here = population.line[parts.at] == WON
        at = parts.at[here]
        return Happened(population.rows[at], parts.owner[here], population.day[at].astype(np.int64), parts.amount[here])
    won = np.flatnonzero(population.line == WON)
    day = population.day[won].astype(np.int64)
    account = columns.account[population.rows[won]]
    named = np.flatnonzero(account > 0)
    order = named[np.lexsort((population.rows[won][named], day[named], account[named]))]
    _, first = np.unique(account[order], return_index=True)
    new = order[first]
    return Happened(population.rows[won][new], population.owner[won][new], day[new], np.ones(len(new), dtype=np.int64))


def by_period(tree: Tree, at: Ints, did: Happened, periods: Sequence[tuple[date, date]]) -> Ints:
    """What each node did in each of some periods; `at`: the deepest node of each row."""
    leaves = np.zeros((len(tree), len(periods)), dtype=np.int64)
    for place, (start, end) in enumerate(periods):
        inside = (did.day >= day_number(start)) & (did.day < day_number(end))
        np.add.at(leaves[:, place], at[inside], did.units[inside])
    return tree.summed(leaves)


async def ground(
    session: AsyncSession, found: Found, *, principal: Principal
) -> tuple[Asked, Population, Organisation]:
    """The deals of a plan's unit, type and basis as they stand, and today's organisation."""
    question = Question(
        found.row["period_key"],
        found.row["unit_id"],
        filters=Filters(deal_type=found.row["deal_type"], value_basis=found.row["value_basis"]),
        organisation="is",
    )
    asked = await decide(session, question, principal=principal, from_history=True)
    assert asked.past is not None  # noqa: S101 - it was asked from history
    return asked, asked.past.population, asked.past.organisation


async def closed(session: AsyncSession, found: Found, content: Content, *, principal: Principal) -> Closed:
    """What the nodes of a plan did in the year before it and lately; of a measure that history does not know, nothing."""
    asked, population, organised = await ground(session, found, principal=principal)
    if content.measure not in KNOWN:
        nothing = np.zeros((len(content.tree), len(content.spans)), dtype=np.int64)
        return Closed(nothing, nothing[:, 0], None)
    zone = ZoneInfo(settings_of(session).org_timezone)

    def worked() -> Closed:
        did = happened(content.measure, population, zone)
        at = credited(content.tree, organised, population.columns, did.rows, did.owner)
        day = asked.business_date.day
        this = asked.calendar.month(day)
        months = asked.calendar.before(this, 12)
        before = [year_before(asked.calendar, span) for span in content.spans]
        every = by_period(content.tree, at, did, [*before, (months[0].start, this.start)])
        first = EPOCH + timedelta(days=int(did.day.min())) if len(did.day) else None
        return Closed(every[:, :-1], every[:, -1], first)

    return await asyncio.to_thread(worked)


def year_before(calendar: FiscalCalendar, span: Span) -> tuple[date, date]:
    """The days of the same period a year earlier."""
    back = {"year": 1, "quarter": 4, "month": 12}[span.kind]
    earlier = calendar.before(_period_of(calendar, span), back)[0]
    return earlier.start, earlier.end


def _period_of(calendar: FiscalCalendar, span: Span) -> Period:
    """The calendar's period of a plan's period."""
    of = {"year": calendar.year, "quarter": calendar.quarter, "month": calendar.month}[span.kind]
    return of(span.start)
