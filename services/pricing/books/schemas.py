"""Books as they come in and go out by HTTP."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, field_validator

from libs.common import money
from libs.common.web.schemas import In, Out, Written
from services.pricing.books.holding import BookKind, PriceStatement
from services.pricing.books.models import Kept, WantedBundle, WantedEntry

Price = Annotated[Decimal, Field(ge=0, max_digits=18, decimal_places=6, allow_inf_nan=False)]
Name = Annotated[str, Field(min_length=1, max_length=100)]
Code = Annotated[str, Field(min_length=1, max_length=64)]
Quantity = Annotated[Decimal, Field(gt=0, max_digits=12, decimal_places=4, allow_inf_nan=False)]


class _Entry(In):
    kind: BookKind = "list"
    market: Name | None = None
    segment: Name | None = None
    currency: str
    amount: Price | None = Field(description="of one; null ends what held before in this place of the book")
    holds_from: date

    @field_validator("currency")
    @classmethod
    def _is_currency(cls, value: str) -> str:
        money.exponent(value)
        return value


class EntryIn(_Entry):
    """A price or a cost of a product in a market and segment (null: any) from a day on."""

    product_id: UUID

    def wanted(self) -> WantedEntry:
        return WantedEntry(
            self.product_id, self.kind, self.market, self.segment, self.currency, self.amount, self.holds_from
        )


class RowIn(_Entry):
    """A line of a file of the books: its product by code."""

    product: Code

    def of(self, product_id: UUID) -> WantedEntry:
        return WantedEntry(
            product_id, self.kind, self.market, self.segment, self.currency, self.amount, self.holds_from
        )


class EntriesIn(In):
    statements: Annotated[list[EntryIn], Field(min_length=1, max_length=1000)]


class EntryOut(Out):
    statement_id: UUID
    product_id: UUID
    product: str | None
    kind: BookKind
    market: str | None
    segment: str | None
    currency: str
    amount: Written | None
    holds_from: date
    recorded_at: datetime
    actor: str | None

    @classmethod
    def of(cls, row: PriceStatement, product: str | None, actor: str | None = None) -> Self:
        return cls(
            statement_id=row.statement_id,
            product_id=row.product_id,
            product=product,
            kind=row.kind,
            market=row.market,
            segment=row.segment,
            currency=row.currency,
            amount=row.amount,
            holds_from=row.holds_from,
            recorded_at=row.recorded_at,
            actor=actor,
        )

    @classmethod
    def kept(cls, kept: Kept, entry: WantedEntry) -> Self:
        return cls(
            statement_id=kept.statement_id,
            product_id=entry.product_id,
            product=None,
            kind=entry.kind,
            market=entry.market,
            segment=entry.segment,
            currency=entry.currency,
            amount=entry.amount,
            holds_from=entry.holds_from,
            recorded_at=kept.recorded_at,
            actor=kept.actor,
        )


class EntriesOut(Out):
    """Statements; of those that were made, only what was not said before."""

    items: list[EntryOut]


class PartIn(In):
    product_id: UUID
    quantity: Quantity


class BundleIn(In):
    """What a bundle is made of from a day on. Its price and cost are those of its parts unless a book says otherwise."""

    parts: Annotated[list[PartIn], Field(max_length=100)]
    holds_from: date

    def wanted(self, product_id: UUID) -> WantedBundle:
        return WantedBundle(product_id, tuple((part.product_id, part.quantity) for part in self.parts), self.holds_from)


class BundleOut(Out):
    statement_id: UUID
    product_id: UUID
    recorded_at: datetime


class RefusedLine(Out):
    """A line of a file that could not be taken: which column, what stood there, and why not."""

    line: int
    column: str | None
    value: str | None
    reason: str


class ImportOut(Out):
    """`accepted` were made (or would be), `known` were said before."""

    dry_run: bool
    rows: int
    accepted: int
    known: int
    refused: list[RefusedLine]
