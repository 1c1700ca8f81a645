"""Cover of all accounts in one currency. Pure. What is unknown of one account, or has no rate, makes the sum unknown."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

Convert = Callable[[Decimal, str], Decimal | None]
"""An amount of a currency in the reading's; None without a rate."""


@dataclass(frozen=True, slots=True)
class Told:
    """What was told of an account; `amounts` as the event has them."""

    has_executive: bool
    amounts: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Cover:
    """Open money of accounts, of it that with an executive, at risk and lapsed; each None where it is unknown.

    `accounts`: those with open deals, of which `covered` have an executive.
    """

    open: Decimal | None
    with_executive: Decimal | None
    at_risk: Decimal | None
    lapsed: Decimal | None
    accounts: int
    covered: int


def covered(told: Iterable[Told], convert: Convert) -> Cover:
    """The accounts that have open deals, together."""
    every = [each for each in told if each.amounts]
    mine = [each for each in every if each.has_executive]
    return Cover(
        _sum(every, "open", convert),
        _sum(mine, "open", convert),
        _sum(every, "at_risk", convert),
        _sum(every, "lapsed", convert),
        len(every),
        len(mine),
    )


def _sum(told: Iterable[Told], name: str, convert: Convert) -> Decimal | None:
    found = Decimal()
    for amount in (amount for each in told for amount in each.amounts):
        known = amount.get(name)
        converted = None if known is None else convert(Decimal(str(known)), amount["currency"])
        if converted is None:
            return None
        found += converted
    return found
