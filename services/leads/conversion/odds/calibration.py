"""Platt's calibration: a straight line in log-odds, learnt on the newest leads, held to the identity while they are few."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from services.leads.conversion.odds.table import Floats

SLOPE_SPREAD = 0.3
SHIFT_SPREAD = 0.5
"""Standard deviations of slope (around 1) and shift (around 0) before any lead was seen."""


@dataclass(frozen=True, slots=True)
class Line:
    """Calibrated log-odds = slope * log-odds + shift; slope > 0, so the order of leads never changes."""

    slope: float = 1.0
    shift: float = 0.0

    def __call__(self, logits: Floats) -> Floats:
        return self.slope * logits + self.shift


def learn_line(logits: Floats, outcomes: Floats) -> Line:
    """The most probable line given the prior above; the identity without leads (Platt 1999, with a Gaussian prior)."""
    if len(logits) == 0:
        return Line()

    def cost(line: Floats) -> tuple[float, Floats]:
        slope, shift = line
        given = slope * logits + shift
        missed = expit(given) - outcomes
        off = np.array([(slope - 1) / SLOPE_SPREAD, shift / SHIFT_SPREAD])
        loss = float(np.sum(np.logaddexp(0.0, given) - outcomes * given) + 0.5 * np.sum(off**2))
        gradient = np.array([missed @ logits, missed.sum()]) + off / np.array([SLOPE_SPREAD, SHIFT_SPREAD])
        return loss, gradient

    found = minimize(cost, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=[(0.1, 5.0), (None, None)])
    return Line(float(found.x[0]), float(found.x[1]))
