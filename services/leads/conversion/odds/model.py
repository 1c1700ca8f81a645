"""The conversion model: what the leads of the past say, blended with the rules' prior, calibrated, with its reasons."""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from services.leads.conversion.odds.calibration import Line
from services.leads.conversion.odds.features import Design
from services.leads.conversion.odds.logistic import Fitted
from services.leads.conversion.odds.table import Floats, Table

PRIOR_LEADS = 5.0
"""The prior weighs as much as so many effective leads, see `effective_leads`."""

PRIOR_RATE = 0.15
"""The share of leads that convert, before any outcome is known."""

POINT_WORTH = 0.25
"""Log-odds of one point of the rules: eight points between a good and a bad lead multiply the odds by seven."""


@dataclass(frozen=True, slots=True)
class Prior:
    """What is believed before leads speak: a base rate, moved by the points that the rules of fit and engagement give."""

    weight: float = PRIOR_LEADS
    rate: float = PRIOR_RATE
    mean_points: float = 0.0

    def logits(self, points: Floats) -> Floats:
        """Log-odds by rule points (leads,)."""
        return float(logit(self.rate)) + POINT_WORTH * (points - self.mean_points)

    def learnt(self, outcomes: Floats, points: Floats, rows_per_lead: float = 1.0) -> "Prior":
        """The prior whose base rate and mean points those leads have moved, by weight."""
        leads = len(outcomes) / rows_per_lead
        rate = (self.weight * self.rate + float(outcomes.sum()) / rows_per_lead) / (self.weight + leads)
        mean = (self.weight * self.mean_points + float(points.sum()) / rows_per_lead) / (self.weight + leads)
        return Prior(self.weight, rate, mean)


@dataclass(frozen=True)
class Scores:
    """Of each lead: the chance to convert, the share of the prior in it, and what makes its log-odds.

    logit(chance) = average + prior + rules + sum of columns, exactly. `average` is one number for all leads, the log-odds
    of the average lead; `prior` (leads,) what the prior's base rate adds to it; `rules` (leads,) what the points of fit
    and engagement add; `columns` (leads, columns) in the order of `names`.
    """

    chance: Floats
    prior_share: Floats
    average: float
    prior: Floats
    rules: Floats
    columns: Floats
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Chances:
    """Of each lead (leads,): the chance to convert, and the share of the prior in it."""

    chance: Floats
    prior_share: Floats


ROWS_AT_ONCE = 2_048
"""So many leads with their features stay in the processor's cache."""


@dataclass(frozen=True)
class ConversionModel:
    """P(a lead converts within the horizon). Without a fit, the prior alone."""

    prior: Prior
    design: Design | None = None
    fitted: Fitted | None = None
    line: Line = Line()
    rows_per_lead: float = 1.0

    def score(self, table: Table, points: Floats) -> Scores:
        """Scores of the leads in `table` with their reasons; `points` (leads,) are those of the rules."""
        base = float(logit(self.prior.rate))
        believed = self.prior.logits(points)
        if self.design is None or self.fitted is None:
            none = np.zeros(len(points))
            return Scores(expit(believed), np.ones(len(points)), base, none, believed - base, none[:, None][:, :0], ())
        features = self.design.features(table)
        share = self._prior_share(self.fitted, features)
        slope = self.line.slope
        columns = slope * (1 - share)[:, None] * self.design.by_column(features, self.fitted.slopes)
        average = float(self.line(np.array([self.fitted.intercept]))[0])
        prior = slope * share * (base - self.fitted.intercept)
        rules = slope * share * (believed - base)
        return Scores(
            expit(average + prior + rules + columns.sum(axis=1)),
            share,
            average,
            prior,
            rules,
            columns,
            self.design.names,
        )

    def chances(self, table: Table, points: Floats) -> Chances:
        """The same chances and shares without their reasons, for very many leads."""
        believed = self.prior.logits(points)
        if self.design is None or self.fitted is None:
            return Chances(expit(believed), np.ones(len(points)))
        found = Chances(np.empty(len(points)), np.empty(len(points)))
        for start in range(0, len(points), ROWS_AT_ONCE):
            rows = slice(start, start + ROWS_AT_ONCE)
            features = self.design.features(table.take(rows))
            share = self._prior_share(self.fitted, features)
            said = self.fitted.intercept + features @ self.fitted.slopes
            found.chance[rows] = expit(self.line(share * believed[rows] + (1 - share) * said))
            found.prior_share[rows] = share
        return found

    def _prior_share(self, fitted: Fitted, features: Floats) -> Floats:
        leads = effective_leads(fitted, features) / self.rows_per_lead
        return self.prior.weight / (self.prior.weight + leads)


def effective_leads(fitted: Fitted, features: Floats) -> Floats:
    """How many leads like each of these the fit rests on: n such that p(1 - p) / n is the variance of its chance.

    By the delta method var(p) = (p(1 - p))² var(log-odds), so n = 1 / (p(1 - p) var(log-odds)). `features` centred
    (leads, features).
    """
    crossed = features @ fitted.covariance[1:, 1:] + 2 * fitted.covariance[0, 1:]
    variance = fitted.covariance[0, 0] + np.einsum("ij,ij->i", crossed, features)
    chance = expit(fitted.intercept + features @ fitted.slopes)
    return np.asarray(1.0 / (chance * (1 - chance) * variance))
