"""A policy: rules with limits, least prices, who is asked at which level, budgets of exceptions, planned margins.

Level 0 is automatic; 1, 2 and 3 ask the stages of the chain up to that level, one stage after the other, the authorities of a
stage at once.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, get_args

Measure = Literal["discount", "below_floor", "margin", "payment_days", "term_months"]
Authority = Literal["manager", "vp", "cso", "finance", "ceo"]
Reason = Literal["new_logo", "displacement", "churn_defence"]
AUTHORITIES: tuple[Authority, ...] = get_args(Authority)
HIGHEST = 3


@dataclass(frozen=True, slots=True)
class Limit:
    """Beyond `beyond` (for a margin: below it) the level is asked."""

    beyond: Decimal
    level: int


@dataclass(frozen=True, slots=True)
class Rule:
    """A measure of each line or of the whole quote, in a market, segment and family (None: any).

    `unknown_level` is asked where the measure is unknown, such as a margin without a cost.
    """

    measure: Measure
    scope: Literal["line", "quote"]
    limits: tuple[Limit, ...]
    market: str | None = None
    segment: str | None = None
    family: str | None = None
    unknown_level: int = 0

    def fits(self, market: str | None, segment: str | None, family: str | None) -> bool:
        return (
            self.market in (None, market)
            and self.segment in (None, segment)
            and (self.scope == "quote" or self.family in (None, family))
        )

    def level_of(self, value: Decimal | None) -> tuple[int, Decimal | None]:
        """The level that a value asks for and the limit that it passed."""
        if value is None:
            return self.unknown_level, None
        passed = [
            limit
            for limit in self.limits
            if (value < limit.beyond if self.measure == "margin" else value > limit.beyond)
        ]
        worst = max(passed, key=lambda limit: limit.level, default=None)
        return (0, None) if worst is None else (worst.level, worst.beyond)


@dataclass(frozen=True, slots=True)
class Minimum:
    """The least share of the list price at which a product may be sold; the highest that fits holds."""

    share: Decimal
    market: str | None = None
    segment: str | None = None
    family: str | None = None


@dataclass(frozen=True, slots=True)
class Stage:
    """Who is asked from a level on; all of them at once."""

    level: int
    authorities: tuple[Authority, ...]


@dataclass(frozen=True, slots=True)
class Budget:
    """What may be given away below the floor in a year, for a reason."""

    year: int
    reason: Reason
    currency: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class PlannedMargin:
    share: Decimal
    market: str | None = None
    segment: str | None = None


CHAIN = (Stage(1, ("manager",)), Stage(2, ("vp",)), Stage(3, ("cso", "finance")))


@dataclass(frozen=True, slots=True)
class Policy:
    rules: tuple[Rule, ...] = ()
    minima: tuple[Minimum, ...] = ()
    chain: tuple[Stage, ...] = CHAIN
    escalate_after_hours: int = 24
    below_floor_level: int = 1
    over_budget_level: int = HIGHEST
    budgets: tuple[Budget, ...] = ()
    planned_margins: tuple[PlannedMargin, ...] = ()

    def minimum(self, market: str | None, segment: str | None, family: str | None) -> Decimal | None:
        fitting = [
            each.share
            for each in self.minima
            if each.market in (None, market) and each.segment in (None, segment) and each.family in (None, family)
        ]
        return max(fitting, default=None)

    def stages(self, level: int) -> tuple[Stage, ...]:
        """Who is asked for a level, lowest first."""
        return tuple(sorted((stage for stage in self.chain if stage.level <= level), key=lambda stage: stage.level))

    def budget(self, year: int, reason: Reason, currency: str) -> Decimal:
        """Nothing where none was set: what nobody allowed is over budget."""
        return sum(
            (b.amount for b in self.budgets if (b.year, b.reason, b.currency) == (year, reason, currency)), Decimal()
        )

    def planned_margin(self, market: str | None, segment: str | None) -> Decimal | None:
        """Of the closest place that fits."""
        for place in ((market, segment), (market, None), (None, segment), (None, None)):
            for each in self.planned_margins:
                if (each.market, each.segment) == place:
                    return each.share
        return None
