"""How long the deals of a population have been in their stage. Pure."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np

from services.forecast.history.columns import day_number, local_days
from services.forecast.past.population import Population


@dataclass(frozen=True, slots=True)
class Age:
    """Of the deals in a stage: local days since they entered it, and the mean of the stage's probability where it is known."""

    median_days: int
    longest_days: int
    probability: Decimal | None


def ages_by_stage(population: Population, day: date, zone: ZoneInfo) -> dict[str | None, Age]:
    """By stage; a stage without a name is None. The median is the lower one of an even number, as in the present's query."""
    columns, rows = population.columns, population.rows
    entered = np.floor(local_days(columns.stage_entered_at[rows], zone)).astype(np.int64)
    days = np.maximum(day_number(day) - entered, 0)
    words = columns.words["stage"].texts
    typed = [None if text is None else Decimal(text) for text in columns.words["probability"].texts]
    found: dict[str | None, Age] = {}
    for code in np.unique(columns.stage[rows]).tolist():
        here = columns.stage[rows] == code
        ages = np.sort(days[here])
        known = [each for at in columns.probability[rows][here].tolist() if (each := typed[at]) is not None]
        found[words[code] or None] = Age(
            int(ages[(len(ages) - 1) // 2]), int(ages[-1]), sum(known, Decimal()) / len(known) if known else None
        )
    return found
