"""What a draft may assume, from the year before: what was seen, and a tolerance that its own uncertainty fits into. Pure."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

import numpy as np

from services.forecast.assumptions.measures import MEASURES, MONTH_DAYS, Measure, Metric
from services.forecast.assumptions.posterior import INFORMATION, LEAST_CASES

REACH: Final = 1.645
"""Standard errors of last year's figure that fit into the tolerance: in nine of ten cases it then holds what is true."""
WIDEST: Final = Decimal("0.60")
_STEP: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Year:
    """What a node did in the year before: cases, their sum and sum of squares, by how much weekly counts vary (1 and more), its days."""

    cases: float
    total: float
    squares: float
    bursts: float
    days: float


@dataclass(frozen=True, slots=True)
class Proposal:
    """What may be assumed, of how many cases that is known, and why nothing can be."""

    expected: Decimal | None
    tolerance: Decimal | None
    cases: int
    reason: str | None = None


def proposed(metric: Metric, year: Year, *, plan_days: int) -> Proposal:
    """What the year before says. Nothing of a measure of which the plan's own days would hold too few cases to judge it."""
    measure = MEASURES[metric]
    cases = int(year.total if measure.law == "rate" else year.cases)
    error = _error(measure, year)
    if error is None:
        return Proposal(None, None, cases, f"{cases} cases in the year before; that is too few to assume anything")
    value, relative, information = error
    if information * plan_days / max(year.days, 1) < INFORMATION:
        return Proposal(None, None, cases, f"{cases} cases a year; a whole plan has too few to judge it")
    tolerance = max(measure.least, Decimal(str(REACH * relative)).quantize(_STEP, ROUND_HALF_UP))
    if tolerance > WIDEST:
        return Proposal(None, None, cases, f"{cases} cases a year differ too much to judge their mean")
    return Proposal(_rounded(measure, value), tolerance, cases)


def _error(measure: Measure, year: Year) -> tuple[float, float, float] | None:
    """What was seen, its standard error as a share of it, and as how many events it is sure. None with too few cases."""
    if measure.law == "rate":
        if year.total < LEAST_CASES or year.days <= 0:
            return None
        information = year.total / year.bursts
        return year.total / year.days * MONTH_DAYS, float(information**-0.5), information
    if year.cases < LEAST_CASES or year.total <= 0:
        return None
    mean = year.total / year.cases
    if measure.law == "share":
        if mean >= 1:
            return None
        relative = float(np.sqrt((1 - mean) / (mean * year.cases)))
    else:
        variance = max(year.squares / year.cases - mean**2, 0.0)
        relative = float(np.sqrt(variance / year.cases)) / mean
    return mean, relative, 1 / max(relative, 1e-6) ** 2


def _rounded(measure: Measure, value: float) -> Decimal:
    places = {"share": Decimal("0.001"), "a_month": Decimal("0.1"), "money": Decimal(1), "days": Decimal("0.1")}
    return Decimal(str(value)).quantize(places[measure.unit], ROUND_HALF_UP)
