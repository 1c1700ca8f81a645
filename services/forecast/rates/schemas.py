"""Rate sets as they go in and out. A rate is the worth of one unit of the currency in `reference`."""

from decimal import Decimal
from typing import Annotated

from pydantic import Field

from libs.common.web.schemas import In, Out

Rate = Annotated[Decimal, Field(gt=0, max_digits=24, decimal_places=12)]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]


class RateSetOut(Out):
    """The rates of a fiscal year, or the default ones (`fiscal_year` null) that hold where a year has none of its own."""

    fiscal_year: int | None
    rates: dict[str, Decimal]


class RatesOut(Out):
    """All rate sets; totals are in `base_currency`, by the cross rate of each deal's currency."""

    base_currency: str
    reference: str
    sets: list[RateSetOut]
    unpriced_currencies: dict[str, int]
    """Currencies of standing deals that no set knows, with the number of those deals."""


class RatesIn(In):
    """The whole of one set: a currency left out of it is ended there."""

    fiscal_year: Annotated[int | None, Field(ge=2000, le=2200)] = None
    rates: Annotated[dict[Currency, Rate], Field(min_length=1, max_length=200)]
