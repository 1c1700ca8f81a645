"""The receipt of a number in words: what is known of the deals behind it, each count with the address of its deals. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

KNOWN = {
    "priced": "with an amount in {currency}",
    "no_amount": "without an amount",
    "rate_missing": "without an exchange rate",
    "date_confirmed": "with a close date",
    "date_provisional": "with a provisional close date",
    "undated": "without a close date",
}
"""The counts of a number's receipt in words."""


@dataclass(frozen=True, slots=True)
class Known:
    """A count of a receipt; `href` lists its deals, empty when they are what is listed."""

    name: str
    told: str
    count: int
    href: str


def receipt(found: Mapping[str, Any], only: str, href: Callable[[str], str]) -> dict[str, Any]:
    """What the list of deals shows of its receipt: its counts, and where all deals are when `only` some are listed."""
    return {
        "receipt": [
            Known(
                name,
                told.format(currency=found["currency"]),
                found["receipt"][name],
                "" if name == only else href(name),
            )
            for name, told in KNOWN.items()
        ],
        "whole_href": href("") if only else None,
    }
