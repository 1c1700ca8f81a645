"""How much of what falls due is renewed, and what contracts bring that fall due without a deal. Pure.

The rate is the amount renewed over the amount due, of contracts that ended long enough ago. The nearer its end is the less a contract
is worth for which nobody has begun to ask: so the rate is learnt by how many days were left when nobody had yet.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from services.forecast.projection.contracts import LATE, NO_CONTRACTS, Contracts
from services.forecast.projection.landing import Deals
from services.forecast.projection.steps import Flags, Floats, Index

BANDS: Final = (0, 30, 90, 180)
"""Days left from which on each band counts; the last holds all contracts, whoever spoke for them."""
_SEEN_FROM: Final = (15, 60, 135)
"""Days before the end at which past contracts of the bands before the last are looked at."""
RATE: Final = 0.8
"""The rate until history says otherwise: four fifths of renewals are won in simulated companies (`simulator/world`)."""
WORTH: Final = 5.0
"""Contracts of the usual size that this is worth. A round number set beforehand."""
MOST: Final = 2.0
"""What is renewed beyond so many times what was due is new business, and teaches nothing of renewals."""
_BAND_80: Final = 1.2815515655446004


@dataclass(frozen=True, slots=True)
class Renewing:
    """By band of days left, of the amount due: `chance`, the share of contracts that were renewed at all, `rate`, what was renewed,
    and `square`, the mean square of it. `overall` is the rate of all contracts, `deviation` how uncertain it is, `contracts` how
    many taught it.
    """

    chance: Floats
    rate: Floats
    square: Floats
    overall: float
    deviation: float
    contracts: int

    @property
    def range(self) -> tuple[float, float]:
        """Between which the rate lies in four cases of five."""
        half = _BAND_80 * self.deviation
        return max(self.overall - half, 0.0), self.overall + half

    @property
    def relative(self) -> float:
        """How uncertain the rate is, over the rate."""
        return self.deviation / self.overall if self.overall else 0.0


@dataclass(frozen=True, slots=True)
class Due:
    """Contracts that fall due in some days without a deal: `rows` of all contracts, each as a deal to be won; what is left of
    each, `amount`. `spread`: the variance that an uncertain rate gives all of them together.
    """

    rows: Index
    amount: Floats
    deals: Deals
    spread: float

    @property
    def mean(self) -> float:
        """What they bring together on average."""
        return float(self.deals.chance @ self.deals.mean)


def learn(known: Contracts, today: int, half_life: float) -> Renewing:
    """From contracts whose end is long enough past that all renewals of them are told, the later the more."""
    judged = (known.end + LATE < today) & ~np.isnan(known.kept)
    amount, kept = known.amount[judged], np.minimum(known.kept[judged], MOST)
    counted = 0.5 ** ((today - known.end[judged]) / half_life) * amount
    moments = np.stack((kept > 0, kept, kept**2))
    prior = np.full(3, RATE)
    usual = float(counted @ amount) / float(counted.sum()) if counted.sum() else 1.0
    company = _toward(moments, counted, prior, usual)
    left = known.end[judged] - known.spoken[judged].astype(float)
    bands = [_toward(moments[:, some], counted[some], company, usual) for some in (left < seen for seen in _SEEN_FROM)]
    chance, rate, square = np.stack([*bands, company], axis=1)
    seen = float(counted.sum()) ** 2 / float(counted @ counted) if counted.sum() else 0.0
    scatter = max(float(company[2] - company[1] ** 2), 0.0)
    return Renewing(
        chance, rate, square, float(company[1]), float(np.sqrt(scatter / (seen + WORTH))), int(judged.sum())
    )


def _toward(moments: Floats, counted: Floats, parent: Floats, usual: float) -> Floats:
    found: Floats = (moments @ counted + WORTH * usual * parent) / (counted.sum() + WORTH * usual)
    return found


def due(known: Contracts, learnt: Renewing, today: int, start: int, end: int, some: Index | None = None) -> Due:
    """What falls due from `start`, today or later, until before `end`, of all contracts or the rows `some` of them."""
    falls: Flags = (known.end >= max(start, today)) & (known.end < end) & (known.left > 0)
    rows = np.flatnonzero(falls) if some is None else some[falls[some]]
    amount = known.amount[rows] * known.left[rows]
    band = np.searchsorted(np.array(BANDS), known.end[rows] - today, side="right") - 1
    chance = learnt.chance[band]
    share, square = learnt.rate[band] / chance, learnt.square[band] / chance
    deals = Deals(chance, amount * share, amount**2 * np.maximum(square - share**2, 0.0))
    return Due(rows, amount, deals, (learnt.relative * float(chance @ deals.mean)) ** 2)


UNTAUGHT: Final = learn(NO_CONTRACTS, 0, 1.0)
NOTHING_DUE: Final = due(NO_CONTRACTS, UNTAUGHT, 0, 0, 0)
