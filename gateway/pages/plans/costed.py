"""Of how much of the bookings the cost is known, where margin is shown."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any


def known_of(node: Mapping[str, Any]) -> float | None:
    """The share of a node's bookings whose cost is known; None for other measures than margin and where nothing is booked."""
    booked, costed = node["bookings"], node["bookings_costed"]
    if booked is None or costed is None or not Decimal(booked):
        return None
    return float(Decimal(costed) / Decimal(booked))
