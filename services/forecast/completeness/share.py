"""The share of the CRMs' deals that ours equal, from the newest comparison of each connection. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, Decimal

HOLDS_FOR = timedelta(hours=24)
"""A comparison that began longer ago says nothing about the present."""
_STEP = Decimal("0.000001")

Convert = Callable[[Decimal, str], Decimal | None]
"""An amount of a currency in the reading's; None without a rate."""


@dataclass(frozen=True, slots=True)
class Amount:
    """What one currency adds up to on each side, and how much of it is equal."""

    currency: str
    crm: Decimal
    ours: Decimal
    equal: Decimal


@dataclass(frozen=True, slots=True)
class Made:
    """A comparison that was made. `under_way`: deals that were not judged, since a change of theirs was still to come."""

    begun_at: datetime
    crm_count: int
    our_count: int
    equal_count: int
    under_way: int
    amounts: Sequence[Amount]


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a connection: the newest comparison that was made, and how the last attempt at one ended."""

    connection: str
    our_count: int
    made: Made | None
    failed_because: str | None = None

    @property
    def has_deals(self) -> bool:
        return bool(self.our_count or (self.made and (self.made.crm_count or self.made.under_way)))


@dataclass(frozen=True, slots=True)
class Share:
    """Of what is larger on either side, how much is equal; both sums in one unit."""

    equal: Decimal
    larger: Decimal

    @property
    def value(self) -> Decimal | None:
        """Rounded down, so that only what is whole reads as whole; None where neither side has anything."""
        return (self.equal / self.larger).quantize(_STEP, ROUND_DOWN) if self.larger else None


def of(made: Sequence[Made], convert: Convert) -> Decimal | None:
    """The smaller one of the shares of count and amount over these comparisons; None where nothing was judged.

    Too much in one connection does not make up for too little in another. Amounts without a rate are left to the count.
    """
    count = Share(
        Decimal(sum(each.equal_count for each in made)),
        Decimal(sum(max(each.crm_count, each.our_count) for each in made)),
    )
    equal = larger = Decimal()
    for each in made:
        crm, ours = (
            sum((convert(getattr(amount, side), amount.currency) or Decimal() for amount in each.amounts), Decimal())
            for side in ("crm", "ours")
        )
        equal += sum((convert(amount.equal, amount.currency) or Decimal() for amount in each.amounts), Decimal())
        larger += max(crm, ours)
    return min((value for value in (count.value, Share(equal, larger).value) if value is not None), default=None)


def holds(made: Made | None, at: datetime) -> bool:
    """Whether a comparison says something about an instant."""
    return made is not None and at - made.begun_at <= HOLDS_FOR


def completeness(known: Sequence[Known], convert: Convert, *, at: datetime) -> Decimal | None:
    """The share over all connections that have deals; None unless each of them was compared lately enough, and found some."""
    wanted = [each for each in known if each.has_deals]
    made = [each.made for each in wanted if each.made is not None and holds(each.made, at)]
    if len(made) < len(wanted) or any(of([each], convert) is None for each in made):
        return None
    return of(made, convert)
