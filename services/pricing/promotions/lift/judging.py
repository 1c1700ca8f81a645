"""Which weeks and which segments a promotion is compared with, and whether there is enough to say anything.

Compared with are segments of markets where it did not run and no other promotion of these products did, whose revenue before was within
a factor of four of the promoted one's: difference in differences. Without enough of them, the same scope before: pre-period. A
pre-period cannot tell the promotion from the season, and says so.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

import numpy as np
import numpy.typing as npt

from services.pricing.promotions.lift.difference import Difference, difference

Cell = tuple[str | None, str | None]
"""Market and segment; what is unknown is a value of its own."""
Method = Literal["difference_in_differences", "pre_period"]

WEEK = timedelta(days=7)
FEWEST_WEEKS = 4
"""On each side."""
MOST_WEEKS = 26
"""Before: what is longer ago tells less of now."""
FEWEST_SALES = 10
"""Before, in the scope, and for a segment to be matched."""
ALIKE = 4.0
"""A match sold at most so many times as much or as little before."""


@dataclass(frozen=True, slots=True)
class Sold:
    """An accepted quote's revenue with the promotion's products on a day."""

    on: date
    cell: Cell
    amount: float


@dataclass(frozen=True, slots=True)
class Week:
    """`baseline` is None before the promotion and where there is none."""

    starts_on: date
    is_during: bool
    actual: float
    baseline: float | None


@dataclass(frozen=True, slots=True)
class Matched:
    cell: Cell
    sales_before: int
    before: float
    during: float


@dataclass(frozen=True, slots=True)
class Judged:
    """`found` is None, with the reason in `why_not`, where there is too little. Only whole weeks count, up to `until` (not included)."""

    found: Difference | None
    why_not: str | None
    method: Method | None
    weeks_before: int
    weeks_during: int
    sales_before: int
    sales_during: int
    until: date
    matched: tuple[Matched, ...]
    weeks: tuple[Week, ...]


def judge(
    sales: Sequence[Sold],
    *,
    is_promoted: Callable[[Cell], bool],
    touched: Collection[Cell],
    starts_on: date,
    over_on: date,
    known_from: date | None,
) -> Judged:
    """The lift from `starts_on` to the day `over_on` (not included). `touched` cells had another promotion of the products; sales are
    known since `known_from`.
    """
    during = max(0, (over_on - starts_on) // WEEK)
    known = 0 if known_from is None else max(0, (starts_on - known_from) // WEEK)
    before = min(MOST_WEEKS, max(12, 2 * during), known)
    first = starts_on - before * WEEK
    counted = [each for each in sales if first <= each.on < starts_on + during * WEEK]
    mine = [each for each in counted if is_promoted(each.cell)]
    earlier = sum(each.on < starts_on for each in mine)
    series = _weekly(mine, first, before + during)
    matched, others = (
        _matches(counted, is_promoted, touched, first, starts_on, before + during, series[:before].sum())
        if before
        else ((), series)
    )
    method: Method = "difference_in_differences" if matched else "pre_period"
    why_not = _too_little(before, during, earlier)
    found = None
    if why_not is None:
        given = {"matched_before": others[:before], "matched_during": others[before:]} if matched else {}
        found = difference(series[:before], series[before:], **given)
    weeks = tuple(
        Week(
            first + place * WEEK,
            place >= before,
            float(series[place]),
            found.weekly[place - before] if found and place >= before else None,
        )
        for place in range(before + during)
    )
    return Judged(
        found, why_not, method if found else None, before, during, earlier, len(mine) - earlier,
        starts_on + during * WEEK, matched if found else (), weeks,
    )  # fmt: skip


def _too_little(before: int, during: int, sales_before: int) -> str | None:
    if during < FEWEST_WEEKS:
        return f"it has run for {during} whole {_weeks(during)}; {FEWEST_WEEKS} are needed"
    if before < FEWEST_WEEKS:
        return f"sales are known for {before} whole {_weeks(before)} before it; {FEWEST_WEEKS} are needed"
    if sales_before < FEWEST_SALES:
        return (
            f"in its scope {sales_before} quotes were accepted in the {before} weeks before; {FEWEST_SALES} are needed"
        )
    return None


def _weeks(number: int) -> str:
    return "week" if number == 1 else "weeks"


def _weekly(sales: Sequence[Sold], first: date, weeks: int) -> npt.NDArray[np.float64]:
    where = np.array([(each.on - first) // WEEK for each in sales], dtype=np.int64)
    return np.bincount(where, [each.amount for each in sales], minlength=weeks).astype(np.float64)


def _matches(
    counted: Sequence[Sold],
    is_promoted: Callable[[Cell], bool],
    touched: Collection[Cell],
    first: date,
    starts_on: date,
    weeks: int,
    mine_before: float,
) -> tuple[tuple[Matched, ...], npt.NDArray[np.float64]]:
    """The matched segments, the largest first, and their weekly revenue together."""
    by_cell: dict[Cell, list[Sold]] = {}
    for each in counted:
        if not is_promoted(each.cell) and each.cell not in touched:
            by_cell.setdefault(each.cell, []).append(each)
    found: list[Matched] = []
    together: list[Sold] = []
    for cell, sold in by_cell.items():
        earlier = [each.amount for each in sold if each.on < starts_on]
        level = sum(earlier)
        if len(earlier) < FEWEST_SALES or mine_before <= 0 or not 1 / ALIKE <= level / mine_before <= ALIKE:
            continue
        later = sum(each.amount for each in sold if each.on >= starts_on)
        found.append(Matched(cell, len(earlier), level, later))
        together += sold
    found.sort(key=lambda each: (-each.before, str(each.cell)))
    return tuple(found), _weekly(together, first, weeks)
