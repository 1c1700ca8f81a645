"""Quotes as they come in and go out by HTTP."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, field_validator

from libs.common import money
from libs.common.web.schemas import In, Out
from services.pricing.quotes.models import Quote, QuoteLine, QuoteStatus

Quantity = Annotated[Decimal, Field(gt=0, max_digits=12, decimal_places=4, allow_inf_nan=False)]
UnitPrice = Annotated[Decimal, Field(ge=0, max_digits=18, decimal_places=6, allow_inf_nan=False)]
Discount = Annotated[Decimal, Field(ge=0, le=1, decimal_places=6, allow_inf_nan=False)]


class QuoteLineIn(In):
    """`discount` in [0, 1]; without `unit_price` the list price of the catalogue, which must be in the quote's currency."""

    product_id: UUID
    quantity: Quantity = Decimal(1)
    unit_price: UnitPrice | None = None
    discount: Discount = Decimal(0)


class QuoteIn(In):
    deal_id: UUID
    currency: str
    lines: Annotated[list[QuoteLineIn], Field(min_length=1, max_length=500)]

    @field_validator("currency")
    @classmethod
    def _is_currency(cls, value: str) -> str:
        money.exponent(value)
        return value


class QuoteLineOut(Out):
    position: int
    product_id: UUID
    quantity: Decimal
    list_price: Decimal | None
    unit_price: Decimal
    discount: Decimal
    net_amount: Decimal


class QuoteOut(Out):
    """A quote. `list_amount` is null when a list price was unknown; `net_amount` is the sum of the lines' nets."""

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


class QuoteDetailOut(QuoteOut):
    """A quote with its lines."""

    lines: list[QuoteLineOut]

    @classmethod
    def with_lines(cls, quote: Quote, lines: list[QuoteLine]) -> Self:
        own = {name: getattr(quote, name) for name in QuoteOut.model_fields}
        return cls(**own, lines=[QuoteLineOut.model_validate(line) for line in lines])


class QuotePageOut(Out):
    """A page of quotes, newest first; `next_cursor` is null on the last."""

    items: list[QuoteOut]
    next_cursor: str | None
