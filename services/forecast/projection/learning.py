"""What the engine's own past says of it: how much to trust it beside simpler methods, and how wide to be. Pure.

Only periods that are over teach. Windows may overlap; together they count as many as there are distinct ones among them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from scipy.optimize import nnls

from services.forecast.projection.landing import Landing
from services.forecast.projection.settings import Settings
from services.forecast.projection.steps import Floats

ENGINE: Final = "hazard"
"""The engine's own name among the methods that are blended."""
_HEAVY: Final = 1e4


@dataclass(frozen=True, slots=True)
class Told:
    """What was said on the day `made_on` of what would be won before `end`, and what was.

    `points`: the mean of each method, the engine's own under ENGINE. `said`, `deviation`: mean and standard deviation of
    what was said in the end, blended but not widened.
    """

    made_on: int
    end: int
    points: Mapping[str, float]
    said: float
    deviation: float
    came: float


@dataclass(frozen=True, slots=True)
class Blend:
    """How much of each method: weights at least 0 that add to 1. `periods`: distinct ones they were learnt from."""

    weights: Mapping[str, float]
    periods: int

    def of(self, points: Mapping[str, float | None]) -> float:
        """The blended mean; a method that says nothing gives its weight to the engine."""
        engine = points[ENGINE]
        if engine is None:
            raise ValueError("the engine itself always says something")
        said = {name: points.get(name) for name in self.weights}
        return sum(weight * (engine if (x := said[name]) is None else x) for name, weight in self.weights.items())


@dataclass(frozen=True, slots=True)
class Stretch:
    """By what the band of the model is widened. `label`: `prior` until enough periods are over, then `learnt`.

    With `is_wide_known` there were enough of them to speak of a band of 95 %.
    """

    scale: float
    label: Literal["prior", "learnt"]
    periods: int
    is_wide_known: bool


def distinct(told: Sequence[Told]) -> int:
    """How many of the windows follow each other without overlap, at most."""
    count, free = 0, -np.inf
    for each in sorted(told, key=lambda one: one.end):
        if each.made_on >= free:
            count, free = count + 1, each.end
    return count


def blend(told: Sequence[Told], settings: Settings) -> Blend:
    """Weights that would have come closest, held near those of the settings by so many periods' worth of belief.

    They minimise Σ ((came - Σ w·said) / typical)² over past windows, plus `blend_periods` × Σ (d·(w - prior))², over weights
    that are at least 0 and add to 1; d is by how much a method usually differs from the engine, so that one far off does
    not keep the others from being weighed. Methods beyond those of the settings begin with nothing and take part from
    `periods_for_others` periods on.
    """
    periods = distinct(told)
    prior = dict(settings.blend)
    names = list(prior)
    if periods >= settings.periods_for_others:
        names += sorted({name for each in told for name in each.points} - set(names))
    complete = [each for each in told if all(name in each.points for name in names)]
    if not complete:
        return Blend(prior, 0)
    others = [name for name in names if name != ENGINE]
    if not others:
        return Blend({ENGINE: 1.0}, periods)
    said = np.array([[each.points[name] for name in others] for each in complete])
    engine = np.array([each.points[ENGINE] for each in complete])
    came = np.array([each.came for each in complete])
    wanted = np.array([prior.get(name, 0.0) for name in others])
    found = _closest(said - engine[:, None], came - engine, wanted, periods / len(complete), settings.blend_periods)
    weights = dict(zip(others, found.tolist(), strict=True))
    return Blend({ENGINE: max(0.0, 1 - float(found.sum())), **weights}, periods)


def _closest(apart: Floats, off: Floats, wanted: Floats, worth: float, belief: float) -> Floats:
    """The v >= 0 with Σv <= 1 that minimises worth·|off - apart v|² + belief·Σ (d·(v - wanted))², d² the mean of apart².

    Least squares in d·v (Lawson and Hanson 1974, ch. 23), which are all of one size; when Σv would be more than 1, with a row that
    weighs so much that it is 1.
    """
    usual = np.maximum(np.sqrt(np.mean(apart**2, axis=0)), 1e-9 * max(float(np.abs(off).max()), 1.0))
    rows = np.vstack((np.sqrt(worth) * apart / usual, np.sqrt(belief) * np.eye(len(usual))))
    right = np.concatenate((np.sqrt(worth) * off, np.sqrt(belief) * usual * wanted))
    weights = nnls(rows, right)[0] / usual
    if weights.sum() > 1:
        heavy = _HEAVY * max(float(np.abs(rows).max()), float(np.abs(right).max())) * usual.max()
        rows, right = np.vstack((rows, heavy / usual)), np.append(right, heavy)
        weights = nnls(rows, right)[0] / usual
        weights = weights / weights.sum()
    return np.asarray(weights)


def stretch(told: Sequence[Told], settings: Settings, parent: float = 1.0) -> Stretch:
    """How many times wider than the model's the band must be: the root mean square of past errors over the model's deviation.

    Shrunk to the `parent`'s by `stretch_periods`. Too few periods: the model's band and a quarter.
    """
    periods = distinct(told)
    is_wide_known = periods >= settings.periods_for_wide_band
    if periods < settings.periods_for_stretch:
        return Stretch(settings.prior_stretch, "prior", periods, is_wide_known)
    off = np.array([(each.came - each.said) / max(each.deviation, 1e-12) for each in told])
    # A single period far out says little of the others.
    square = float(np.mean(np.minimum(off**2, 9.0)))
    worth = settings.stretch_periods
    scale = float(np.sqrt((periods * square + worth * parent**2) / (periods + worth)))
    return Stretch(scale, "learnt", periods, is_wide_known)


def told_landing(
    landing: Landing, points: Mapping[str, float | None], past: Sequence[Told], settings: Settings
) -> tuple[Landing, Blend, Stretch]:
    """The engine's landing moved to the blended mean and widened by what its past says. Points are of whole landings."""
    mixed, wide = blend(past, settings), stretch(past, settings)
    wanted = mixed.of({**points, ENGINE: landing.mean})
    return landing.scaled(wanted - landing.closed).widened(wide.scale), mixed, wide
