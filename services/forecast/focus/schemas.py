"""What focus looks like. Money is a decimal string in `currency`, shares and chances are in [0, 1]; unknown is null, never 0."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, field_validator

from libs.common.web.schemas import In, Out
from services.forecast.focus.impact import TERMS, WHOLE, Term
from services.forecast.focus.whitespace import Says
from services.forecast.rollup.schemas import PeriodOut, Reading

Whose = Literal["together", "each"]
"""Whose hours are given: those of one reader for all deals together, or each owner's own for theirs."""
Share = Annotated[Decimal, Field(ge=0, le=1, max_digits=10, allow_inf_nan=False)]
Hours = Annotated[Decimal, Field(gt=0, le=2000, max_digits=8, allow_inf_nan=False)]


class AssumptionsIn(In):
    """What nobody measured: see the guide. `weights` of all five terms add up to 100; a tier that is not named is unknown."""

    uplift: Share
    hours: Hours
    emphasis: Annotated[Decimal, Field(ge=0, le=10, max_digits=10, allow_inf_nan=False)]
    weights: dict[Term, Annotated[int, Field(ge=0, le=WHOLE)]]
    tiers: Annotated[dict[Annotated[str, Field(min_length=1, max_length=80)], Share], Field(max_length=50)]

    @field_validator("weights")
    @classmethod
    def adds_up(cls, weights: dict[Term, int]) -> dict[Term, int]:
        missing = [term for term in TERMS if term not in weights]
        if missing:
            raise ValueError(f"a weight of {', '.join(missing)} is missing")
        if sum(weights.values()) != WHOLE:
            raise ValueError(f"the weights add up to {sum(weights.values())}, not to {WHOLE}")
        return weights

    @field_validator("tiers")
    @classmethod
    def in_lower_case(cls, tiers: dict[str, Decimal]) -> dict[str, Decimal]:
        return {name.strip().lower(): share for name, share in tiers.items()}


class AssumptionsOut(Out):
    """What holds now, and who said so; null: nobody did, and these are the defaults."""

    uplift: Decimal
    hours: Decimal
    emphasis: Decimal
    weights: dict[Term, int]
    tiers: dict[str, Decimal]
    said_by: str | None
    said_at: datetime | None


class StatementIn(In):
    """What is said of a deal, all of it anew; null: nothing. `hours`: what it takes. `reference`: how much winning it would serve as
    a reference. `displacement`: how far it replaces a competitor.
    """

    hours: Hours | None = None
    reference: Share | None = None
    displacement: Share | None = None


class StatementOut(Out):
    """What holds of a deal."""

    deal_id: UUID
    hours: Decimal | None
    reference: Decimal | None
    displacement: Decimal | None
    said_by: str
    said_at: datetime


class TermOut(Out):
    """A term of the strategic impact: how far it holds, and the points of its weight that makes; both null where it is unknown."""

    term: Term
    weight: int
    share: float | None
    points: float | None


class FocusOut(Out):
    """A deal and what an hour of attention to it is worth.

    `financial` = worth x uplift, where `worth` is what the deal brings if it is won: its `margin` where cost is known, else the amount.
    `amount`: what it brings in bookings; `margin_share`: how much of that is margin by the quote that sets its amount, null where its
    cost is not known. `below_floor`: what that quote lacks to the floor of its band; null where it has none, or no rate.
    `whitespace_said`: what people state of the deal's product at its account, where that and not what was bought makes the term.
    `uplift` = 4 x chance x (1 - chance) x what is assumed at one half. `strategic`: points of the terms, 0 to 100, with `known`, the
    weight of those that are known. `gain` = financial x (1 + emphasis x strategic / 100), `by_the_hour` = gain / hours.
    """

    rank: int
    fits: bool
    deal_id: UUID
    name: str | None
    stage: str | None
    close_date: date | None
    owner_id: UUID | None
    account_id: UUID | None
    chance: float
    worth: Decimal
    worth_is: Literal["margin", "amount"]
    amount: Decimal
    margin_share: float | None
    below_floor: Decimal | None
    uplift: float
    financial: Decimal
    terms: list[TermOut]
    whitespace_said: Says | None
    strategic: float
    known: int
    gain: Decimal
    hours: Decimal
    hours_are: Literal["said", "assumed"]
    by_the_hour: Decimal


class FocusReading(Reading):
    """Open deals by what an hour of attention is worth in a period.

    `costs_shown`: whether costs are shown to the caller; where not, every deal is ranked by amount. `deals`: those that fit into the hours, best first, at most 500. `missed`: the next ones that do not. `open`: all that were asked,
    of which `fitting` fit, which use `used` hours. `gain`: of those that fit; `gain_of_all`: of all. `without_margin`: deals that are
    ranked by amount since their cost is not known.
    """

    metric: str
    period: PeriodOut
    deal_type: str | None
    value_basis: str
    is_over: bool
    hours: Decimal
    whose: Whose
    assumptions: AssumptionsOut
    target: Literal["set", "none"]
    open: int
    fitting: int
    used: Decimal
    gain: Decimal
    gain_of_all: Decimal
    without_margin: int
    costs_shown: bool
    deals: list[FocusOut]
    missed: list[FocusOut]
    settings: str
