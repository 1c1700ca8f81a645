"""Policies as they come in and go out by HTTP, and as they are kept."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, Field, field_validator, model_validator

from libs.common import money
from libs.common.web.schemas import In, Out
from services.pricing.policies.judging import (
    Authority,
    Budget,
    Limit,
    Measure,
    Minimum,
    PlannedMargin,
    Policy,
    Reason,
    Rule,
    Stage,
)
from services.pricing.policies.models import PolicyVersion

Level = Annotated[int, Field(ge=1, le=3)]
Name = Annotated[str, Field(min_length=1, max_length=100)] | None
Share = Annotated[Decimal, Field(ge=0, le=1, decimal_places=4, allow_inf_nan=False)]
Amount = Annotated[Decimal, Field(ge=0, max_digits=18, decimal_places=2, allow_inf_nan=False)]


class LimitIn(In):
    beyond: Annotated[Decimal, Field(ge=-10, le=10_000, decimal_places=4, allow_inf_nan=False)]
    level: Level


class RuleIn(In):
    """Beyond a limit (for a margin: below it) its level is asked. Shares are in [0, 1], days and months whole numbers."""

    measure: Measure
    scope: Literal["line", "quote"]
    limits: Annotated[tuple[LimitIn, ...], Field(min_length=1, max_length=3)]
    market: Name = None
    segment: Name = None
    family: Name = None
    unknown_level: Annotated[int, Field(ge=0, le=3)] = 0


class MinimumIn(In):
    share: Share
    market: Name = None
    segment: Name = None
    family: Name = None


class StageIn(In):
    level: Level
    authorities: Annotated[tuple[Authority, ...], Field(min_length=1, max_length=4)]


class BudgetIn(In):
    year: Annotated[int, Field(ge=2000, le=2200)]
    reason: Reason
    currency: str
    amount: Amount

    @field_validator("currency")
    @classmethod
    def _is_currency(cls, value: str) -> str:
        money.exponent(value)
        return value


class PlannedMarginIn(In):
    share: Annotated[Decimal, Field(ge=-1, le=1, decimal_places=4, allow_inf_nan=False)]
    market: Name = None
    segment: Name = None


_CHAIN = (
    StageIn(level=1, authorities=("manager",)),
    StageIn(level=2, authorities=("vp",)),
    StageIn(level=3, authorities=("cso", "finance")),
)


class PolicyDocument(In):
    """A whole policy. Level 0 is automatic, 1 asks the manager, 2 also the manager's manager, 3 also CSO and finance."""

    rules: Annotated[tuple[RuleIn, ...], Field(max_length=200)] = ()
    minima: Annotated[tuple[MinimumIn, ...], Field(max_length=200)] = ()
    chain: Annotated[tuple[StageIn, ...], Field(min_length=1, max_length=6)] = _CHAIN
    escalate_after_hours: Annotated[int, Field(ge=1, le=720)] = 24
    below_floor_level: Level = 1
    over_budget_level: Level = 3
    budgets: Annotated[tuple[BudgetIn, ...], Field(max_length=200)] = ()
    planned_margins: Annotated[tuple[PlannedMarginIn, ...], Field(max_length=200)] = ()

    @model_validator(mode="after")
    def _every_level_asks_somebody(self) -> Self:
        levels = [stage.level for stage in self.chain]
        if 1 not in levels or len(set(levels)) < len(levels):
            raise ValueError("the chain names each level once, and level 1 asks somebody")
        if any(len(set(stage.authorities)) < len(stage.authorities) for stage in self.chain):
            raise ValueError("a stage names each authority once")
        return self

    def policy(self) -> Policy:
        return Policy(
            rules=tuple(
                Rule(
                    each.measure,
                    each.scope,
                    tuple(Limit(limit.beyond, limit.level) for limit in each.limits),
                    each.market,
                    each.segment,
                    each.family,
                    each.unknown_level,
                )
                for each in self.rules
            ),
            minima=tuple(Minimum(each.share, each.market, each.segment, each.family) for each in self.minima),
            chain=tuple(Stage(each.level, each.authorities) for each in self.chain),
            escalate_after_hours=self.escalate_after_hours,
            below_floor_level=self.below_floor_level,
            over_budget_level=self.over_budget_level,
            budgets=tuple(Budget(each.year, each.reason, each.currency, each.amount) for each in self.budgets),
            planned_margins=tuple(
                PlannedMargin(each.share, each.market, each.segment) for each in self.planned_margins
            ),
        )


class PolicyIn(In):
    """A new version; without `valid_from` it holds at once, and it never begins in the past."""

    document: PolicyDocument
    note: Annotated[str, Field(min_length=1, max_length=1000)]
    valid_from: AwareDatetime | None = None
    after: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="the newest version that its author knew; refused when another was published since"
    )


class PolicyOut(Out):
    version: int
    valid_from: datetime
    note: str
    published_by: str
    recorded_at: datetime
    is_in_force: bool
    is_starting: bool = Field(description="it came with the system and holds until one is published")
    document: PolicyDocument

    @classmethod
    def of(cls, row: PolicyVersion, document: PolicyDocument, *, in_force: int) -> Self:
        return cls(
            version=row.version,
            valid_from=row.valid_from,
            note=row.note,
            published_by=row.published_by,
            recorded_at=row.recorded_at,
            is_in_force=row.version == in_force,
            is_starting=row.is_starting,
            document=document,
        )


class PoliciesOut(Out):
    """All versions, newest first; the last, version 0, came with the system."""

    items: list[PolicyOut]
