"""What a plan can assume: each measure with its unit, its law, and how little it may be allowed to differ. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal, get_args

Metric = Literal["win_rate", "creation", "size", "cycle", "pushed"]
METRICS: Final[tuple[Metric, ...]] = get_args(Metric)
Law = Literal["share", "rate", "mean"]
"""A share of cases (Beta), cases in a time (gamma), or a mean of cases (Student's t of its logarithm)."""
Unit = Literal["share", "a_month", "money", "days"]
Criticality = Literal["critical", "normal"]
MONTH_DAYS: Final = 365.25 / 12


@dataclass(frozen=True, slots=True)
class Measure:
    """`meaning`: what is counted, in words. `least`: the least tolerance that is proposed, a share of what is expected.

    `greatest`: what cannot be exceeded, where there is such a number.
    """

    name: Metric
    label: str
    meaning: str
    law: Law
    unit: Unit
    least: Decimal
    greatest: Decimal | None = None


MEASURES: Final[Mapping[Metric, Measure]] = {
    each.name: each
    for each in (
        Measure("win_rate", "Win rate", "won of the deals that were decided, by count", "share", "share", Decimal("0.10"), Decimal(1)),
        Measure("creation", "Creation", "deals created in a month", "rate", "a_month", Decimal("0.20")),
        Measure("size", "Average size", "what a won deal brought", "mean", "money", Decimal("0.20")),
        Measure("cycle", "Cycle", "days from creation to the booking of won deals", "mean", "days", Decimal("0.20")),
        Measure("pushed", "Pushed", "of the deals that were decided, those whose close date was ever put off", "share", "share", Decimal("0.20"), Decimal(1)),
    )
}  # fmt: skip
