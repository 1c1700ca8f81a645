"""How right chances were: ranking, log-loss, Brier score, calibration, each from chances and what came."""

from dataclasses import dataclass
from math import sqrt

import numpy as np
from scipy.stats import rankdata

from services.leads.conversion.odds.table import Floats

BINS = 10
TINY = 1e-12
Z_95 = 1.959964


@dataclass(frozen=True, slots=True)
class Measured:
    """Of `leads` leads with an outcome, `converted` of which converted. `auc` is None when all ended alike."""

    leads: int
    converted: int
    auc: float | None
    log_loss: float
    brier: float
    ece: float


@dataclass(frozen=True, slots=True)
class Bin:
    """Leads of neighbouring chances: how many, the mean chance that was said, the share that converted."""

    leads: int
    said: float
    came: float


def auc(scores: Floats, outcomes: Floats) -> float | None:
    """P(a converted lead scores above one that did not), ties counting half (Mann-Whitney); None without both kinds."""
    won = float(outcomes.sum())
    lost = len(outcomes) - won
    if won == 0 or lost == 0:
        return None
    ranks = rankdata(scores)
    return float((ranks[outcomes == 1].sum() - won * (won + 1) / 2) / (won * lost))


def log_loss(chances: Floats, outcomes: Floats) -> float:
    """Mean of -log of the chance given to what came, in nats."""
    given = np.where(outcomes == 1, chances, 1 - chances)
    return float(-np.log(np.clip(given, TINY, 1)).mean())


def brier(chances: Floats, outcomes: Floats) -> float:
    """Mean squared distance of the chance from 0 or 1."""
    return float(((chances - outcomes) ** 2).mean())


def reliability(chances: Floats, outcomes: Floats, bins: int = BINS) -> tuple[Bin, ...]:
    """Leads in order of chance, cut into `bins` of equal count (fewer where there are fewer leads)."""
    order = np.argsort(chances, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    return tuple(Bin(len(part), float(chances[part].mean()), float(outcomes[part].mean())) for part in parts)


def ece(chances: Floats, outcomes: Floats, bins: int = BINS) -> float:
    """Expected calibration error: |said - came| of equal-count bins, weighted by their leads."""
    cut = reliability(chances, outcomes, bins)
    return sum(part.leads * abs(part.said - part.came) for part in cut) / max(len(chances), 1)


def share_interval(share: float, leads: float) -> tuple[float, float]:
    """The 95 % interval of a share seen on so many leads (Wilson 1927); all of it without leads."""
    if leads <= 0:
        return 0.0, 1.0
    width = Z_95**2 / leads
    middle = share + width / 2
    spread = Z_95 * sqrt(share * (1 - share) / leads + width / (4 * leads))
    return max(0.0, (middle - spread) / (1 + width)), min(1.0, (middle + spread) / (1 + width))


def measure(chances: Floats, outcomes: Floats) -> Measured:
    """All of it. Raises ValueError without leads."""
    if len(chances) == 0:
        raise ValueError("there are no leads to measure by")
    return Measured(
        leads=len(chances),
        converted=int(outcomes.sum()),
        auc=auc(chances, outcomes),
        log_loss=log_loss(chances, outcomes),
        brier=brier(chances, outcomes),
        ece=ece(chances, outcomes),
    )
