"""The draw of a price: which there are, and which one a deal gets. Pure.

The key is made when a scope is opened and told by nobody before it has ended; its digest is told at once. So nobody can foresee a price,
nobody can draw again until it suits, and everybody can check afterwards that the price was the one that was due.
"""

import hashlib
import hmac
from decimal import Decimal
from uuid import UUID

LEVELS = 5
_PLACES = Decimal("0.0001")
_WHOLE = 1 << 64


class BandTooNarrow(ValueError):
    """Between floor and stretch there is no room for two prices."""


def levels(floor: Decimal, target: Decimal, stretch: Decimal, width: Decimal) -> tuple[Decimal, ...]:
    """Shares of the list price, evenly apart, within `width` of the target and never outside the band. Raises BandTooNarrow."""
    low, high = max(floor, target - width), min(stretch, target + width)
    found = tuple((low + (high - low) * step / (LEVELS - 1)).quantize(_PLACES) for step in range(LEVELS))
    if len(set(found)) < LEVELS:
        raise BandTooNarrow(f"between {low} and {high} of the list price there are no {LEVELS} prices")
    return found


def drawn(secret: bytes, deal_id: UUID, ratios: tuple[Decimal, ...]) -> tuple[Decimal, Decimal]:
    """The share of the list price that a deal gets, and its probability: each is as likely, to one part in 2^61."""
    digest = hmac.new(secret, deal_id.bytes, hashlib.sha256).digest()
    place = int.from_bytes(digest[:8], "big") * len(ratios) // _WHOLE
    return ratios[place], (Decimal(1) / len(ratios)).quantize(Decimal("0.000001"))


def commitment(secret: bytes) -> str:
    """What is told of a key before its scope has ended."""
    return hashlib.sha256(secret).hexdigest()
