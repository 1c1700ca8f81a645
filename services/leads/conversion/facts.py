"""What the model reads of a lead, column by column, from the register's leads or from their past."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

import numpy as np

from libs.common.events.leads import LeadState
from services.leads.conversion.odds.table import Floats, Table, Words
from services.leads.scoring.points import rule_points

CHANNEL = "source"
DAY = timedelta(days=1)
WORDS = ("source", "region", "market", "segment", "product", "industry", "role")


@dataclass(frozen=True)
class Facts:
    """Leads in columns. Amounts are not among them: they come in many currencies, and mostly when a lead is qualified.

    `words` by name of WORDS; `employees`, `touches`, `silent_days` (since the last sign of life) and `age_days` (since
    creation) (leads,) with NaN for unknown.
    """

    words: dict[str, Words]
    employees: Floats
    touches: Floats
    silent_days: Floats
    age_days: Floats

    def __len__(self) -> int:
        return len(self.employees)

    @classmethod
    def of(cls, leads: Sequence[LeadState], *, as_of: datetime) -> Self:
        """The facts of leads as they stand at `as_of`."""
        return cls(
            {name: np.array([getattr(lead, name) for lead in leads], dtype=object) for name in WORDS},
            employees=_numbers([lead.employees for lead in leads]),
            touches=_numbers([lead.engagement_count for lead in leads]),
            silent_days=_days([lead.last_activity_at for lead in leads], as_of),
            age_days=_days([lead.created_at for lead in leads], as_of),
        )

    @classmethod
    def of_columns(cls, columns: dict[str, list[object]]) -> Self:
        """From the arrays that a query brings, named like the fields."""
        return cls(
            {name: np.array(columns[name], dtype=object) for name in WORDS},
            **{name: _numbers(columns[name]) for name in ("employees", "touches", "silent_days", "age_days")},
        )

    def table(self) -> Table:
        numbers = {
            "employees": self.employees,
            "touches": self.touches,
            "silent days": np.maximum(self.silent_days, 0.0),
            "age in days": np.maximum(self.age_days, 0.0),
        }
        return Table(numbers, self.words)

    def points(self) -> Floats:
        """(leads,) points of the rules."""
        return rule_points(
            employees=self.employees,
            industry=self.words["industry"].tolist(),
            role=self.words["role"].tolist(),
            segment=self.words["segment"].tolist(),
            touches=self.touches,
            silent_days=self.silent_days,
        )


def _numbers(values: Sequence[object]) -> Floats:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def _days(times: Sequence[datetime | None], as_of: datetime) -> Floats:
    return np.array([np.nan if at is None else (as_of - at) / DAY for at in times], dtype=np.float64)
