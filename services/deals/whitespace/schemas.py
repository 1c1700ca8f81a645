"""White space as it comes in and goes out."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, field_validator, model_validator

from libs.common import money
from libs.common.web.schemas import In, Out
from services.deals.whitespace.cells import Says, State


class CellIn(In):
    """What somebody knows of a product at an account. `unknown` takes back what was said before."""

    product: Annotated[str, Field(min_length=1, max_length=200)]
    says: Says
    competitor: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    amount: Annotated[Decimal, Field(ge=0, max_digits=18, allow_inf_nan=False)] | None = None
    currency: str | None = None

    @field_validator("currency")
    @classmethod
    def _is_currency(cls, value: str | None) -> str | None:
        if value is not None:
            money.exponent(value)
        return value

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.competitor is not None and self.says != "competitor":
            raise ValueError("competitor: name one only where `says` is competitor")
        if (self.amount is None) != (self.currency is None):
            raise ValueError("an amount needs its currency, and a currency its amount")
        if self.amount is not None and self.says not in ("potential", "competitor"):
            raise ValueError("amount: only what may be won has a worth; leave it out")
        return self


class PursuitOut(Out):
    deal_id: UUID
    amount: Decimal | None
    currency: str | None
    day: date | None


class WorthOut(Out):
    """`measured`: the median of `n` won deals about the product in the account's segment."""

    basis: Literal["stated", "measured"]
    amount: Decimal
    currency: str
    n: int | None


class StatementOut(Out):
    entry_id: UUID
    says: Says
    at: datetime
    competitor: str | None
    amount: Decimal | None
    currency: str | None


class CellOut(Out):
    """What stands of a product at an account. `unknown`: neither deals within scope nor anybody says anything of it."""

    product: str
    state: State
    owned: list[PursuitOut]
    pursued: list[PursuitOut]
    stated: StatementOut | None
    worth: WorthOut | None


class RowOut(Out):
    account_id: UUID
    name: str
    tier: str | None
    segment: str | None
    region: str | None
    market: str | None
    cells: list[CellOut]


class CountOut(Out):
    """How many cells of the page are in a state, for each product."""

    product: str
    owned: int
    open: int
    potential: int
    competitor: int
    not_applicable: int
    unknown: int


class MatrixOut(Out):
    """Accounts by name, each with a cell per product. `more_products`: products that are too many to be shown."""

    as_of: datetime
    products: list[str]
    more_products: int
    tiers: list[str]
    segments: list[str]
    markets: list[str]
    items: list[RowOut]
    counts: list[CountOut]
    next_cursor: str | None
