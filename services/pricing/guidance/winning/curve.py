"""A logistic win curve of the price, with an interval that counts people and not quotes; refused rather than believed."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import t as student

Floats = npt.NDArray[np.float64]

CONFIDENCE = 0.90
FEWEST_PEOPLE = 20
"""Fewer clusters make the robust variance too small to be trusted."""
_STEPS = 50
_CLOSE = 1e-10


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Quotes whose outcome is known: prices (list prices, money or shares alike), won or not, who decided, and whether the price
    was randomised. All of one length.
    """

    prices: Floats
    won: npt.NDArray[np.bool_]
    people: npt.NDArray[Any]
    randomised: npt.NDArray[np.bool_]

    def only(self, chosen: npt.NDArray[np.bool_]) -> "Outcomes":
        return Outcomes(self.prices[chosen], self.won[chosen], self.people[chosen], self.randomised[chosen])


@dataclass(frozen=True, slots=True)
class Chance:
    """A win probability in [0, 1] with a 90 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class WinCurve:
    """logit P(win) = intercept + slope x (price - centre); `covariance` (2, 2) is robust, clustered by person."""

    quotes: int
    people: int
    centre: float
    intercept: float
    slope: float
    slope_low: float
    slope_high: float
    covariance: Floats

    def at(self, price: float) -> Chance:
        """The chance at a price, with the interval of the chance itself."""
        return self._chance(price, 0.0)

    def share_won(self, price: float, *, quotes: int, spread: float = 1.0) -> Chance:
        """The share that is won among `quotes` further quotes, with the interval of that share.

        Beside the curve's own error it holds the luck of those quotes, p (1 - p) / quotes, times `spread`, by how much more one person's
        outcomes vary together (see `design_effect`).
        """
        chance = self.at(price).value
        # The luck of a share, carried to log-odds: divided by the square of dp / dlogit = p (1 - p).
        return self._chance(price, spread / (quotes * chance * (1 - chance)))

    def _chance(self, price: float, luck: float) -> Chance:
        where = np.array((1.0, price - self.centre))
        middle = float(where @ (self.intercept, self.slope))
        reach = _critical(self.people) * float(np.sqrt(where @ self.covariance @ where + luck))
        return Chance(*(float(1 / (1 + np.exp(-each))) for each in (middle, middle - reach, middle + reach)))


@dataclass(frozen=True, slots=True)
class Refused:
    """No curve, and why. `slope` and its interval are None where none could be fitted."""

    reason: str
    quotes: int
    people: int
    slope: float | None = None
    slope_low: float | None = None
    slope_high: float | None = None


def learn(outcomes: Outcomes) -> WinCurve | Refused:
    """The win curve of those quotes whose price was randomised, or why there is none.

    Maximum likelihood; the covariance is the sandwich of the score summed by person, times G / (G - 1) for G people (Liang and Zeger
    1986), with Student's t of G - 1. Refused: prices that a person chose, one price, one outcome, fewer than 20 people, a slope
    that is not falling, or one whose 90 % interval holds 0.
    """
    used = outcomes.only(outcomes.randomised)
    quotes, people = len(used.prices), len(np.unique(used.people))
    reason = _unfit(used, people, len(outcomes.prices) - quotes)
    if reason is not None:
        return Refused(reason, quotes, people)
    centre = float(used.prices.mean())
    fitted = _fit(used, centre)
    if fitted is None:
        return Refused("a price parts all won quotes from all lost ones, so no slope can be fitted", quotes, people)
    (intercept, slope), covariance = fitted
    reach = _critical(people) * float(np.sqrt(covariance[1, 1]))
    low, high = float(slope - reach), float(slope + reach)
    ends = f"the slope is {slope:+.3f} (90 % interval {low:+.3f} to {high:+.3f})"
    if slope >= 0:
        return Refused(f"a higher price would win more: {ends}", quotes, people, float(slope), low, high)
    if high >= 0:
        return Refused(
            f"the interval of the slope holds 0, so the price may not matter: {ends}",
            quotes,
            people,
            float(slope),
            low,
            high,
        )
    return WinCurve(quotes, people, centre, float(intercept), float(slope), low, high, covariance)


def design_effect(outcomes: Outcomes, price: float) -> float:
    """By how much the variance of the share won at a price is greater than with one quote a person; at least 1."""
    here = outcomes.only(outcomes.prices == price)
    share = here.won.mean()
    if len(here.won) == 0 or share in (0, 1):
        return 1.0
    _, which = np.unique(here.people, return_inverse=True)
    sums = np.bincount(which, here.won - share)
    return max(1.0, float((sums**2).sum() / (len(here.won) * share * (1 - share))))


def _unfit(used: Outcomes, people: int, chosen_by_people: int) -> str | None:
    if not len(used.prices):
        if chosen_by_people:
            return (
                f"none of {chosen_by_people} prices was randomised; prices that people choose follow the deal, "
                "so they say nothing about what a price does"
            )
        return "there are no quotes whose outcome is known"
    if people < FEWEST_PEOPLE:
        return f"the prices of {people} people varied at random; {FEWEST_PEOPLE} are needed"
    if len(np.unique(used.prices)) < 2:
        return "all randomised prices are one price"
    if used.won.all() or not used.won.any():
        return f"all {len(used.won)} quotes with a randomised price were {'won' if used.won.all() else 'lost'}"
    return None


def _fit(used: Outcomes, centre: float) -> tuple[Floats, Floats] | None:
    """Intercept and slope, and their robust covariance; None where the likelihood has no maximum."""
    design = np.column_stack((np.ones(len(used.prices)), used.prices - centre))
    won = used.won.astype(float)
    found = np.zeros(2)
    for _ in range(_STEPS):
        chance = 1 / (1 + np.exp(-np.clip(design @ found, -30, 30)))
        bread = (design * (chance * (1 - chance))[:, None]).T @ design
        if np.linalg.cond(bread) > 1e12:
            return None
        step = np.linalg.solve(bread, design.T @ (won - chance))
        found = found + step
        if np.abs(step).max() < _CLOSE:
            break
    else:
        return None
    names, which = np.unique(used.people, return_inverse=True)
    scores = design * (won - chance)[:, None]
    sums = np.column_stack([np.bincount(which, scores[:, column]) for column in range(2)])
    inverse = np.linalg.inv(bread)
    people = len(names)
    covariance: Floats = inverse @ (sums.T @ sums) @ inverse * (people / (people - 1))
    return found, covariance


def _critical(people: int) -> float:
    return float(student.ppf((1 + CONFIDENCE) / 2, people - 1))
