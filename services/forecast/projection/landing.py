"""Where a period lands: a distribution of what will have been won, with its parts. Pure.

What is still to come is a mixture of gamma distributions given by their moments, each moved by deals taken as won; usually
one. A shared shock moves the chances of all deals together.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from scipy.special import gammainc, gammaincinv

from services.forecast.projection.steps import Floats

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(5)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()
_NOTHING: Final = 1e-12
_STEPS: Final = 50
"""Halvings of the range in which a quantile of a mixture lies: to a float's precision of its end."""
_NEVER: Final = 1e-7
"""Cases of a mixture with less weight together are left out."""


@dataclass(frozen=True, slots=True)
class Landing:
    """`closed` so far plus what is to come: components of `weight`, moved by `shift`, gamma of `mean` and `variance`.

    `stretch` widens the distribution about its mean.
    """

    closed: float
    weight: Floats
    shift: Floats
    means: Floats
    variances: Floats
    stretch: float = 1.0

    @property
    def mean(self) -> float:
        return self.closed + self.to_come

    @property
    def to_come(self) -> float:
        """The mean of what is not closed yet."""
        return float(self.weight @ (self.shift + self.means))

    @property
    def deviation(self) -> float:
        """The standard deviation, widened."""
        center = self.shift + self.means
        square = float(self.weight @ (self.variances + center**2)) - self.to_come**2
        return self.stretch * float(np.sqrt(max(square, 0.0)))

    def widened(self, stretch: float) -> "Landing":
        return replace(self, stretch=self.stretch * stretch)

    def scaled(self, to_come: float) -> "Landing":
        """The same form with another mean of what is to come, at least nothing."""
        mean, wanted = self.to_come, max(to_come, 0.0)
        if mean <= 0:
            one = np.ones(1)
            return Landing(self.closed, one, 0 * one, one * wanted, one * wanted**2, self.stretch)
        by = wanted / mean
        return replace(self, shift=self.shift * by, means=self.means * by, variances=self.variances * by**2)

    def cdf(self, x: Floats | float) -> Floats:
        """P(landing <= x)."""
        given = np.atleast_1d(np.asarray(x, dtype=float)) - self.closed
        alone, middle = self._alone(), self.to_come
        inner = given if alone else np.where(given < 0, -1.0, middle + (given - middle) / self.stretch)
        variances = self.variances * self.stretch**2 if alone else self.variances
        found = self.weight @ _gamma_cdf(inner - self.shift[:, None], self.means[:, None], variances[:, None])
        return np.where(given < 0, 0.0, found)

    def quantile(self, share: Floats | float) -> Floats:
        """The landing below which a `share` in (0, 1) of the distribution lies."""
        shares = np.atleast_1d(np.asarray(share, dtype=float))
        if self._alone():
            inner = _gamma_quantile(shares, float(self.means[0]), float(self.variances[0]) * self.stretch**2)
            alone: Floats = self.closed + self.shift[0] + inner
            return alone
        low = np.zeros(len(shares))
        high = np.full(len(shares), float(np.max(self.shift + self.means)) + 12 * self.deviation + _NOTHING)
        for _ in range(_STEPS):
            middle = (low + high) / 2
            below = self.cdf(self.closed + middle) < shares
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return self.closed + high

    def at_least(self, x: float) -> float:
        """P(landing >= x) of a distribution that is continuous but for certain amounts."""
        return min(max(float(1 - self.cdf(np.nextafter(x, -np.inf))[0]), 0.0), 1.0)

    def _alone(self) -> bool:
        return len(self.weight) == 1


def _gamma_cdf(x: Floats, mean: Floats, variance: Floats) -> Floats:
    """P(gamma <= x) for each row's mean and variance; without any variance the mean is certain."""
    certain = (mean <= _NOTHING) | (variance <= _NOTHING * mean**2)
    scale = np.where(certain, 1.0, variance / np.maximum(mean, _NOTHING))
    shape = np.where(certain, 1.0, mean / scale)
    found: Floats = np.where(certain, x >= mean * (1 - 1e-9), gammainc(shape, np.maximum(x, 0.0) / scale))
    return np.where(x < 0, 0.0, found)


def _gamma_quantile(share: Floats, mean: float, variance: float) -> Floats:
    if mean <= _NOTHING or variance <= _NOTHING * mean**2:
        return np.full(len(share), mean)
    found: Floats = gammaincinv(mean**2 / variance, share) * variance / mean
    return found


def gamma_quantiles(mean: Floats, variance: Floats, shares: Floats) -> Floats:
    """Quantiles of gammas by their moments, all of one shape once they are broadcast; without any variance the mean is certain."""
    certain = (mean <= _NOTHING) | (variance <= _NOTHING * mean**2)
    scale = np.where(certain, 1.0, variance / np.where(certain, 1.0, mean))
    shape = np.where(certain, 1.0, mean / scale)
    found: Floats = np.where(certain, mean, gammaincinv(shape, shares) * scale)
    return found


def smooth(closed: float, mean: float, variance: float) -> Landing:
    """One gamma of these moments on top of what is closed."""
    one = np.ones(1)
    return Landing(closed, one, 0 * one, one * mean, one * variance)


