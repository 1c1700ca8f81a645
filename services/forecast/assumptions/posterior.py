"""How likely what is assumed lies outside its tolerance, after what was seen. Pure.

Shares have a Beta posterior, counts in a time a gamma one, the logarithm of a mean Student's t. Each prior is worth one case and
lies where the plan expects it: the unit information prior of Kass & Wasserman, "A reference Bayesian test for nested hypotheses and
its relationship to the Schwarz criterion", JASA 90, 1995. Counts that come in bursts count for less: they are divided by the variance
of weekly counts over their mean (quasi-Poisson; Wedderburn, Biometrika 61, 1974).

A side is judged by itself: a posterior that is merely wide lies outside on both sides and says nothing.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import special

from services.forecast.assumptions.measures import MONTH_DAYS, Law

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Index = npt.NDArray[np.intp]

WINDOW: Final = 11
"""Weeks that say how it is now; more of them where these hold too few cases."""
INFORMATION: Final = 40.0
"""Cases enough: as sure as so many events, which is a standard error of 16 % of what is expected."""
LEAST_CASES: Final = 20
"""Under so many decided or won deals nothing is said (domain: a win rate is refused under 20 closed deals)."""
INTERVAL: Final = (0.05, 0.95)


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of some assumptions of one law, an array per assumption and week, the newest week first.

    `cases`: decided or won deals, of a rate unused; `total`: how many of them, how many in all, or their sum; `squares`: the sum
    of their squares. `days`: of each week how many lie within the plan. `usual_*`: the same of the year before the plan, and by
    how much its weekly counts vary, at least 1.
    """

    days: Floats
    cases: Floats
    total: Floats
    squares: Floats
    usual_cases: Floats
    usual_total: Floats
    usual_squares: Floats
    bursts: Floats


@dataclass(frozen=True, slots=True)
class Posterior:
    """By assumption: how likely it lies `below` and `above` its tolerance, what was seen with its interval, of how many cases in how many weeks."""

    below: Floats
    above: Floats
    value: Floats
    low: Floats
    high: Floats
    cases: Floats
    weeks: Index
    is_enough: Flags


def posterior(law: Law, expected: Floats, tolerance: Floats, seen: Seen) -> Posterior:
    """What is to be thought of assumptions of one law; `tolerance` is a share of what is expected, which is above 0."""
    return {"share": _share, "rate": _rate, "mean": _mean}[law](expected, tolerance, seen)


def variation(seen: Seen) -> Floats:
    """By how much single cases of a mean vary, as a share of it: over the year before and all that was seen since."""
    cases = seen.usual_cases + seen.cases.sum(axis=1)
    total = seen.usual_total + seen.total.sum(axis=1)
    squares = seen.usual_squares + seen.squares.sum(axis=1)
    mean = total / np.maximum(cases, 1)
    spread = np.sqrt(np.maximum(squares / np.maximum(cases, 1) - mean**2, 0))
    found: Floats = np.divide(spread, mean, out=np.ones_like(mean), where=mean > 0)
    return found


def _share(expected: Floats, tolerance: Floats, seen: Seen) -> Posterior:
    cases, total = seen.cases.cumsum(axis=1), seen.total.cumsum(axis=1)
    needed = np.maximum(INFORMATION * (1 - expected) / expected, LEAST_CASES)
    at, enough = _window(cases >= needed[:, None])
    n, k = _of(cases, at), _of(total, at)
    won, lost = expected + k, 1 - expected + n - k
    low, high = (special.betaincinv(won, np.maximum(lost, 1e-9), end) for end in INTERVAL)
    ends = expected * (1 - tolerance), np.minimum(expected * (1 + tolerance), 1.0)
    lost = np.maximum(lost, 1e-9)
    return Posterior(
        below=special.betainc(won, lost, ends[0]),
        above=special.betaincc(won, lost, ends[1]),
        value=_over(k, n),
        low=low,
        high=high,
        cases=n,
        weeks=at + 1,
        is_enough=enough,
    )


def _rate(expected: Floats, tolerance: Floats, seen: Seen) -> Posterior:
    months, total = np.cumsum(seen.days) / MONTH_DAYS, seen.total.cumsum(axis=1)
    at, enough = _window(expected[:, None] * months[None, :] / seen.bursts[:, None] >= INFORMATION)
    k, time = _of(total, at), months[at]
    shape, rate = 1 + k / seen.bursts, 1 / expected + time / seen.bursts
    low, high = (special.gammaincinv(shape, end) / rate for end in INTERVAL)
    return Posterior(
        below=special.gammainc(shape, rate * expected * (1 - tolerance)),
        above=special.gammaincc(shape, rate * expected * (1 + tolerance)),
        value=_over(k, time),
        low=low,
        high=high,
        cases=k,
        weeks=at + 1,
        is_enough=enough,
    )


def _mean(expected: Floats, tolerance: Floats, seen: Seen) -> Posterior:
    cases, total = seen.cases.cumsum(axis=1), seen.total.cumsum(axis=1)
    spread = variation(seen)
    needed = np.maximum(INFORMATION * spread**2, LEAST_CASES)
    at, enough = _window(cases >= needed[:, None])
    n, mean = _of(cases, at), _over(_of(total, at), _of(cases, at))
    known = np.isfinite(mean) & (mean > 0)
    # The logarithm of a mean of few lies below that of many by half its variance.
    found = np.log(np.where(known, mean, expected)) + np.where(known, spread**2 / (2 * np.maximum(n, 1)), 0)
    weight = np.where(known, n, 0)
    centre = (np.log(expected) + weight * found) / (1 + weight)
    error = np.maximum(spread, 1e-6) / np.sqrt(1 + weight)
    freedom = np.maximum(seen.usual_cases + seen.cases.sum(axis=1) - 1, 1)
    low, high = (np.exp(centre + special.stdtrit(freedom, end) * error) for end in INTERVAL)
    above = (np.log(expected * (1 + tolerance)) - centre) / error
    with np.errstate(divide="ignore"):
        below = (np.log(expected * (1 - tolerance)) - centre) / error
    return Posterior(
        below=special.stdtr(freedom, below),
        above=special.stdtr(freedom, -above),
        value=mean,
        low=low,
        high=high,
        cases=n,
        weeks=at + 1,
        is_enough=enough & known,
    )


def _window(enough: Flags) -> tuple[Index, Flags]:
    """How far back each looks: the window, or as much further as it takes; the place of its oldest week, and whether that is enough."""
    weeks = enough.shape[1]
    base = min(WINDOW, weeks) - 1
    further = enough[:, base:]
    at = np.where(further.any(axis=1), base + further.argmax(axis=1), weeks - 1)
    return at, enough[np.arange(len(at)), at]


def _of(values: Floats, at: Index) -> Floats:
    found: Floats = values[np.arange(len(at)), at]
    return found


def _over(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.full_like(part, np.nan), where=whole > 0)
