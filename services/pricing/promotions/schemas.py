"""Promotions as they come in and go out by HTTP."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import Field, field_validator, model_validator

from libs.common import money
from libs.common.web.schemas import In, Out, Written
from services.pricing.promotions.lift import Judged
from services.pricing.promotions.lift.judging import Method
from services.pricing.promotions.mechanism import Kind, Stacking
from services.pricing.promotions.models import Entry, Plan, Promotion, State, Taken, Used, Verdict

Word = Annotated[str, Field(min_length=1, max_length=100)]
Amount = Annotated[Decimal, Field(ge=0, max_digits=18, decimal_places=2, allow_inf_nan=False)]
Note = Annotated[str, Field(max_length=1000)]


class PlanIn(In):
    """An empty scope means any. `value`: a share in (0, 1] for `percent`, an amount off the price of one for `amount`, months for
    `free_months`. `expected` is the extra revenue that you expect; null where you do not say.
    """

    name: Annotated[str, Field(min_length=1, max_length=60)]
    products: Annotated[tuple[UUID, ...], Field(max_length=200)] = ()
    markets: Annotated[tuple[Word, ...], Field(max_length=50)] = ()
    segments: Annotated[tuple[Word, ...], Field(max_length=50)] = ()
    starts_on: date
    ends_on: date
    currency: str
    budget: Amount
    kind: Kind
    value: Annotated[Decimal, Field(gt=0, max_digits=18, decimal_places=4, allow_inf_nan=False)]
    stacking: Stacking = "exclusive"
    expected: Annotated[Decimal, Field(max_digits=18, decimal_places=2, allow_inf_nan=False)] | None = None
    note: Note = ""

    @field_validator("currency")
    @classmethod
    def _is_currency(cls, value: str) -> str:
        money.exponent(value)
        return value

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.ends_on < self.starts_on:
            raise ValueError("a promotion ends on its first day or later")
        if (self.ends_on - self.starts_on).days > 731:
            raise ValueError("a promotion runs for two years at most; plan another one after it")
        if self.kind == "percent" and self.value > 1:
            raise ValueError("percent: the value is a share in (0, 1], so 10 % is 0.1")
        if self.kind == "free_months" and self.value != self.value.to_integral_value():
            raise ValueError("free_months: the value is a whole number of months")
        return self

    def plan(self) -> Plan:
        own = self.model_dump()
        for name in ("products", "markets", "segments"):
            own[name] = tuple(sorted(set(own[name])))
        return Plan(**own)


class DecideIn(In):
    """`version` is the one that was read: what was changed since is not decided on."""

    verdict: Verdict
    version: Annotated[int, Field(ge=1)]
    note: Note = ""


class EndIn(In):
    note: Annotated[str, Field(min_length=1, max_length=1000)]


class PromotionOut(Out):
    """A promotion as it stands. `used` is what standing quotes take of the budget; `ended_on` is the last day on which it could be taken."""

    promotion_id: UUID
    version: int
    state: State
    name: str
    products: list[UUID]
    markets: list[str]
    segments: list[str]
    starts_on: date
    ends_on: date
    currency: str
    budget: Written
    kind: Kind
    value: Written
    stacking: Stacking
    expected: Written | None
    note: str
    authors: list[str]
    decided_by: str | None
    ended_on: date | None
    changed_at: datetime
    used: Decimal
    accepted: Decimal
    left: Decimal
    over: Decimal = Field(
        description="what is taken beyond the budget, since a CRM reopened deals; nothing new is taken until it fits"
    )
    quotes: int

    @classmethod
    def of(cls, row: Promotion, used: Used) -> Self:
        plan = {name: getattr(row.plan, name) for name in Plan.__dataclass_fields__}
        return cls(
            **plan | {name: list(plan[name]) for name in ("products", "markets", "segments")},
            promotion_id=row.promotion_id,
            version=row.version,
            state=row.state,
            authors=list(row.authors),
            decided_by=row.decided_by,
            ended_on=row.ended_on,
            changed_at=row.changed_at,
            used=used.amount,
            accepted=used.accepted,
            left=max(Decimal(), row.plan.budget - used.amount),
            over=used.over(row.plan.budget),
            quotes=used.quotes,
        )


class PromotionsOut(Out):
    """The newest window first."""

    items: list[PromotionOut]


class EntryOut(Out):
    version: int
    state: State
    plan: dict[str, Any]
    actor: str
    note: str
    recorded_at: datetime

    @classmethod
    def of(cls, row: Entry) -> Self:
        return cls.model_validate(row)


class EntriesOut(Out):
    """Newest first."""

    items: list[EntryOut]


class TakenOut(Out):
    """`amount` is what the promotion takes off the quote, `over` of it is beyond the budget. One that does not stand takes nothing of it now.

    `came_back`: its deal was lost or removed and is there again, so what it takes is counted after what others took meanwhile.
    """

    quote_id: UUID
    deal_id: UUID
    deal: str
    status: str
    amount: Decimal
    net_amount: Decimal
    quoted_at: datetime
    stands: bool
    came_back: bool
    over: Decimal

    @classmethod
    def of(cls, row: Taken) -> Self:
        return cls.model_validate(row)


class TakensOut(Out):
    """Quotes that take the promotion, newest first, of deals that the caller may see; `others` stand outside that scope."""

    items: list[TakenOut]
    others: int


class MatchedOut(Out):
    market: str | None
    segment: str | None
    sales_before: int
    before: Decimal
    during: Decimal


class WeekOut(Out):
    starts_on: date
    is_during: bool
    actual: Decimal
    baseline: Decimal | None


class LiftOut(Out):
    """What came beyond the baseline, with a 90 % interval, and what was sold with the promotion, which is another thing.

    `lift` and its ends are null, with the reason in `why_not`, where there is too little. Amounts are of accepted quotes' lines with
    the promotion's products, in its currency, over whole weeks up to `until`. `attributed` is what was sold with the promotion on a
    line, however much of it would have been sold anyway; `given` is what it took off there. `overlapping` are other promotions of
    these products in these weeks in the same scope: the lift is of all of them.
    """

    promotion_id: UUID
    currency: str
    method: Method | None
    why_not: str | None
    actual: Decimal | None
    baseline: Decimal | None
    lift: Decimal | None
    low: Decimal | None
    high: Decimal | None
    expected: Written | None
    attributed: Decimal
    attributed_quotes: int
    given: Decimal
    sales_before: int
    sales_during: int
    weeks_before: int
    weeks_during: int
    until: date
    other_currencies: int
    overlapping: int
    matched: list[MatchedOut]
    weeks: list[WeekOut]
    said: str


def rounded(value: float, currency: str) -> Decimal:
    """An amount out of the engine."""
    return money.quantise(Decimal(repr(value)), currency)


def weeks_of(found: Judged, currency: str) -> list[WeekOut]:
    return [
        WeekOut(
            starts_on=each.starts_on,
            is_during=each.is_during,
            actual=rounded(each.actual, currency),
            baseline=None if each.baseline is None else rounded(each.baseline, currency),
        )
        for each in found.weeks
    ]


def matched_of(found: Judged, currency: str) -> list[MatchedOut]:
    return [
        MatchedOut(
            market=each.cell[0],
            segment=each.cell[1],
            sales_before=each.sales_before,
            before=rounded(each.before, currency),
            during=rounded(each.during, currency),
        )
        for each in found.matched
    ]
