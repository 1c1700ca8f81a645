"""A lead as a person captures it."""

from decimal import Decimal
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, field_validator, model_validator

from libs.common import money
from libs.common.web.schemas import In, Out

Word = Annotated[str, Field(min_length=1, max_length=200)]


class ContactIn(In):
    """Who to talk to. Kept apart from the lead; never in an event."""

    name: Word | None = None
    email: Annotated[str, Field(max_length=320, pattern=r"^[^@\s]+@[^@\s]+$")] | None = None
    phone: Annotated[str, Field(max_length=40)] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.name is None and self.email is None and self.phone is None:
            raise ValueError("a contact needs a name, an email or a phone")
        return self


class LeadIn(In):
    """A lead that a person captures. `amount` needs its `currency`."""

    company: Word
    contact: ContactIn | None = None
    owner_id: UUID | None = None
    account_id: UUID | None = None
    source: Word | None = None
    campaign: Word | None = None
    region: Word | None = None
    market: Word | None = None
    segment: Word | None = None
    product: Word | None = None
    amount: Annotated[Decimal, Field(ge=0, max_digits=18, allow_inf_nan=False)] | None = None
    currency: str | None = None
    employees: Annotated[int, Field(ge=0, le=10_000_000)] | None = None
    industry: Word | None = None
    role: Word | None = None

    @field_validator("currency")
    @classmethod
    def _is_currency(cls, value: str | None) -> str | None:
        if value is not None:
            money.exponent(value)
        return value

    @model_validator(mode="after")
    def _amount_has_currency(self) -> Self:
        if self.amount is None:
            return self
        if self.currency is None:
            raise ValueError("an amount needs its currency")
        if money.quantise(self.amount, self.currency) != self.amount:
            raise ValueError(f"{self.amount} is finer than the minor unit of {self.currency}")
        return self


class ContactOut(Out):
    name: str | None
    email: str | None
    phone: str | None


class Refused(Out):
    """What is wrong with a row: the column, or empty for the row as a whole."""

    field: str
    message: str


class RowOut(Out):
    """What became of a row; `row` as a spreadsheet counts, the header being 1."""

    row: int
    lead_id: UUID | None
    refused: list[Refused]


class FileOut(Out):
    """What became of a file. Every row is either taken or refused."""

    taken: int
    refused: int
    rows: list[RowOut]
