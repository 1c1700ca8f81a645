"""Which statements of the books hold. Pure."""

from services.pricing.books.holding.prices import (
    BookKind,
    BundleStatement,
    Held,
    PriceStatement,
    held,
    holding_entries,
)

__all__ = ["BookKind", "BundleStatement", "Held", "PriceStatement", "held", "holding_entries"]
