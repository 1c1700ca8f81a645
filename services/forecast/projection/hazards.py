"""How fast deals are won, lost and moved on, by where they stand: counts shrunk to those of their parents. Pure.

Rates are per deal and day. A cell's rate is (events + k × the parent's rate) / (exposure + k), the mean of a Gamma prior with
`k` deal-days worth of the parent's evidence after a Poisson count; parents are segment → all segments → all ages → all
stages → the answers given at set-up. The calendar multiplies rates; it is fitted by proportional scaling in turns with them.
"""

from dataclasses import dataclass, replace
from math import log

import numpy as np

from services.forecast.projection.counting import KINDS, LOSS, MOVE, WIN, Counts, weights
from services.forecast.projection.seasons import QUARTER_PARTS, WEEKDAYS, Seasons
from services.forecast.projection.settings import Settings
from services.forecast.projection.steps import Floats

ROUNDS = 4
"""Turns of rates and calendar; after these nothing moves by a thousandth."""


@dataclass(frozen=True, slots=True)
class Hazards:
    """`rates`: (kinds, segments, stages, age bands) per day. `quarter`, `week`: what each part of the calendar multiplies
    them by, (kinds, parts). `moves`: to which stage a deal moves that does, (stages, stages), rows add to 1 or 0.
    `first_stage`: where a new deal stands in its first evening, (segments, stages + 2), rows add to 1.
    """

    rates: Floats
    quarter: Floats
    week: Floats
    moves: Floats
    first_stage: Floats

    def calendar(self, days: Seasons) -> Floats:
        """What each day multiplies the rates by, (kinds, days)."""
        factor: Floats = self.quarter[:, days.quarter_part] * self.week[:, days.weekday]
        return factor

    def at(self, levels: Floats) -> "Hazards":
        """The same with each kind of event so many times as fast."""
        return replace(self, rates=self.rates * levels[:, None, None, None])

    def winning(self, factor: float) -> "Hazards":
        """The same with deals won so many times as fast."""
        rates = self.rates.copy()
        rates[WIN] *= factor
        return replace(self, rates=rates)


def fit(counts: Counts, days: Seasons, settings: Settings) -> Hazards:
    """Rates and calendar from the counts; `days` are those of the counts."""
    counted = weights(counts.days, settings.half_life)
    quarter = np.array(settings.quarter_prior)
    week = np.tile(_week_prior(settings), (KINDS, 1))
    quarter_prior, week_prior = quarter.copy(), week.copy()
    quarter_worth = np.array(settings.quarter_events)
    by_quarter = _indicator(days.quarter_part, QUARTER_PARTS) * counted[:, None]
    by_week = _indicator(days.weekday, WEEKDAYS) * counted[:, None]
    events = counts.events @ counted
    seen_quarter, seen_week = (counts.events.sum(axis=1) @ by for by in (by_quarter, by_week))
    rates = np.zeros((KINDS, *counts.shape))
    for _ in range(ROUNDS):
        for kind in range(KINDS):
            factor = quarter[kind, days.quarter_part] * week[kind, days.weekday]
            exposure = counts.exposure @ (counted * factor)
            rates[kind] = _shrunk(events[kind], exposure, counts.shape, kind, settings)
            expected = rates[kind].ravel() @ counts.exposure
            of_quarter = (expected * week[kind, days.weekday]) @ by_quarter
            quarter[kind] = _factor(seen_quarter[kind], of_quarter, quarter_prior[kind], quarter_worth[kind])
            of_week = (expected * quarter[kind, days.quarter_part]) @ by_week
            week[kind] = _factor(seen_week[kind], of_week, week_prior[kind], settings.week_events)
    return Hazards(rates, quarter, week, _shares(counts.moves), _first_stage(counts.first_stage))


def _week_prior(settings: Settings) -> Floats:
    week = np.ones(WEEKDAYS)
    week[5:] = settings.weekend_prior
    prior: Floats = week * WEEKDAYS / week.sum()
    return prior


def _indicator(part: np.ndarray, parts: int) -> Floats:
    found: Floats = (part[:, None] == np.arange(parts)).astype(float)
    return found


def _factor(seen: Floats, expected: Floats, prior: Floats, worth: Floats | float) -> Floats:
    """Seen over expected, where fewer than `worth` were expected nearer to the prior."""
    factor: Floats = (seen + worth * prior) / (expected + worth)
    return factor


def _shrunk(events: Floats, exposure: Floats, shape: tuple[int, int, int], kind: int, settings: Settings) -> Floats:
    happened, could = events.reshape(shape), exposure.reshape(shape)
    company = _toward(happened.sum(), could.sum(), _answered(kind, settings), settings.company_exposure)
    stage = _toward(happened.sum(axis=(0, 2)), could.sum(axis=(0, 2)), company, settings.stage_exposure)
    age = _toward(happened.sum(axis=0), could.sum(axis=0), stage[:, None], settings.age_exposure)
    return _toward(happened, could, age[None], settings.segment_exposure)


def _toward(events: Floats, exposure: Floats, parent: Floats | float, worth: float) -> Floats:
    rate: Floats = np.asarray((events + worth * parent) / (exposure + worth))
    return rate


def _answered(kind: int, settings: Settings) -> float:
    """The rate that the answers at set-up imply for a process without stages."""
    closing = log(2) / settings.cycle
    return {WIN: settings.win_rate * closing, LOSS: (1 - settings.win_rate) * closing, MOVE: 0.0}[kind]


def _shares(moves: Floats) -> Floats:
    total = moves.sum(axis=1, keepdims=True)
    shares: Floats = np.divide(moves, total, out=np.zeros_like(moves), where=total > 0)
    return shares


def _first_stage(seen: Floats) -> Floats:
    """Each segment's own, with ten deals' worth of all segments'; the first stage when nothing is known."""
    everywhere = seen.sum(axis=0)
    if everywhere.sum() == 0:
        everywhere = everywhere.copy()
        everywhere[0] = 1.0
    everywhere = everywhere / everywhere.sum()
    shares: Floats = (seen + 10 * everywhere) / (seen.sum(axis=1, keepdims=True) + 10)
    return shares
