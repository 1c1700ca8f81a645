"""Publications of bands, and what a check asks and is answered."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from services.pricing.config import Level
from services.pricing.guidance.checking.standing import Edges, Standing

ExceptionReason = Literal["new_logo", "displacement", "churn_defence"]
Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Publication:
    """A version of all bands. It holds from `effective_from` until the next one's; nothing of it changes.

    `quotes` and `lines` were won since `won_since`; `exceptions` (quotes) and `unlisted_lines` (no list price) were left out.
    """

    version: int
    quarter: str
    effective_from: datetime
    won_since: datetime
    levels: tuple[Level, ...]
    quotes: int
    lines: int
    exceptions: int
    unlisted_lines: int


@dataclass(frozen=True, slots=True)
class PublishedBand:
    """A band as published: shares of the list price, rounded; an end of an interval is None where too few quotes bound it."""

    path: Path
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

    @property
    def edges(self) -> Edges:
        return Edges(self.floor, self.target, self.stretch)


@dataclass(frozen=True, slots=True)
class Change:
    """A segment's band in one publication and in the one before; one of both is None where it came or went."""

    path: Path
    before: PublishedBand | None
    after: PublishedBand | None


@dataclass(frozen=True, slots=True)
class AskedLine:
    """A line to be checked: what is paid for one is `unit_price` x (1 - `discount`)."""

    product_id: UUID
    quantity: Decimal
    unit_price: Decimal
    discount: Decimal


@dataclass(frozen=True, slots=True)
class Guided:
    """What guidance says of a product's segment. `edges` are lifted to `minimum`; without won quotes `band` is None."""

    asked: Path
    levels: tuple[Level, ...]
    band: PublishedBand | None
    edges: Edges | None
    minimum: Decimal | None
    why: str


@dataclass(frozen=True, slots=True)
class CheckedLine:
    product_id: UUID
    product: str
    ratio: Decimal | None
    standing: Standing
    guided: Guided
    why_unknown: str | None


@dataclass(frozen=True, slots=True)
class Check:
    """Lines in the order they were asked, and the whole: Σ net ÷ Σ list against the lines' bands weighted by list amounts."""

    version: int | None
    lines: list[CheckedLine]
    ratio: Decimal | None
    edges: Edges | None
    minimum: Decimal | None
    standing: Standing
    why: str


@dataclass(frozen=True, slots=True)
class PriceException:
    quote_id: UUID
    reason: ExceptionReason
    note: str
    recorded_by: str
    recorded_at: datetime
