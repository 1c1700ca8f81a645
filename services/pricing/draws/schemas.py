"""Drawn prices as they come in and go out by HTTP."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, field_validator

from libs.common import money
from libs.common.web.schemas import In, Out
from services.pricing.draws.drawing import commitment
from services.pricing.draws.models import DrawScope

Word = Annotated[str, Field(min_length=1, max_length=100)]


class ScopeIn(In):
    """Where prices are drawn from now on: within `width` of the target, as a share of the list price, at most 0.05."""

    product_id: UUID
    market: Word | None = None
    segment: Word | None = None
    width: Annotated[Decimal, Field(gt=0, le=Decimal("0.05"), decimal_places=4, allow_inf_nan=False)] = Decimal("0.03")
    note: Annotated[str, Field(min_length=1, max_length=1000)]


class DrawIn(In):
    deal_id: UUID
    product_id: UUID
    currency: str

    @field_validator("currency")
    @classmethod
    def _is_currency(cls, value: str) -> str:
        money.exponent(value)
        return value


class ScopeOut(Out):
    """`secret` is null until the scope has ended; `commitment` is its SHA-256. The draw of a deal is the first 8 bytes of
    HMAC-SHA256(secret, deal id) times the number of `ratios`, over 2^64.
    """

    scope_id: UUID
    product_id: UUID
    market: str | None
    segment: str | None
    floor: Decimal
    target: Decimal
    stretch: Decimal
    band_version: int
    width: Decimal
    ratios: list[Decimal]
    commitment: str
    secret: str | None
    note: str
    opened_by: str
    opened_at: datetime
    ended_by: str | None
    ended_at: datetime | None
    drawn: int
    closed: int

    @classmethod
    def of(cls, row: DrawScope, drawn: int, closed: int) -> Self:
        own = {name: getattr(row, name) for name in DrawScope.__dataclass_fields__ if name != "secret"}
        secret = row.secret.hex() if row.ended_at is not None else None
        return cls(
            **own | {"ratios": list(row.ratios)},
            commitment=commitment(row.secret),
            secret=secret,
            drawn=drawn,
            closed=closed,
        )


class ScopesOut(Out):
    """The newest first."""

    items: list[ScopeOut]


class DrawnOut(Out):
    """`unit_price` is null where the product has no list price in the currency that was asked for."""

    scope_id: UUID
    deal_id: UUID
    product_id: UUID
    ratio: Decimal
    probability: Decimal
    list_price: Decimal | None
    unit_price: Decimal | None
    currency: str
    drawn_at: datetime
    is_new: bool


class PointOut(Out):
    """A price that was drawn: how often, how many of these deals were won, and the curve there; null where there is no curve."""

    ratio: Decimal
    deals: int
    won: int
    chance: float | None
    low: float | None
    high: float | None


class CurveOut(Out):
    """The chance to win by price, of drawn prices only, or why there is none. A deal counts with the price that was drawn for it,
    whether that was offered or not. `slope` is of the log-odds per whole list price.
    """

    scope_id: UUID
    is_accepted: bool
    why_not: str | None
    deals: int
    chosen_by_people: int
    slope: float | None
    slope_low: float | None
    slope_high: float | None
    points: list[PointOut]
    line: list[PointOut]
