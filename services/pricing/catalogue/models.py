"""A product as it stands or stood."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID


@dataclass(frozen=True, slots=True)
class ProductState:
    """What can change about a product. Unknown prices and costs are null, never 0."""

    code: str
    name: str
    line: str | None
    list_price: Decimal | None
    cost: Decimal | None
    currency: str | None
    is_active: bool = True


@dataclass(frozen=True, slots=True, order=True)
class ProductClock:
    """Where a state stands in a product's history; the greatest is the product as it stands."""

    valid_from: datetime
    sequence: int = 0
    mapping_version: int = 0
    digest: str = ""


@dataclass(frozen=True, slots=True)
class ProductRow:
    """A product as stored; `connection` is null for one that is kept here. Version 0 without state: a placeholder."""

    product_id: UUID
    version: int
    connection: str | None
    state: ProductState | None
    clock: ProductClock | None
    request_digest: str | None = None


@dataclass(frozen=True, slots=True)
class ProductEntry:
    """A state of a product's history, still to be stored or read from it."""

    product_id: UUID
    connection: str | None
    state: ProductState
    clock: ProductClock
    actor: str | None = None
