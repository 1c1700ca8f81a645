"""Product lines as they come in and go out."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AwareDatetime, Field, field_validator, model_validator

from libs.common import money
from libs.common.remarks import names_an_address
from libs.common.web.schemas import In, Out
from services.deals.productlines.totals import amount_of

From = Literal["quote", "crm", "person", "nobody"]


class LineIn(In):
    """A product that the deal is about. Without `amount` it is quantity times price, which then must both be there."""

    product: Annotated[str, Field(min_length=1, max_length=200)]
    quantity: Annotated[Decimal, Field(gt=0, max_digits=12, decimal_places=4, allow_inf_nan=False)] | None = None
    price: Annotated[Decimal, Field(ge=0, max_digits=18, decimal_places=6, allow_inf_nan=False)] | None = None
    term_months: Annotated[int, Field(ge=1, le=240)] | None = None
    amount: Annotated[Decimal, Field(ge=-(10**14), le=10**14, allow_inf_nan=False)] | None = None

    @field_validator("product")
    @classmethod
    def _names_no_person(cls, value: str) -> str:
        if names_an_address(value):
            raise ValueError("a product names nobody's mail address or phone number")
        if not value.isprintable():
            raise ValueError("the name holds characters that cannot be shown")
        return value

    @model_validator(mode="after")
    def _has_amount(self) -> Self:
        if self.amount is None and (self.quantity is None or self.price is None):
            raise ValueError("give an amount, or a quantity and a price")
        return self


class LinesIn(In):
    """All product lines of a deal, whole; none at all take back what was said before. `at`: from when they hold, else from now."""

    currency: str
    lines: Annotated[tuple[LineIn, ...], Field(max_length=200)] = ()
    at: AwareDatetime | None = None

    @field_validator("currency")
    @classmethod
    def _is_currency(cls, value: str) -> str:
        money.exponent(value)
        return value

    @model_validator(mode="after")
    def _fits_currency(self) -> Self:
        for each in self.lines:
            if each.amount is not None and each.amount != money.quantise(each.amount, self.currency):
                raise ValueError(f"amount: {each.amount} has more decimals than {self.currency} has")
        return self

    def said(self) -> dict[str, object]:
        """As it is kept: every line with its amount."""
        lines = []
        for each in self.lines:
            known = each.amount
            if known is None and each.quantity is not None and each.price is not None:
                known = amount_of(each.quantity, each.price, self.currency)
            told = {} if known is None else {"amount": str(money.quantise(known, self.currency))}
            lines.append(each.model_dump(mode="json") | told)
        return {"currency": self.currency, "lines": lines}


class LineOut(Out):
    product: str
    quantity: Decimal | None
    price: Decimal | None
    term_months: int | None
    amount: Decimal


class StatedOut(Out):
    """Lines that somebody stated, for the history."""

    entry_id: UUID
    version: int
    currency: str
    lines: list[LineOut]
    at: datetime
    author: str
    recorded_at: datetime


class LinesOut(Out):
    """The product lines that count, and the sum against the deal's amount.

    `source`: the quote that has the say over the amount, else what the CRM or people said last. `crm_problem`: why what the CRM tells
    does not stand. `difference`: the deal's amount less the lines'; null with
    `why_no_difference` where they cannot be compared. `quote_tells_lines` false: that quote was told without its lines.
    """

    deal_id: UUID
    version: int
    as_of: datetime
    known_at: datetime
    source: From
    quote_id: UUID | None
    quote_tells_lines: bool | None
    currency: str | None
    lines: list[LineOut]
    total: Decimal | None
    amount: Decimal | None
    deal_currency: str | None
    difference: Decimal | None
    why_no_difference: str | None
    crm_problem: str | None
    said: list[StatedOut]
