"""Whose the rest is that a CRM's shares leave: the owner's, whoever that is when, and nobody's share stands before there is one. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_DOWN, Decimal
from typing import Any, Final

from services.deals.credit.share import WHOLE, percent

STEP: Final = Decimal("0.000001")
SLACK: Final = Decimal("0.0001")
"""Thirds cannot be written out: what is missing to the whole by so little belongs to the largest share."""

Shares = Mapping[str, Decimal]
"""By person; of a split that stands they make the whole, and none at all leave everything to the owner."""


@dataclass(frozen=True, slots=True)
class Rest:
    """What a CRM told last, of a deal of which it once told less than the whole. `version`: the last statement before it was heard."""

    at: datetime
    author: str
    version: int
    shares: Shares


@dataclass(frozen=True, slots=True)
class Entry:
    """A revenue split as it was stated. `follows`: it was made here, of the rest that is looked at."""

    at: datetime
    version: int
    follows: bool
    by_crm: bool
    shares: Shares


@dataclass(frozen=True, slots=True)
class Owned:
    """Who owns the deal from an instant on."""

    at: datetime
    owner: str | None


def missing(rest: Rest, owned: Sequence[Owned], entries: Sequence[Entry]) -> list[tuple[datetime, Shares]]:
    """What has to be stated so that at every instant the rest is that owner's, in order of instants.

    `rest.at` and `owned` are instants that count, so of a closed deal none lies beyond its closing. While nobody owns the deal what
    stood before stays. A person's word that is later than the CRM's ends what follows from the CRM's. The result is a function of
    what is known, so whatever comes in whatever order ends in the same splits.
    """
    others = [each for each in entries if not each.follows]
    until = min((each.at for each in others if _overrules(each, rest)), default=None)
    steps = dict(_steps(rest, owned))
    known = list(entries)
    stated: list[tuple[datetime, Shares]] = []
    older = {each.at for each in others if each.by_crm and each.at >= rest.at}
    for at in sorted(steps.keys() | older | {each.at for each in entries if each.follows}):
        before = [each for each in steps if each <= at]
        ends = until is not None and until <= at
        wanted = steps[max(before)] if before and not ends else _standing(others, at)
        if wanted != _standing(known, at):
            stated.append((at, wanted))
            version = max((each.version for each in known), default=0) + 1
            known.append(Entry(at, version, follows=True, by_crm=True, shares=wanted))
    return stated


def _steps(rest: Rest, owned: Sequence[Owned]) -> Iterator[tuple[datetime, Shares]]:
    """From each instant on the shares with what they leave as its owner's; of several at one instant the last holds."""
    left = _rest(rest.shares)
    if not rest.shares or not left:
        yield rest.at, rest.shares
        return
    for place, each in enumerate(owned):
        is_over = place + 1 < len(owned) and owned[place + 1].at <= rest.at
        if each.owner is not None and not is_over:
            own = rest.shares.get(each.owner, Decimal()) + left
            yield max(each.at, rest.at), {**rest.shares, each.owner: own}


def _overrules(entry: Entry, rest: Rest) -> bool:
    return not entry.by_crm and (entry.at, entry.version) > (rest.at, rest.version)


def _standing(entries: Sequence[Entry], at: datetime) -> Shares:
    found = [each for each in entries if each.at <= at]
    return max(found, key=lambda each: (each.at, each.version)).shares if found else {}


def shares_in(said: Mapping[str, Any]) -> dict[str, Decimal]:
    return {each["person_id"]: Decimal(each["share"]) for each in said.get("shares", ())}


def as_said(shares: Shares) -> dict[str, Any]:
    return {"shares": [{"person_id": who, "share": str(share)} for who, share in sorted(shares.items())]}


def shares_told(told: Mapping[str, Any], beside: bool) -> dict[str, Decimal]:
    """The revenue shares that a CRM tells, or those `beside` the amount."""
    shares = {each["person_id"]: Decimal(each["share"]) for each in told.get("shares", ()) if each["overlay"] is beside}
    return {who: share.quantize(STEP, ROUND_DOWN) for who, share in shares.items()}


def revenue_in(told: Mapping[str, Any]) -> dict[str, Decimal]:
    """The revenue shares that a CRM tells, which make the whole or leave a rest; what thirds leave over is the largest share's."""
    shares = shares_told(told, False)
    rest = _rest(shares)
    if not shares or abs(rest) > SLACK:
        return shares
    largest = max(sorted(shares), key=lambda who: shares[who])
    return {**shares, largest: shares[largest] + rest}


def beyond_the_whole(shares: Shares) -> Decimal:
    """What shares make more than the deal; 0 where they do not."""
    beyond = -_rest(shares)
    return beyond if beyond > SLACK else Decimal()


def leaves_a_rest(shares: Shares) -> bool:
    """Whether somebody else has a part of the deal; no shares at all say nothing of anybody."""
    return bool(shares) and _rest(shares) > 0


def without_owner(shares: Shares) -> str:
    """Why shares that leave a rest do not stand."""
    return f"The CRM's shares make {percent(WHOLE - _rest(shares))} %, and no owner is known whose the rest could be."


def _rest(shares: Shares) -> Decimal:
    return WHOLE - sum(shares.values(), Decimal())
