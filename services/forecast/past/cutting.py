"""A population cut into parts and added up, to the cent. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
import numpy.typing as npt

from libs.common import money
from libs.common.calendar import FiscalCalendar, Period
from services.forecast.history.columns import NO_DAY, Flags, day_of
from services.forecast.organisation.tree import Organisation
from services.forecast.past.population import BUCKETS, CARRIED_OVER, CLOSED, UNDATED, Parts, Population, Small
from services.forecast.rollup.cells import DIMENSIONS, NOBODY

PROPERTIES = (*DIMENSIONS, "source", "deal_type")
"""Columns by whose texts a population can be cut."""
BY_PERSON = ("owner", "team", "unit")
"""Cuts in which each share of a deal stands with the person credited."""


@dataclass(frozen=True, slots=True)
class Sums:
    """Sums of a part in a bucket, as `repository.sums` gives them."""

    part: str | None
    bucket: str
    count: int
    amount: Decimal
    weighted: Decimal
    unpriced_count: int
    unweighted_count: int


def summed(
    population: Population,
    parts: Sequence[str | None],
    part: npt.NDArray[Any],
    bucket: Small,
    people: Parts | None = None,
) -> list[Sums]:
    """Counts and sums by part (an index into `parts` per row, or per row of `people`) and bucket.

    A deal that several people of a part share is counted once in it.
    """
    at = np.arange(len(population)) if people is None else people.at
    group = part.astype(np.int64) * len(BUCKETS) + bucket[at]
    present, place = np.unique(group, return_inverse=True)
    scale = Decimal(1).scaleb(-money.exponent(population.rates.base))

    def total(values: npt.NDArray[Any]) -> list[int]:
        sums = np.zeros(len(present), dtype=np.int64)
        np.add.at(sums, place, values)
        return [int(each) for each in sums]

    priced, weighed = population.amount[1][at], population.weighted[1][at]
    once = np.ones(len(at), dtype=bool)
    if people is None:
        amount, weights = population.amount[0], population.weighted[0]
    else:
        amount, weights = people.amount, people.weighted
        once[:] = False
        once[np.unique(place * (len(population) + 1) + at, return_index=True)[1]] = True
    columns = [total(values) for values in (once, amount, weights, once & ~priced, once & ~weighed)]
    return [
        Sums(parts[key // len(BUCKETS)], BUCKETS[key % len(BUCKETS)], count, units * scale, share * scale, poor, light)
        for key, count, units, share, poor, light in zip(present.tolist(), *columns, strict=True)
    ]


def cut(
    population: Population,
    by: str,
    *,
    organisation: Organisation,
    org: UUID,
    quarter_start: date,
    calendar: FiscalCalendar,
    vacant: bool = False,
    people: Parts | None = None,
) -> tuple[list[str | None], npt.NDArray[Any]]:
    """The parts that a population falls into, and the part of each row, or row of `people`, as an index into them.

    `vacant`: what is open of people who have left is no part of theirs but their unit's vacant line. `people` go with the
    cuts in BY_PERSON; without them a deal stands under one person.
    """
    if by in (*PROPERTIES, "stage"):
        codes = getattr(population.columns, by)[population.rows]
        present, place = np.unique(codes, return_inverse=True)
        texts = population.columns.words[by].texts
        return [texts[code] or None for code in present.tolist()], place
    if by == "month":
        is_past = np.isin(population.buckets(quarter_start), (CARRIED_OVER, UNDATED))
        present, place = np.unique(np.where(is_past, NO_DAY, population.day), return_inverse=True)
        months = [calendar.month(day).start.isoformat() if (day := day_of(each)) else None for each in present.tolist()]
        return months, place
    if by == "none" or not len(population):
        return [None], np.zeros(len(population), dtype=np.int64)
    codes, line = (people.owner, population.line[people.at]) if people else (population.owner, population.line)
    names = population.by_owner(_naming(by, organisation, org), codes)
    if vacant and organisation.gone and by in ("owner", "unit"):
        left = population.by_owner(lambda owner: owner in organisation.gone, codes)
        lines = population.by_owner(lambda owner: f"vacant:{organisation.unit_of(owner)}", codes)
        of_people = population.by_owner(lambda owner: by == "owner" or organisation.unit_of(owner) == org, codes)
        is_open = ~np.isin(line, CLOSED)
        names = np.where(left & of_people & is_open, lines, names)
    present, place = np.unique(names, return_inverse=True)
    return [str(name) for name in present.tolist()], place


def _naming(by: str, organisation: Organisation, org: UUID) -> Callable[[UUID | None], str]:
    if by == "owner":
        return lambda owner: str(owner or NOBODY)
    if by == "team":
        return lambda owner: str(organisation.unit_of(owner))
    branches = {
        unit: child.unit_id for child in organisation.children(org) for unit in organisation.below(child.unit_id)
    }

    def branch(owner: UUID | None) -> str:
        unit = organisation.unit_of(owner)
        return f"unit:{branches[unit]}" if unit in branches else f"owner:{owner or NOBODY}"

    return branch


def in_period(population: Population, period: Period, quarter_start: date) -> Flags:
    """Booked or expected in the period, or open from before the current quarter, whatever the period."""
    bucket = population.buckets(quarter_start)
    found: Flags = population.in_days(period.start, period.end) | np.isin(bucket, (CARRIED_OVER, UNDATED))
    return found
