"""The chance to be won by a day, from everywhere a deal can stand: one recursion from that day back to today. Pure."""

from dataclasses import dataclass

import numpy as np

from services.forecast.projection.counting import KINDS, MOVE, WIN
from services.forecast.projection.hazards import Hazards
from services.forecast.projection.seasons import Seasons
from services.forecast.projection.steps import Floats, Index


@dataclass(frozen=True, slots=True)
class Curves:
    """`chance`: to be won before `end` for a deal that stands there when today begins, (segments, stages, ages in days).

    `newborn`: the same for a deal created on each day from today to `end`, in the evening of its first day,
    (segments, days); what it brings that very day included.
    """

    chance: Floats
    newborn: Floats

    def of(self, segment: Index, stage: Index, age: Index) -> Floats:
        """The chance of deals that stand so. Ages beyond the table stand in its last day."""
        found: Floats = self.chance[segment, stage, np.minimum(age, self.chance.shape[2] - 1)]
        return found


def curves(hazards: Hazards, days: Seasons, ages: tuple[int, ...]) -> Curves:
    """The chances over `days`, the days from today on to the last before the end."""
    factor = hazards.calendar(days)
    horizon = len(days.quarter_part)
    longest = ages[-1] + 1
    # A deal of age a can move on the next day, when it is a + 1 days old.
    band = np.searchsorted(np.array(ages), np.arange(1, longest + 1), side="right") - 1
    segments, stages = hazards.rates.shape[1:3]
    chance = np.zeros((segments, stages, longest))
    newborn = np.zeros((segments, horizon))
    older = np.minimum(np.arange(longest) + 1, longest - 1)
    for day in reversed(range(horizon)):
        newborn[:, day] = _begins(hazards, chance[:, :, 0], stages)
        today = hazards.rates * factor[:, day].reshape(KINDS, 1, 1, 1)
        total = today.sum(axis=0)
        moving = -np.expm1(-total)
        share = np.divide(moving, total, out=np.ones_like(total), where=total > 0)
        onward = chance[:, :, 0] @ hazards.moves.T
        leaves = today[WIN] * share + today[MOVE] * share * onward[:, :, None]
        # Rates are those of age bands; only what is left depends on each day of age.
        chance = leaves[:, :, band] + (1 - moving)[:, :, band] * chance[:, :, older]
    return Curves(chance, newborn)


def _begins(hazards: Hazards, evening: Floats, stages: int) -> Floats:
    begun: Floats = (hazards.first_stage[:, :stages] * evening).sum(axis=1) + hazards.first_stage[:, stages]
    return begun
