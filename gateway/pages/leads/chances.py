"""The chance of a lead as a picture: what each column adds to its log-odds, one after the other, up to the chance. Pure.

Positions are thousandths of the picture's width, as in `axis`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from gateway.pages.axis import axis, written

LABELS: Mapping[str, str] = {
    "prior": "Base rate",
    "rules": "Points of the grade",
    "source": "Source",
    "region": "Region",
    "market": "Market",
    "segment": "Segment",
    "product": "Product",
    "industry": "Industry",
    "role": "Role",
    "employees": "Employees",
    "touches": "Touches",
    "silent days": "Days since the last touch",
    "age in days": "Days since it arrived",
}
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Step:
    """What one column adds: a bar from where the sum stood before to where it stands then."""

    label: str
    detail: str
    log_odds: float
    x: str
    width: str

    @property
    def tone(self) -> str:
        return "up" if self.log_odds > 0 else "down"

    @property
    def is_unknown(self) -> bool:
        return self.detail == UNKNOWN


@dataclass(frozen=True, slots=True)
class Contributions:
    """`steps` lead from `average`, the log-odds of the average lead, to `total`, those of this one.

    `even` is where log-odds are 0, a chance of one half; `start` and `end` where the average and this lead stand.
    """

    average: float
    total: float
    steps: Sequence[Step]
    even: str
    start: str
    end: str


def contributions(conversion: Mapping[str, Any]) -> Contributions:
    """The geometry of a chance as the API tells it; its bars lie end to end."""
    average = Decimal(str(conversion["average_log_odds"]))
    reached = [average]
    for reason in conversion["reasons"]:
        reached.append(reached[-1] + Decimal(str(reason["log_odds"])))
    scale = axis(reached)
    steps = []
    for reason, before, after in zip(conversion["reasons"], reached, reached[1:], strict=False):
        left, right = scale.across(min(before, after)), scale.across(max(before, after))
        label = LABELS.get(reason["column"], reason["column"])
        steps.append(Step(label, reason["detail"], reason["log_odds"], written(left), written(right - left)))
    return Contributions(
        float(average),
        float(reached[-1]),
        steps,
        written(scale.across(Decimal())),
        written(scale.across(average)),
        written(scale.across(reached[-1])),
    )
