"""How a decision turned out: what came beside what was expected. Pure."""

from decimal import Decimal
from typing import Literal

Outcome = Literal["hit", "missed", "unknown"]


def judged(came: Decimal | None, low: Decimal | None, high: Decimal | None) -> Outcome:
    """Whether what came lies in the range that was expected, both ends included; unknown stays unknown."""
    if came is None:
        return "unknown"
    if (low is not None and came < low) or (high is not None and came > high):
        return "missed"
    return "hit"
