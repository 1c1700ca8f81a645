"""Quotes as they come in and go out by HTTP."""

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, field_validator

from libs.common import money
from libs.common.web.schemas import In, Out, Written
from services.pricing.quotes.arithmetic import Deduction, Kind, Waterfall
from services.pricing.quotes.models import Quote, QuoteLine, QuoteStatus, Terms, WantedLine

Quantity = Annotated[Decimal, Field(gt=0, max_digits=12, decimal_places=4, allow_inf_nan=False)]
UnitPrice = Annotated[Decimal, Field(ge=0, max_digits=18, decimal_places=6, allow_inf_nan=False)]
Discount = Annotated[Decimal, Field(ge=0, le=1, decimal_places=6, allow_inf_nan=False)]


class DeductionIn(In):
    """Something that is taken off, by name. On the invoice it multiplies with what was taken off before; the others are shares of the
    invoice amount: what the customer gets back off the invoice, and what it costs to serve them.
    """

    name: Annotated[str, Field(min_length=1, max_length=60)]
    kind: Kind
    share: Annotated[Decimal, Field(ge=0, le=1, decimal_places=4, allow_inf_nan=False)]


class QuoteLineIn(In):
    """`discount` in [0, 1]; without `unit_price` the list price of the catalogue, which must be in the quote's currency."""

    product_id: UUID
    quantity: Quantity = Decimal(1)
    unit_price: UnitPrice | None = None
    discount: Discount = Decimal(0)
    deductions: Annotated[tuple[DeductionIn, ...], Field(max_length=8)] = ()
    promotions: Annotated[tuple[UUID, ...], Field(max_length=4)] = Field(
        default=(),
        description="promotions that run, taken off one after the other after everything else on the invoice",
    )

    def wanted(self) -> WantedLine:
        taken = tuple(Deduction(each.name, each.kind, each.share) for each in self.deductions)
        return WantedLine(self.product_id, self.quantity, self.unit_price, self.discount, taken, self.promotions)


class TermsIn(In):
    """Unknown terms are null."""

    valid_until: date | None = Field(default=None, description="the last day on which it can be accepted; null: no end")
    payment_days: Annotated[int, Field(ge=0, le=720)] | None = None
    term_months: Annotated[int, Field(ge=1, le=240)] | None = None

    def terms(self) -> Terms:
        return Terms(self.valid_until, self.payment_days, self.term_months)


class RevisionIn(TermsIn):
    """What is offered from now on, whole: lines and terms."""

    lines: Annotated[list[QuoteLineIn], Field(min_length=1, max_length=500)]

    def wanted(self) -> list[WantedLine]:
        return [line.wanted() for line in self.lines]


class QuoteIn(RevisionIn):
    deal_id: UUID
    currency: str

    @field_validator("currency")
    @classmethod
    def _is_currency(cls, value: str) -> str:
        money.exponent(value)
        return value


class DeductionOut(Out):
    """`promotion_id` where a promotion takes it off; its share is then as long as the amount needs to be exact."""

    name: str
    kind: Kind
    share: Decimal
    promotion_id: UUID | None


class QuoteLineOut(Out):
    position: int
    product_id: UUID
    quantity: Written
    list_price: Written | None
    unit_price: Written
    discount: Decimal
    net_amount: Decimal
    cost: Written | None
    deductions: list[DeductionOut]

    @classmethod
    def of(cls, line: QuoteLine, *, with_cost: bool) -> Self:
        return cls.model_validate(line if with_cost else replace(line, cost=None))


class StepOut(Out):
    name: str
    kind: Kind
    amount: Decimal
    promotion_id: UUID | None


class WaterfallOut(Out):
    """list - steps on the invoice = invoice; - steps off it = paid; - cost to serve = pocket; - cost = margin. Unknown is null."""

    list_amount: Decimal | None
    steps: list[StepOut]
    invoice: Decimal
    paid: Decimal
    pocket: Decimal
    cost_amount: Decimal | None
    margin: Decimal | None
    margin_share: Decimal | None

    @classmethod
    def of(cls, fall: Waterfall, *, with_cost: bool) -> Self:
        return cls.model_validate(fall if with_cost else replace(fall, cost_amount=None))


class QuoteOut(Out):
    """A quote as it stands. `list_amount` is null when a list price was unknown; `net_amount` is the sum of the lines' nets."""

    quote_id: UUID
    version: int
    deal_id: UUID
    status: QuoteStatus
    currency: str
    list_amount: Decimal | None
    net_amount: Decimal
    valid_from: datetime
    created_at: datetime
    created_by: str
    revision: int
    revised_at: datetime
    revised_by: str
    valid_until: date | None
    payment_days: int | None
    term_months: int | None
    content_hash: str


class QuoteDetailOut(QuoteOut):
    """A quote with its lines and the way to its margin. Costs are null for who may not see them."""

    lines: list[QuoteLineOut]
    waterfall: WaterfallOut

    @classmethod
    def with_lines(cls, quote: Quote, lines: list[QuoteLine], fall: Waterfall, *, with_cost: bool) -> Self:
        own = {name: getattr(quote, name) for name in QuoteOut.model_fields}
        shown = [QuoteLineOut.of(line, with_cost=with_cost) for line in lines]
        return cls(**own, lines=shown, waterfall=WaterfallOut.of(fall, with_cost=with_cost))


class RevisionOut(Out):
    revision: int
    currency: str
    list_amount: Decimal | None
    net_amount: Decimal
    valid_until: date | None
    payment_days: int | None
    term_months: int | None
    content_hash: str
    revised_by: str
    revised_at: datetime


class StateOut(Out):
    version: int
    status: QuoteStatus
    valid_from: datetime
    actor: str | None
    recorded_at: datetime


class HistoryOut(Out):
    """What was offered, and what happened to it; both newest first."""

    revisions: list[RevisionOut]
    states: list[StateOut]


class QuotableOut(Out):
    deal_id: UUID
    name: str
    market: str | None
    segment: str | None
    amount: Written | None
    currency: str | None


class QuotablesOut(Out):
    """Open deals that can be quoted for, what moved last first."""

    items: list[QuotableOut]


class QuoteListedOut(QuoteOut):
    """A quote with the name of its deal, empty where that has none."""

    deal: str

    @classmethod
    def of(cls, quote: Quote, deal: str) -> Self:
        return cls(**{name: getattr(quote, name) for name in QuoteOut.model_fields}, deal=deal)


class QuotePageOut(Out):
    """A page of quotes, newest first; `next_cursor` is null on the last."""

    items: list[QuoteListedOut]
    next_cursor: str | None
