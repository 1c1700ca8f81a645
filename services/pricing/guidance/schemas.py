"""Guidance as it comes in and goes out by HTTP. Ratios are shares of the list price: 0.85 is 15 % off."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, field_validator

from libs.common import money
from libs.common.web.schemas import In, Out
from services.pricing.config import Level
from services.pricing.guidance.checking.standing import Edges, Standing
from services.pricing.guidance.models import (
    Change,
    Check,
    CheckedLine,
    ExceptionReason,
    Guided,
    Publication,
    PublishedBand,
)
from services.pricing.quotes.schemas import Discount, Quantity, UnitPrice

Name = Annotated[str, Field(min_length=1, max_length=100)]


class CheckLineIn(In):
    """What is paid for one is `unit_price` x (1 - `discount`)."""

    product_id: UUID
    quantity: Quantity = Decimal(1)
    unit_price: UnitPrice
    discount: Discount = Decimal(0)


class CheckIn(In):
    currency: str
    market: Name | None = None
    segment: Name | None = None
    lines: Annotated[list[CheckLineIn], Field(min_length=1, max_length=500)]

    @field_validator("currency")
    @classmethod
    def _is_currency(cls, value: str) -> str:
        money.exponent(value)
        return value


class ExceptionIn(In):
    quote_id: UUID
    reason: ExceptionReason
    note: Annotated[str, Field(min_length=1, max_length=1000)]


class ExceptionOut(Out):
    quote_id: UUID
    reason: ExceptionReason
    note: str
    recorded_by: str
    recorded_at: datetime


class EdgesOut(Out):
    floor: Decimal
    target: Decimal
    stretch: Decimal

    @classmethod
    def of(cls, edges: Edges | None) -> Self | None:
        return None if edges is None else cls.model_validate(edges)


class BandOut(Out):
    """A published band: `quotes` were won in the segment of `path` itself, `shrunk_share` of the answer is its parent's; the 90 %
    interval of each quantile, an end null where too few quotes bound it.
    """

    path: list[str]
    quotes: int
    effective_quotes: Decimal
    shrunk_share: Decimal
    floor: Decimal
    floor_low: Decimal | None
    floor_high: Decimal | None
    target: Decimal
    target_low: Decimal | None
    target_high: Decimal | None
    stretch: Decimal
    stretch_low: Decimal | None
    stretch_high: Decimal | None

    @classmethod
    def of(cls, band: PublishedBand | None) -> Self | None:
        return None if band is None else cls.model_validate(band)


class PublicationOut(Out):
    """A version of the bands; it holds from `effective_from` until the next one's."""

    version: int
    quarter: str
    effective_from: datetime
    won_since: datetime
    levels: list[Level]
    quotes: int
    lines: int
    exceptions: int
    unlisted_lines: int

    @classmethod
    def of(cls, row: Publication | None) -> Self | None:
        return None if row is None else cls.model_validate(row)


class PublicationsOut(Out):
    """All versions, newest first."""

    items: list[PublicationOut]


class GuidedOut(Out):
    """`band` as published, null without won quotes; `edges` are what may be sold by: the band lifted to the policy's `minimum`."""

    asked: list[str]
    levels: list[Level]
    band: BandOut | None
    edges: EdgesOut | None
    minimum: Decimal | None
    why: str

    @classmethod
    def of(cls, guided: Guided) -> Self:
        return cls(
            asked=list(guided.asked),
            levels=list(guided.levels),
            band=BandOut.of(guided.band),
            edges=EdgesOut.of(guided.edges),
            minimum=guided.minimum,
            why=guided.why,
        )


class GuidanceOut(Out):
    """What holds now. `publication` is null as long as nothing was published."""

    publication: PublicationOut | None
    guidance: GuidedOut


class CheckedLineOut(Out):
    product_id: UUID
    product: str
    ratio: Decimal | None
    standing: Standing
    guidance: GuidedOut
    why_unknown: str | None

    @classmethod
    def of(cls, line: CheckedLine) -> Self:
        return cls(
            product_id=line.product_id,
            product=line.product,
            ratio=line.ratio,
            standing=line.standing,
            guidance=GuidedOut.of(line.guided),
            why_unknown=line.why_unknown,
        )


class CheckOut(Out):
    """`version`: of the bands that were asked, null when none hold. The whole: Σ net ÷ Σ list beside the lines' weighted bands."""

    version: int | None
    lines: list[CheckedLineOut]
    ratio: Decimal | None
    edges: EdgesOut | None
    minimum: Decimal | None
    standing: Standing
    why: str

    @classmethod
    def of(cls, check: Check) -> Self:
        return cls(
            version=check.version,
            lines=[CheckedLineOut.of(line) for line in check.lines],
            ratio=check.ratio,
            edges=EdgesOut.of(check.edges),
            minimum=check.minimum,
            standing=check.standing,
            why=check.why,
        )


class ChangeOut(Out):
    path: list[str]
    before: BandOut | None
    after: BandOut | None

    @classmethod
    def of(cls, change: Change) -> Self:
        return cls(path=list(change.path), before=BandOut.of(change.before), after=BandOut.of(change.after))


class PublishedOut(Out):
    """A publication with every band beside that of the publication before."""

    publication: PublicationOut
    changes: list[ChangeOut]

    @classmethod
    def of(cls, row: Publication, changes: list[Change]) -> Self:
        return cls(publication=PublicationOut.model_validate(row), changes=[ChangeOut.of(change) for change in changes])
