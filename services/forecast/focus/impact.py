"""What attention to a deal is worth: financial impact, strategic impact, and both together by the hour. Pure.

A share that is not known is nan. It adds nothing to the strategic impact, and how much of the weight is known is told beside it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

import numpy as np

from services.forecast.projection.steps import Flags, Floats

Term = Literal["plan_gap", "account_tier", "whitespace", "reference", "displacement"]
TERMS: Final[tuple[Term, ...]] = ("plan_gap", "account_tier", "whitespace", "reference", "displacement")
WHOLE: Final = 100
"""What the weights add up to."""


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What nobody measured and somebody has to say.

    `uplift`: by how much attention raises a chance of one half, a share. `hours`: what a deal takes where nobody said it of the deal.
    `emphasis`: by how much a strategic impact of 100 raises what a deal counts; 1 doubles it. `weights` of the terms add up to 100.
    `tiers`: how much an account of each tier counts, in [0, 1], by its name in lower case.
    """

    uplift: Decimal
    hours: Decimal
    emphasis: Decimal
    weights: Mapping[Term, int]
    tiers: Mapping[str, Decimal]


DEFAULT: Final = Assumptions(
    uplift=Decimal("0.05"),
    hours=Decimal(4),
    emphasis=Decimal(1),
    weights={"plan_gap": 40, "account_tier": 20, "whitespace": 15, "reference": 15, "displacement": 10},
    tiers={
        **dict.fromkeys(("strategic", "key", "a", "1", "tier 1"), Decimal(1)),
        **dict.fromkeys(("b", "2", "tier 2"), Decimal("0.5")),
        **dict.fromkeys(("c", "3", "tier 3"), Decimal(0)),
    },
)


@dataclass(frozen=True, slots=True)
class Shares:
    """How far each term holds of each deal, in [0, 1], nan where that is not known; arrays of one length."""

    plan_gap: Floats
    account_tier: Floats
    whitespace: Floats
    reference: Floats
    displacement: Floats

    def of(self, term: Term) -> Floats:
        found: Floats = getattr(self, term)
        return found


@dataclass(frozen=True, slots=True)
class Impact:
    """Of each deal: by how much attention raises its chance, what that is worth, the strategic points and what is known of them.

    `financial` in the currency of `brings`; `points` by term, nan where the term is not known; `strategic` their sum, 0 to 100;
    `known`: the weight of the terms that are known, 0 to 100; `gain` = financial x (1 + emphasis x strategic / 100).
    """

    uplift: Floats
    financial: Floats
    points: Mapping[Term, Floats]
    strategic: Floats
    known: Floats
    gain: Floats
    by_the_hour: Floats


def uplift(chance: Floats, at_half: float) -> Floats:
    """By how much attention raises a chance: u x 4 p (1 - p), greatest where it is open how a deal ends, none where it is settled."""
    found: Floats = at_half * 4.0 * chance * (1.0 - chance)
    return found


def closing(brings: Floats, gap: Floats) -> Floats:
    """How much of what its plan lacks a deal would bring, at most all of it; 0 where the plan lacks nothing, nan without a plan."""
    found = np.zeros(len(brings))
    lacks = gap > 0
    found[lacks] = np.clip(brings[lacks] / gap[lacks], 0.0, 1.0)
    found[np.isnan(gap)] = np.nan
    return found


def worth(brings: Floats, margin: Floats) -> Floats:
    """What each deal is worth: of what it brings the share that is `margin`; all of it where that is unknown, nan."""
    found: Floats = np.where(np.isnan(margin), brings, brings * margin)
    return found


def impact(chance: Floats, brings: Floats, hours: Floats, shares: Shares, assumed: Assumptions) -> Impact:
    """What attention to each deal is worth. `brings`: margin where cost is known, else amount; `hours` are above 0."""
    raised = uplift(chance, float(assumed.uplift))
    financial = np.maximum(brings, 0.0) * raised
    points = {term: shares.of(term) * assumed.weights[term] for term in TERMS}
    every = np.array([points[term] for term in TERMS])
    weights = np.array([[assumed.weights[term]] for term in TERMS], dtype=float)
    strategic: Floats = np.nansum(every, axis=0)
    known: Floats = np.where(np.isnan(every), 0.0, weights).sum(axis=0)
    gain = financial * (1.0 + float(assumed.emphasis) * strategic / WHOLE)
    return Impact(raised, financial, points, strategic, known, gain, gain / hours)


def fitted(by_the_hour: Floats, hours: Floats, whose: np.ndarray, budget: float) -> tuple[list[int], Flags]:
    """The deals that fill a budget of hours for each of `whose`, best first; and the order in which all were asked.

    A deal that is worth more by the hour goes first; one that does not fit any more is passed over for a smaller one. What that
    leaves out is worth at most one deal: the first that was passed over. Returns the order and, by deal, whether it fits.
    """
    order: list[int] = np.lexsort((np.arange(len(hours)), -by_the_hour)).tolist()
    left: dict[int, float] = {}
    fits = np.zeros(len(hours), dtype=bool)
    worth, long, owners = by_the_hour.tolist(), hours.tolist(), whose.tolist()
    for at in order:
        rest = left.get(owners[at], budget)
        if worth[at] > 0 and long[at] <= rest:
            fits[at] = True
            left[owners[at]] = rest - long[at]
    return order, fits
