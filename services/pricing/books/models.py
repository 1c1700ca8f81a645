"""What was said of prices, costs and bundles, as it is kept."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from services.pricing.books.holding import BookKind


@dataclass(frozen=True, slots=True)
class WantedEntry:
    """A statement as somebody makes it; without `amount` it ends what held before in this place of the book."""

    product_id: UUID
    kind: BookKind
    market: str | None
    segment: str | None
    currency: str
    amount: Decimal | None
    holds_from: date


@dataclass(frozen=True, slots=True)
class WantedBundle:
    """Parts of a bundle from a day on; without parts the product is no bundle any more."""

    product_id: UUID
    parts: tuple[tuple[UUID, Decimal], ...]
    holds_from: date


@dataclass(frozen=True, slots=True)
class Kept:
    """Who said it and when it was recorded: the second clock."""

    statement_id: UUID
    actor: str
    recorded_at: datetime