@dataclass(frozen=True, slots=True)
class Deals:
    """Open deals: chance to be won, mean and variance of what they bring if they are."""

    chance: Floats
    mean: Floats
    variance: Floats

    def moments(self) -> tuple[float, float]:
        """Mean and variance of their sum, won independently."""
        mean = self.chance * self.mean
        return float(mean.sum()), float((self.chance * (self.variance + self.mean**2) - mean**2).sum())

    def with_more(self, others: "Deals") -> "Deals":
        """These deals and others after them."""
        return Deals(*(np.concatenate(pair) for pair in zip(self._all, others._all, strict=True)))

    @property
    def _all(self) -> tuple[Floats, Floats, Floats]:
        return self.chance, self.mean, self.variance

    @property
    def response(self) -> float:
        """By how much the mean of their sum changes with the logarithm of the pace at which they are won."""
        return float(self._quicker @ self.mean)

    @property
    def responses(self) -> Floats:
        """The same of each deal."""
        found: Floats = self._quicker * self.mean
        return found

    @property
    def _quicker(self) -> Floats:
        slower = 1 - np.minimum(self.chance, 1 - 1e-12)
        found: Floats = -slower * np.log(slower)
        return found

    def paced(self, paces: Floats, weights: Floats) -> list["Deals"]:
        """The same deals at each of some paces, whose chances are on average what they were."""
        slower = np.log1p(-np.minimum(self.chance, 1 - 1e-12))
        chances = -np.expm1(np.outer(paces, slower))
        usual = weights @ chances
        by = np.divide(self.chance, usual, out=np.ones_like(usual), where=usual > 0)
        return [replace(self, chance=np.minimum(each * by, 1.0)) for each in chances]


def landing(
    closed: float,
    deals: Deals,
    new: tuple[float, float],
    *,
    new_wins: float,
    shock: float,
    few: bool,
    enumerated: int,
) -> Landing:
    """The distribution. `new`: moments of what deals not created yet bring, of which `new_wins` are expected to be won;
    `shock`: the deviation of what all deals share.

    With `few` wins expected the deals that matter most are taken as won or not one by one, for five values of the shock.
    """
    if not few:
        mean, variance = deals.moments()
        shared = shock * (deals.response + new[0])
        return smooth(closed, mean + new[0], variance + new[1] + shared**2)
    paces = np.exp(shock * _NODES)
    paces /= _WEIGHTS @ paces
    parts = [
        _cases(each, (new[0] * pace, new[1] * pace), new_wins * pace, weight, enumerated)
        for each, pace, weight in zip(deals.paced(paces, _WEIGHTS), paces.tolist(), _WEIGHTS.tolist(), strict=True)
    ]
    weight, shift, means, variances = (np.concatenate(each) for each in zip(*parts, strict=True))
    order = np.argsort(weight)
    kept = order[np.cumsum(weight[order]) > _NEVER]
    found = Landing(closed, weight[kept] / weight[kept].sum(), shift[kept], means[kept], variances[kept])
    return found.scaled(deals.moments()[0] + new[0])


def _cases(
    deals: Deals, new: tuple[float, float], new_wins: float, weight: float, count: int
) -> tuple[Floats, Floats, Floats, Floats]:
    """Components of the mixture: every case of the large deals, each with and without anything of the rest."""
    scatter = deals.chance * (1 - deals.chance) * deals.mean**2
    large = np.argsort(-scatter, kind="stable")[:count]
    rest = np.ones(len(deals.chance), dtype=bool)
    rest[large] = False
    others = Deals(deals.chance[rest], deals.mean[rest], deals.variance[rest])
    mean, variance = (a + b for a, b in zip(others.moments(), new, strict=True))
    none = float(np.exp(np.log1p(-np.minimum(others.chance, 1 - 1e-12)).sum() - new_wins))
    some = 1 - none
    if some > 0:
        mean, variance = mean / some, max((variance + mean**2) / some - (mean / some) ** 2, 0.0)
    won = (np.arange(2 ** len(large))[:, None] >> np.arange(len(large))) & 1
    share = np.prod(np.where(won, deals.chance[large], 1 - deals.chance[large]), axis=1) * weight
    brought, scattered = won @ deals.mean[large], won @ deals.variance[large]
    # Deals taken as won scatter too: all of it is given to the gamma, which begins where they would be without.
    base = np.where(scattered > 0, 0.0, brought)
    with_rest = (share * some, base, mean + brought - base, variance + scattered)
    alone = (share * none, base, brought - base, scattered)
    weights, shifts, means, variances = (np.concatenate(each) for each in zip(with_rest, alone, strict=True))
    return weights, shifts, means, variances


def is_few(deals: Deals, new_wins: float, variance: float, *, few_wins: float, large_share: float) -> bool:
    """Whether single deals carry the number: few wins are expected, or one deal has a large share of the variance."""
    if not len(deals.chance):
        return new_wins < few_wins
    largest = float(np.max(deals.chance * (1 - deals.chance) * deals.mean**2))
    return float(deals.chance.sum()) + new_wins < few_wins or largest > large_share * variance
