"""What the nodes of a plan did week by week up to a lock, and in the year before the plan. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from libs.common import money
from services.forecast.assumptions.measures import Metric
from services.forecast.assumptions.posterior import Floats, Seen
from services.forecast.assumptions.proposing import Year
from services.forecast.history.columns import Flags, Ints, day_number, local_days
from services.forecast.organisation.tree import Organisation
from services.forecast.past.population import BUCKETS, Population
from services.forecast.plans.crediting import credited
from services.forecast.plans.tree import Tree

WON: Final = BUCKETS.index("closed_won")
LOST: Final = BUCKETS.index("lost")
YEAR_WEEKS: Final = 52
WEEK: Final = 7


@dataclass(frozen=True, slots=True)
class Facts:
    """The cases of a measure: on which day each happened, at which node of the plan it stands deepest, and what it counts."""

    day: Ints
    node: Ints
    value: Floats


@dataclass(frozen=True, slots=True)
class Days:
    """Up to before `end` weeks are counted, back to `start`, which is the plan's first day; before it lies the year to compare with."""

    start: date
    end: date

    @property
    def weeks(self) -> int:
        """Weeks that have a day within the plan."""
        return max(0, -(-(self.end - self.start).days // WEEK))

    @property
    def lengths(self) -> Floats:
        """Of each week, the newest first, how many days lie within the plan."""
        whole = (self.end - self.start).days
        return np.array([min(WEEK, whole - WEEK * week) for week in range(self.weeks)], dtype=float)


def facts(
    population: Population, tidied: Flags, tree: Tree, organised: Organisation, zone: ZoneInfo
) -> Mapping[Metric, Facts]:
    """What counts in each measure. `tidied`: which deals were lost by a clean-up, which says nothing of winning."""
    columns, rows = population.columns, population.rows
    node = credited(tree, organised, columns, rows, population.owner)
    day = population.day.astype(np.int64)
    born = np.floor(local_days(columns.created_at[rows], zone)).astype(np.int64)
    is_won = population.line == WON
    decided = is_won | ((population.line == LOST) & ~tidied)
    amount, priced = population.amount
    scale = 10.0 ** -money.exponent(population.rates.base)
    took = (population.booked.astype(np.int64) - born).astype(float)
    cases: dict[Metric, tuple[Flags, Ints, Floats]] = {
        "win_rate": (decided, day, is_won.astype(float)),
        "creation": (np.ones(len(rows), dtype=bool), born, np.ones(len(rows))),
        "size": (is_won & priced & (amount > 0), day, (amount * scale).astype(np.float64)),
        "cycle": (is_won & (took >= 0), day, took),
        "pushed": (decided, day, (columns.pushes[rows] > 0).astype(float)),
    }
    return {name: Facts(when[which], node[which], value[which]) for name, (which, when, value) in cases.items()}


def by_week(
    tree: Tree, did: Facts, *, end: date, weeks: int, start: date | None = None
) -> tuple[Floats, Floats, Floats]:
    """By node and week, the newest first: cases, their sum, the sum of their squares; what is below a node is its own too."""
    back = day_number(end) - 1 - did.day
    inside = (back >= 0) & (back < weeks * WEEK)
    if start is not None:
        inside &= did.day >= day_number(start)
    week, node, value = back[inside] // WEEK, did.node[inside], did.value[inside]
    found = []
    for each in (np.ones(len(value)), value, value**2):
        leaves = np.zeros((len(tree), weeks))
        np.add.at(leaves, (node, week), each)
        for level in tree.levels[:0:-1]:
            np.add.at(leaves, tree.parent[level], leaves[level])
        found.append(leaves)
    return found[0], found[1], found[2]


def seen(tree: Tree, did: Facts, places: Sequence[int], days: Days) -> Seen:
    """What was seen of some nodes in a measure."""
    at = list(places)
    cases, total, squares = (each[at] for each in by_week(tree, did, end=days.end, weeks=days.weeks, start=days.start))
    usual = [each[at] for each in by_week(tree, did, end=days.start, weeks=YEAR_WEEKS)]
    return Seen(
        days=days.lengths,
        cases=cases,
        total=total,
        squares=squares,
        usual_cases=usual[0].sum(axis=1),
        usual_total=usual[1].sum(axis=1),
        usual_squares=usual[2].sum(axis=1),
        bursts=bursts(usual[1]),
    )


def years(tree: Tree, did: Facts, places: Sequence[int], *, end: date) -> list[Year]:
    """What some nodes did in the 52 weeks before a day."""
    cases, total, squares = (each[list(places)] for each in by_week(tree, did, end=end, weeks=YEAR_WEEKS))
    uneven = bursts(total)
    return [
        Year(
            cases=float(cases[at].sum()),
            total=float(total[at].sum()),
            squares=float(squares[at].sum()),
            bursts=float(uneven[at]),
            days=float(YEAR_WEEKS * WEEK),
        )
        for at in range(len(places))
    ]


def bursts(weekly: Floats) -> Floats:
    """By how much weekly counts vary more than chance would have them: variance over mean, at least 1."""
    mean, variance = weekly.mean(axis=1), weekly.var(axis=1, ddof=1)
    found: Floats = np.maximum(np.divide(variance, mean, out=np.ones_like(mean), where=mean > 0), 1.0)
    return found


def last_days(start: date, end: date) -> date:
    """Until before which day the year to draft from goes: the plan's first day, or today if that comes sooner."""
    return min(start, end + timedelta(days=1))
