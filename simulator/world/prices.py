"""Quotes of an imagined company: what its segments pay, and what discounts have to do with winning. Pure; seeded by the caller."""

from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Path = tuple[str, ...]

MARKETS = ("North", "South", "East")
SEGMENTS = ("enterprise", "mid", "small")
FAMILIES = ("Core", "Suite", "Services")
PRODUCTS = ("a", "b", "c", "d")


@dataclass(frozen=True, slots=True)
class Habits:
    """How ratios of net to list price lie: the company's middle and spread, and how much the segments of each depth differ in
    both (standard deviations of log-odds); `skew` draws them towards list price.
    """

    middle: float = 1.6
    spread: float = 0.5
    apart: float = 0.25
    spread_apart: float = 0.15
    skew: float = 0.0


@dataclass(frozen=True, slots=True)
class PriceWorld:
    """The truth about every product's segment: middle and spread of the log-odds of its ratios."""

    places: dict[Path, tuple[float, float]]
    skew: float

    @classmethod
    def draw(cls, habits: Habits, rng: np.random.Generator) -> "PriceWorld":
        """A company whose markets, segments, families and products differ at random."""
        shifts: dict[Path, tuple[float, float]] = {}

        def shift(path: Path) -> tuple[float, float]:
            if path not in shifts:
                shifts[path] = (rng.normal(0, habits.apart), rng.normal(0, habits.spread_apart))
            return shifts[path]

        places: dict[Path, tuple[float, float]] = {}
        for path in product(MARKETS, SEGMENTS, FAMILIES, PRODUCTS):
            along = [shift(path[:depth]) for depth in range(1, len(path) + 1)]
            places[path] = (
                habits.middle + sum(each[0] for each in along),
                habits.spread * float(np.exp(sum(each[1] for each in along))),
            )
        return cls(places, habits.skew)

    def ratios(self, path: Path, quotes: int, rng: np.random.Generator) -> Floats:
        """So many won quotes of a segment, net over list price in (0, 1)."""
        middle, spread = self.places[path]
        noise = rng.normal(size=quotes)
        if self.skew:
            noise = noise + self.skew * (rng.exponential(size=quotes) - 1)
        return 1 / (1 + np.exp(-(middle + spread * noise)))


@dataclass(frozen=True, slots=True)
class Discounted:
    """Quotes with their outcome: price as a share of list price, won, the seller's number, and whether the price was drawn."""

    prices: Floats
    won: npt.NDArray[np.bool_]
    sellers: npt.NDArray[np.int64]
    randomised: npt.NDArray[np.bool_]


def discounted(
    rng: np.random.Generator,
    *,
    quotes: int,
    slope: float,
    confounding: float = 0.0,
    band: float | None = None,
    sellers: int = 40,
) -> Discounted:
    """Quotes whose true log-odds of winning change by `slope` per 100 % of list price.

    Without `band` sellers choose discounts, and `confounding` says how they follow what only the seller knows of the deal: above 0
    discounts are written down where the deal is being won, below 0 they are given away on hopeless deals. With `band` prices
    are drawn from 0.85 - band, 0.85 and 0.85 + band, whatever the deal.
    """
    known = rng.normal(size=quotes)
    who = rng.integers(0, sellers, size=quotes)
    skill = rng.normal(0, 0.4, size=sellers)[who]
    prices: Floats
    if band is None:
        prices = np.clip(0.85 - 0.06 * confounding * known + rng.normal(0, 0.04, size=quotes), 0.3, 1.0)
    else:
        prices = np.asarray(0.85 + band * rng.integers(-1, 2, size=quotes), dtype=np.float64)
    chance = 1 / (1 + np.exp(-(slope * (prices - 0.85) + 1.2 * known + skill - 0.3)))
    return Discounted(prices, rng.random(quotes) < chance, who, np.full(quotes, band is not None))
