"""Fitting in the order of time: the ridge by how well it foretells later leads, the calibration on the newest, then all."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.special import expit, logit

from services.leads.conversion.odds import logistic, measures
from services.leads.conversion.odds.calibration import Line, learn_line
from services.leads.conversion.odds.features import learn_design
from services.leads.conversion.odds.model import ConversionModel, Prior
from services.leads.conversion.odds.table import Floats, Table

RIDGES = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
FEW_RIDGE = 10.0
"""Where too few outcomes are known to choose."""

CHOICE_PARTS = (0.4, 0.6, 0.8)
"""The ridge is chosen on the leads between neighbouring parts, fitted on those before; the newest fifth calibrates."""

LEAST_CONVERSIONS = 10
"""Fewer conversions, or fewer leads that did not convert, fit nothing: the prior stands alone."""


@dataclass(frozen=True)
class Past:
    """Leads whose outcome is known, oldest first: what was known when they were scored, rule points, 0 or 1.

    A lead may stand in several rows, as on several days of its life; it counts once where leads are counted.
    """

    table: Table
    points: Floats
    outcomes: Floats
    rows_per_lead: float = 1.0

    def __len__(self) -> int:
        return len(self.outcomes)

    def part(self, start: int, end: int) -> "Past":
        rows = slice(start, end)
        return Past(self.table.take(rows), self.points[rows], self.outcomes[rows], self.rows_per_lead)

    @property
    def says_something(self) -> bool:
        converted = float(self.outcomes.sum()) / self.rows_per_lead
        return LEAST_CONVERSIONS <= converted <= len(self) / self.rows_per_lead - LEAST_CONVERSIONS


@dataclass(frozen=True)
class Learnt:
    """The model and what its fitting chose."""

    model: ConversionModel
    ridge: float | None


def learn_model(past: Past, *, prior: Prior | None = None, channel: str | None = None) -> Learnt:
    """The model of all of `past`. With too few outcomes of a kind it is the prior, moved by what there is."""
    start = prior or Prior()
    if not past.says_something:
        return Learnt(ConversionModel(start.learnt(past.outcomes, past.points, past.rows_per_lead)), None)
    ridge = choose_ridge(past, channel=channel)
    line = _line(past, ridge, start, channel)
    return Learnt(_fit(past, ridge, start, channel, line), ridge)


def choose_ridge(past: Past, *, channel: str | None, ridges: Sequence[float] = RIDGES) -> float:
    """The ridge whose fits on older leads give the least log-loss on the leads that follow them; no later lead is read."""
    bounds = [int(len(past) * part) for part in CHOICE_PARTS]
    losses = np.zeros(len(ridges))
    for middle, end in pairwise(bounds):
        older, later = past.part(0, middle), past.part(middle, end)
        if not older.says_something or not len(later):
            continue
        design = learn_design(older.table, channel=channel)
        known, asked = design.features(older.table), design.features(later.table)
        for place, ridge in enumerate(ridges):
            fitted = logistic.fit(known, older.outcomes, ridge=ridge)
            chance = expit(fitted.intercept + asked @ fitted.slopes)
            losses[place] += measures.log_loss(chance, later.outcomes) * len(later)
    return FEW_RIDGE if not losses.any() else float(ridges[int(np.argmin(losses))])


def _line(past: Past, ridge: float, prior: Prior, channel: str | None) -> Line:
    """Learnt on the newest fifth, from a model that has not seen it."""
    bound = int(len(past) * CHOICE_PARTS[-1])
    older, newest = past.part(0, bound), past.part(bound, len(past))
    if not older.says_something:
        return Line()
    model = _fit(older, ridge, prior, channel, Line())
    return learn_line(logit(model.score(newest.table, newest.points).chance), newest.outcomes)


def _fit(past: Past, ridge: float, prior: Prior, channel: str | None, line: Line) -> ConversionModel:
    design = learn_design(past.table, channel=channel)
    fitted = logistic.fit(design.features(past.table), past.outcomes, ridge=ridge)
    moved = prior.learnt(past.outcomes, past.points, past.rows_per_lead)
    return ConversionModel(moved, design, fitted, line, past.rows_per_lead)
