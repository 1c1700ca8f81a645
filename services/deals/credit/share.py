"""Who is credited with how much of a deal. Pure.

Revenue shares are parts of the amount and add to all of it; overlay shares credit people who helped, beside the amount, and add to
nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final
from uuid import UUID

from libs.common import money

WHOLE: Final = Decimal(1)


class DoesNotAdd(ValueError):
    """Shares that name nobody, somebody twice, or do not make a whole; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Share:
    """`share` is in (0, 1]."""

    person_id: UUID
    share: Decimal


@dataclass(frozen=True, slots=True)
class Credit:
    """What somebody has of a deal. Without a person it is nobody's yet; without an amount the deal has none."""

    person_id: UUID | None
    share: Decimal
    amount: Decimal | None


def check_revenue(shares: Sequence[Share]) -> None:
    """Raise DoesNotAdd unless the shares make 100 % exactly; none at all leave everything to the owner."""
    check_people(shares)
    told = sum((each.share for each in shares), Decimal())
    if not shares or told == WHOLE:
        return
    rest = WHOLE - told
    what = f"{percent(rest)} % are nobody's; give them to somebody" if rest > 0 else f"take {percent(-rest)} % away"
    raise DoesNotAdd(f"Revenue shares add to {percent(told)} % and must make 100 %: {what}.")


def check_people(shares: Sequence[Share]) -> None:
    """Raise DoesNotAdd where somebody stands twice."""
    people = [each.person_id for each in shares]
    twice = next((person for person in people if people.count(person) > 1), None)
    if twice is not None:
        raise DoesNotAdd(f"Person {twice} stands twice; give them one share.")


def revenue(
    amount: Decimal | None, currency: str | None, owner_id: UUID | None, shares: Sequence[Share]
) -> list[Credit]:
    """The amount cut by revenue shares to the minor unit by largest remainder: the parts are the whole, in any order of the shares.

    Without shares it is all the owner's, and without an owner nobody's.
    """
    told = sorted(shares, key=lambda each: (-each.share, each.person_id))
    if not told:
        return [Credit(owner_id, WHOLE, amount)]
    if amount is None or currency is None:
        return [Credit(each.person_id, each.share, None) for each in told]
    parts = money.allocate(amount, [each.share for each in told], currency)
    parts[0] += amount - sum(parts)  # what a CRM tells below the minor unit stays with the largest share
    return [Credit(each.person_id, each.share, part) for each, part in zip(told, parts, strict=True)]


def overlay(amount: Decimal | None, currency: str | None, shares: Sequence[Share]) -> list[Credit]:
    """What each is credited with beside the amount, rounded for each; these add to nothing."""
    told = sorted(shares, key=lambda each: (-each.share, each.person_id))
    if amount is None or currency is None:
        return [Credit(each.person_id, each.share, None) for each in told]
    return [Credit(each.person_id, each.share, money.quantise(amount * each.share, currency)) for each in told]


def percent(share: Decimal) -> str:
    return f"{(share * 100).normalize():f}"
