"""What the parts of a plan have done: closed, created and won new, by node and period, as the organisation stands today."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.calendar import FiscalCalendar, Period
from libs.common.web.auth import Principal
from libs.common.web.errors import Conflict
from services.forecast.config import settings_of
from services.forecast.history.columns import EPOCH, Codes, Columns, Flags, Index, day_number, local_days
from services.forecast.organisation.tree import Organisation
from services.forecast.past.population import BUCKETS, Population
from services.forecast.plans.content import Content
from services.forecast.plans.crediting import credited
from services.forecast.plans.service import Found
from services.forecast.plans.spans import Span
from services.forecast.plans.tree import Ints, Tree
from services.forecast.quoted import service as quoted
from services.forecast.readings.asked import Asked, Filters, Question
from services.forecast.readings.service import decide

WON: Final = BUCKETS.index("closed_won")
KNOWN: Final = frozenset({"bookings", "pipeline_created", "new_customers"})
"""Measures of which history says all that was done. Margin is known of the deals alone whose quotes tell their cost."""
MARGIN: Final = "margin"
COSTS_UNKNOWN: Final = (
    "some bookings of that time have no quote whose cost is known to you, so their margin is unknown; give the first number "
    "yourself, and divide it evenly or by weights of your own."
)


class CostsUnknown(Conflict):
    """Of some bookings no cost is known, so what their margin was is not known either."""


@dataclass(frozen=True, slots=True)
class Happened:
    """What counts in a measure: rows of history, with whom, on which day, and how much, in the measure's smallest units.

    A deal that several share is there for each of them, but where deals or customers are counted. Of margin `bookings` are the
    amounts of the rows, and `known` says of which the cost is; the others have no units.
    """

    rows: Index
    owner: Codes
    day: Ints
    units: Ints
    bookings: Ints | None = None
    known: Flags | None = None

    def is_whole(self, start: date, end: date) -> bool:
        """Whether all is known of what happened from `start` until before `end`."""
        inside = (self.day >= day_number(start)) & (self.day < day_number(end))
        return self.known is None or bool(self.known[inside].all())

    def counting(self, units: Ints) -> "Happened":
        """The same rows with other units."""
        return Happened(self.rows, self.owner, self.day, units)

    def where(self, wanted: Flags) -> "Happened":
        return Happened(self.rows[wanted], self.owner[wanted], self.day[wanted], self.units[wanted])


@dataclass(frozen=True, slots=True)
class Closed:
    """What each node did, in the plan's smallest units.

    `before`: a year before each period of the plan. `trailing`: in the twelve months that are over. `first`: the first day of
    which anything is known, None without anything. `is_whole`: whether nothing of either is unknown.
    """

    before: Ints
    trailing: Ints
    first: date | None
    is_whole: bool = True

    def shape(self, tree: Tree, at: int, months: Sequence[int]) -> list[int]:
        """How the months of a year ago shared what a node did; where it did nothing, as the nearest node above did."""
        for each in reversed(tree.path(at)):
            weights = [max(0, int(units)) for units in self.before[each, list(months)]]
            if any(weights):
                return weights
        return [1] * len(months)


def happened(
    measure: str, population: Population, zone: ZoneInfo, shares: Mapping[UUID, Decimal] | None = None
) -> Happened:
    """What of some deals counts in a measure. `shares`: what of each unit of bookings is margin, by deals of which that is known."""
    columns, parts = population.columns, population.parts()
    if measure == "pipeline_created":
        rows = population.rows[parts.at]
        day = np.floor(local_days(columns.created_at[rows], zone)).astype(np.int64)
        return Happened(rows, parts.owner, day, parts.amount)
    if measure in ("bookings", MARGIN):
        here = population.line[parts.at] == WON
        at = parts.at[here]
        booked = Happened(
            population.rows[at], parts.owner[here], population.day[at].astype(np.int64), parts.amount[here]
        )
        return booked if measure == "bookings" else _margin(columns, booked, shares or {})
    won = np.flatnonzero(population.line == WON)
    day = population.day[won].astype(np.int64)
    account = columns.account[population.rows[won]]
    named = np.flatnonzero(account > 0)
    order = named[np.lexsort((population.rows[won][named], day[named], account[named]))]
    _, first = np.unique(account[order], return_index=True)
    new = order[first]
    return Happened(population.rows[won][new], population.owner[won][new], day[new], np.ones(len(new), dtype=np.int64))


def _margin(columns: Columns, booked: Happened, shares: Mapping[UUID, Decimal]) -> Happened:
    """What each has of a deal times what of it is margin, to the smallest unit, so that any list of people and deals adds up."""
    of = {columns.code("deal", str(deal)): share for deal, share in shares.items()}
    found = [of.get(code) for code in columns.deal[booked.rows].tolist()]
    known = np.array([share is not None for share in found], dtype=bool)
    units = np.array(
        [
            0 if share is None else int((amount * share).to_integral_value(ROUND_HALF_UP))
            for amount, share in zip(booked.units.tolist(), found, strict=True)
        ],
        dtype=np.int64,
    )
    return Happened(booked.rows, booked.owner, booked.day, units, booked.units, known)


async def shares(session: AsyncSession, asked: Asked, measure: str, *, principal: Principal) -> Mapping[UUID, Decimal]:
    """What of each unit of bookings is margin, by won deals whose quote tells it to the caller; of other measures nothing is asked."""
    if measure != MARGIN:
        return {}
    quotes = await quoted.of_won(session, as_of=asked.as_of, known_at=asked.known_at, principal=principal)
    told = {deal: quote.margin_of_net for deal, quote in quotes.items()}
    return {deal: share for deal, share in told.items() if share is not None}


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
    """What the nodes of a plan did in the year before it and lately."""
    asked, population, organised = await ground(session, found, principal=principal)
    known = await shares(session, asked, content.measure, principal=principal)
    zone = ZoneInfo(settings_of(session).org_timezone)

    def worked() -> Closed:
        did = happened(content.measure, population, zone, known)
        at = credited(content.tree, organised, population.columns, did.rows, did.owner)
        day = asked.business_date.day
        this = asked.calendar.month(day)
        months = asked.calendar.before(this, 12)
        before = [year_before(asked.calendar, span) for span in content.spans]
        every = by_period(content.tree, at, did, [*before, (months[0].start, this.start)])
        first = EPOCH + timedelta(days=int(did.day.min())) if len(did.day) else None
        is_whole = did.is_whole(*before[0]) and did.is_whole(months[0].start, this.start)
        return Closed(every[:, :-1], every[:, -1], first, is_whole)

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
