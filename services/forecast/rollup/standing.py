"""Where a deal stands in the forecast: its line, its month, its worth. Pure."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from libs.common import money
from libs.common.calendar import FiscalCalendar
from libs.common.events.deals import DealState
from services.forecast.rates.conversion import Rates

METRIC_VERSION = "rollup-2"
"""Changes whenever a definition below does."""

Line = Literal["closed_won", "commit", "most_likely", "best_case", "pipeline", "held_back", "omitted", "lost"]
Bucket = Literal[
    "closed_won",
    "commit",
    "most_likely",
    "best_case",
    "pipeline",
    "held_back",
    "omitted",
    "lost",
    "carried_over",
    "undated",
]
"""A line, or where an open deal stands at a business date when its own date is in a past quarter or missing."""

FORECAST_LINES: tuple[Line, ...] = ("closed_won", "commit", "most_likely", "best_case", "pipeline")
OPEN_LINES: tuple[Line, ...] = ("commit", "most_likely", "best_case", "pipeline")

UNDATED = date(1900, 1, 1)
"""Stands for "no month" in keys, which cannot be null. Not `date.min`, which the database driver takes for minus infinity."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One deal's contribution. Amounts are base currency; None where amount, rate or probability is unknown."""

    line: Line
    month: date
    amount_base: Decimal | None
    weighted_base: Decimal | None


def standing(deal: DealState, rates: Rates, calendar: FiscalCalendar) -> Standing | None:
    """Where the deal stands, or None if it is in no line at all (removed, or absorbed by another)."""
    if deal.removed or deal.absorbed_into is not None:
        return None
    line = line_of(deal)
    month = month_of(deal, calendar)
    amount = rates.convert(deal.amount, deal.currency, month)
    return Standing(line, month, amount, _weighted(deal, line, amount, rates.base))


def line_of(deal: DealState) -> Line:
    """The deal's line by its own state alone. Won is won whatever the gate says; the category stays the owner's word.

    A close date that a machine set, or that was past when it was set, carries no promise: pipeline at most. So does a
    deal to which nobody has given a category.
    """
    if deal.state == "won":
        return "closed_won"
    if deal.state == "lost":
        return "lost"
    if deal.category == "omitted":
        return "omitted"
    if deal.gate == "waiting":
        return "held_back"
    if deal.category is None or deal.close_date_provisional:
        return "pipeline"
    return deal.category


def month_of(deal: DealState, calendar: FiscalCalendar) -> date:
    """First day of the fiscal month it is booked in (closed) or expected in (open); UNDATED without a date."""
    day = (deal.closed_on or deal.close_date) if deal.state != "open" else deal.close_date
    return calendar.month_start(day) if day else UNDATED


def bucket_of(line: Line, month: date, quarter_start: date) -> Bucket:
    """Where a deal of this line and month stands when `quarter_start` begins the current quarter."""
    if line in OPEN_LINES or line == "held_back":
        if month == UNDATED:
            return "undated"
        if month < quarter_start:
            return "carried_over"
    return line


def _weighted(deal: DealState, line: Line, amount: Decimal | None, base: str) -> Decimal | None:
    if line in ("closed_won", "lost"):
        return Decimal()
    if amount is None or deal.stage_probability is None:
        return None
    return money.weighted(amount, deal.stage_probability, base)
