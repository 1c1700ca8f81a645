"""Products as they come in and go out by HTTP."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, field_validator, model_validator

from libs.common import money
from libs.common.web.schemas import In, Out, Written
from services.pricing.catalogue.models import ProductEntry, ProductRow

Price = Annotated[Decimal, Field(ge=0, max_digits=18, decimal_places=6, allow_inf_nan=False)]


class ProductIn(In):
    """A product of our own catalogue. Prices need a currency; a unit price may be finer than a cent."""

    code: Annotated[str, Field(min_length=1, max_length=64)]
    name: Annotated[str, Field(min_length=1, max_length=200)]
    line: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    list_price: Price | None = None
    cost: Price | None = None
    currency: str | None = None
    is_active: bool = True

    @field_validator("currency")
    @classmethod
    def _is_currency(cls, value: str | None) -> str | None:
        if value is not None:
            money.exponent(value)
        return value

    @model_validator(mode="after")
    def _price_has_currency(self) -> Self:
        if self.currency is None and (self.list_price is not None or self.cost is not None):
            raise ValueError("a price or cost needs its currency")
        return self


class ProductOut(Out):
    """A product as it stands. `connection` names the CRM that keeps it; null for one kept here."""

    product_id: UUID
    version: int
    connection: str | None
    code: str
    name: str
    line: str | None
    list_price: Written | None
    cost: Written | None
    currency: str | None
    is_active: bool
    valid_from: datetime

    @classmethod
    def of(cls, row: ProductRow) -> Self:
        """Raises ValueError for a placeholder, which has nothing to show."""
        if row.state is None or row.clock is None:
            raise ValueError(f"product {row.product_id} is a placeholder")
        return cls(
            product_id=row.product_id,
            version=row.version,
            connection=row.connection,
            code=row.state.code,
            name=row.state.name,
            line=row.state.line,
            list_price=row.state.list_price,
            cost=row.state.cost,
            currency=row.state.currency,
            is_active=row.state.is_active,
            valid_from=row.clock.valid_from,
        )


class ProductPageOut(Out):
    """A page of products by code; `next_cursor` is null on the last."""

    items: list[ProductOut]
    next_cursor: str | None


class ProductHistoryOut(Out):
    """What a product was from `valid_from` on."""

    valid_from: datetime
    code: str
    name: str
    line: str | None
    list_price: Written | None
    cost: Written | None
    currency: str | None
    is_active: bool
    actor: str | None

    @classmethod
    def of(cls, entry: ProductEntry) -> Self:
        return cls(
            valid_from=entry.clock.valid_from,
            code=entry.state.code,
            name=entry.state.name,
            line=entry.state.line,
            list_price=entry.state.list_price,
            cost=entry.state.cost,
            currency=entry.state.currency,
            is_active=entry.state.is_active,
            actor=entry.actor,
        )
