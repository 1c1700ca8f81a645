"""Ridge logistic regression by Newton's method."""

from dataclasses import dataclass

import numpy as np
from scipy import linalg
from scipy.special import expit

from services.leads.conversion.odds.table import Floats

MOST_STEPS = 60
CLOSE_ENOUGH = 1e-8
VAGUE_RIDGE = 1.0


@dataclass(frozen=True, slots=True)
class Fitted:
    """`intercept` and `slopes` (features,) in log-odds; `covariance` (1 + features, 1 + features), intercept first.

    The covariance is the inverse of the Hessian at the optimum, penalised by VAGUE_RIDGE at most: Laplace's approximation
    of what the leads alone tell. A strong ridge makes slopes small; it is no evidence that they are.
    """

    intercept: float
    slopes: Floats
    covariance: Floats


def fit(features: Floats, outcomes: Floats, *, ridge: float, weights: Floats | None = None) -> Fitted:
    """Minimise -sum of w (y log p + (1 - y) log(1 - p)) + ridge / 2 * sum of squared slopes; the intercept is free.

    `features` (leads, features), `outcomes` 0 or 1. The intercept bears a tiny penalty, so that leads of one outcome
    only have a solution. Raises ValueError for ridge <= 0.
    """
    if ridge <= 0:
        raise ValueError(f"the ridge must be above 0, not {ridge}")
    design = np.column_stack([np.ones(len(features)), features])
    weight = np.ones(len(outcomes)) if weights is None else weights
    penalty = np.full(design.shape[1], ridge)
    penalty[0] = 1e-3
    found = np.zeros(design.shape[1])
    worth = _loss(design, outcomes, weight, penalty, found)
    for _ in range(MOST_STEPS):
        chance = expit(design @ found)
        gradient = design.T @ (weight * (chance - outcomes)) + penalty * found
        step = linalg.solve(_hessian(design, weight, penalty, chance), gradient, assume_a="pos")
        size = 1.0
        while (better := _loss(design, outcomes, weight, penalty, found - size * step)) > worth and size > 1e-6:
            size /= 2
        found = found - size * step
        if worth - better < CLOSE_ENOUGH * (1 + abs(worth)):
            break
        worth = better
    told = _hessian(design, weight, np.minimum(penalty, VAGUE_RIDGE), expit(design @ found))
    return Fitted(float(found[0]), found[1:], np.asarray(linalg.inv(told)))


def _hessian(design: Floats, weight: Floats, penalty: Floats, chance: Floats) -> Floats:
    curved = (design * (weight * chance * (1 - chance))[:, None]).T @ design
    curved[np.diag_indices_from(curved)] += penalty
    return np.asarray(curved)


def _loss(design: Floats, outcomes: Floats, weight: Floats, penalty: Floats, found: Floats) -> float:
    logit = design @ found
    return float(np.sum(weight * (np.logaddexp(0.0, logit) - outcomes * logit)) + 0.5 * np.sum(penalty * found**2))
