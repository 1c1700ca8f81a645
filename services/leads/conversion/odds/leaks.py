"""Statistics that betray a column filled after the outcome: its fill by outcome, and how much it alone tells."""

from dataclasses import dataclass
from math import exp, log, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from services.leads.conversion.odds import measures
from services.leads.conversion.odds.table import Bools, Floats, Table, Words

FOLDS = 5
PSEUDO_LEADS = 10.0
NUMBER_BINS = 20
CONFIDENCE = 0.999
"""Of intervals that decide about a column: many columns are asked, and a good one should not be lost to chance."""

Z = float(norm.ppf(0.5 + CONFIDENCE / 2))


@dataclass(frozen=True, slots=True)
class OddsRatio:
    """Odds of being filled on converted leads over those on the others, with the ends of its interval."""

    value: float
    low: float
    high: float


def fill_odds(filled: Bools, outcomes: Floats, strata: NDArray[np.int64]) -> OddsRatio | None:
    """Mantel and Haenszel's common odds ratio over strata, interval by Robins, Breslow and Greenland (1986).

    Strata keep apart leads that came by different ways: who enters by hand fills no form. None where no stratum has
    both outcomes and both filled and empty leads.
    """
    both = over = under = cross = own = 0.0
    for stratum in np.unique(strata):
        here = strata == stratum
        a, b = _count(filled[here], outcomes[here] == 1)
        c, d = _count(filled[here], outcomes[here] == 0)
        leads = a + b + c + d
        if not (a + b and c + d and a + c and b + d):
            continue
        r, s = a * d / leads, b * c / leads
        p, q = (a + d) / leads, (b + c) / leads
        over, under = over + r, under + s
        both, cross, own = both + p * r, cross + p * s + q * r, own + q * s
    if over == 0 and under == 0:
        return None
    over, under = max(over, 0.5), max(under, 0.5)
    spread = sqrt(both / (2 * over**2) + cross / (2 * over * under) + own / (2 * under**2))
    middle = log(over / under)
    return OddsRatio(exp(middle), exp(middle - Z * spread), exp(middle + Z * spread))


def alone(table: Table, name: str, outcomes: Floats) -> tuple[float, float] | None:
    """AUC of one column by itself and the lower end of its interval (Hanley and McNeil 1982).

    A lead's score is the shrunk share of conversions among leads of the same word, or of numbers in the same of 20
    bins, in the other four folds; empty is a word of its own. None without both outcomes.
    """
    values = table.numbers.get(name)
    codes = coded_words(table.words[name]) if values is None else _coded_numbers(values)
    fold = np.arange(len(outcomes)) % FOLDS
    scores = np.zeros(len(outcomes))
    for asked in range(FOLDS):
        known, here = fold != asked, fold == asked
        rate = outcomes[known].mean() if known.any() else 0.5
        leads = np.bincount(codes[known], minlength=codes.max() + 1)
        won = np.bincount(codes[known], weights=outcomes[known], minlength=codes.max() + 1)
        scores[here] = ((won + PSEUDO_LEADS * rate) / (leads + PSEUDO_LEADS))[codes[here]]
    found = measures.auc(scores, outcomes)
    return None if found is None else (found, found - Z * auc_error(found, outcomes))


def auc_error(auc: float, outcomes: Floats) -> float:
    """Standard error of an AUC (Hanley and McNeil 1982)."""
    won = float(outcomes.sum())
    lost = len(outcomes) - won
    first, second = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    spread = auc * (1 - auc) + (won - 1) * (first - auc**2) + (lost - 1) * (second - auc**2)
    return sqrt(max(spread, 0.0) / (won * lost))


def coded_words(values: Words) -> NDArray[np.int64]:
    """A number per different word, unknown included."""
    place: dict[object, int] = {}
    return np.array([place.setdefault(value, len(place)) for value in values.tolist()], dtype=np.int64)


def _count(filled: Bools, among: Bools) -> tuple[float, float]:
    return float((filled & among).sum()), float((~filled & among).sum())


def _coded_numbers(values: Floats) -> NDArray[np.int64]:
    known = values[~np.isnan(values)]
    if not len(known):
        return np.zeros(len(values), dtype=np.int64)
    edges = np.unique(np.quantile(known, np.linspace(0, 1, NUMBER_BINS + 1)[1:-1]))
    return np.where(np.isnan(values), len(edges) + 1, np.searchsorted(edges, values, side="right")).astype(np.int64)
