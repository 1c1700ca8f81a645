"""How often deals are won in which somebody else was named. Pure."""

from dataclasses import dataclass
from math import sqrt
from typing import Final

ENOUGH: Final = 20
"""Under so many closed deals a rate is not told, only its interval."""
_Z: Final = 1.959964


@dataclass(frozen=True, slots=True)
class Odds:
    """Won of `closed` deals. `rate` is null under `ENOUGH`; the interval (Wilson, 95 %) is all of [0, 1] without deals."""

    won: int
    closed: int
    rate: float | None
    low: float
    high: float


def odds(won: int, lost: int) -> Odds:
    """The share won of deals that are closed, with its interval: the fewer, the wider. Raises ValueError for negative counts."""
    if won < 0 or lost < 0:
        raise ValueError("deals are counted from 0")
    closed = won + lost
    if closed == 0:
        return Odds(0, 0, None, 0.0, 1.0)
    share = won / closed
    middle = (share + _Z**2 / (2 * closed)) / (1 + _Z**2 / closed)
    half = _Z / (1 + _Z**2 / closed) * sqrt(share * (1 - share) / closed + _Z**2 / (4 * closed**2))
    return Odds(
        won,
        closed,
        share if closed >= ENOUGH else None,
        min(share, max(0.0, middle - half)),
        max(share, min(1.0, middle + half)),
    )
