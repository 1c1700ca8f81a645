"""Bases of what comes in and goes out by HTTP."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, model_validator


def without_power(number: Decimal) -> Decimal:
    """The same number written out: the database's driver reads 1250000, that was given without decimals, as 1.25E+6."""
    exponent = number.as_tuple().exponent
    return number.quantize(Decimal(1)) if isinstance(exponent, int) and exponent > 0 else number


Written = Annotated[Decimal, AfterValidator(without_power)]
"""A number that goes out as somebody gave it."""


def unstorable(value: Any, place: str = "") -> Iterator[str]:
    """Where a document holds NUL or half a character, which no text of the database can, among its keys too."""
    match value:
        case str() if "\x00" in value or any("\ud800" <= each <= "\udfff" for each in value):
            yield place or "document"
        case list():
            for number, each in enumerate(value):
                yield from unstorable(each, f"{place}.{number}".lstrip("."))
        case dict():
            for name, each in value.items():
                yield from (place or "document" for _ in unstorable(name))
                yield from unstorable(each, f"{place}.{name}".lstrip("."))


class In(BaseModel):
    """Input: unknown fields are refused, so that a typing error is not a silent loss, and so is text that cannot be stored."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    @model_validator(mode="before")
    @classmethod
    def _can_be_stored(cls, given: Any) -> Any:
        if (place := next(unstorable(given), None)) is not None:
            raise ValueError(f"{place} holds a character that no database keeps as text")
        return given


class Out(BaseModel):
    """Output: every field is always there; unknown is null."""

    model_config = ConfigDict(extra="forbid", frozen=True, from_attributes=True)
