"""How near two deals are to each other by what was known while they were open (Gower 1971). Pure; no outcome comes in.

Every feature gives a part in [0, 1]: of words 0 where they are the same and 1 where not, of amounts and spans of time the logarithm of
their ratio, so that ten times as much is 1; 0.5 where one of the two is not known. The distance is the mean of the parts by weight.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log
from typing import Final
from uuid import UUID

UNKNOWN: Final = 0.5
WEIGHTS: Final[Mapping[str, float]] = {
    "amount": 3,
    "product": 2,
    "segment": 2,
    "deal_type": 2,
    "stage": 1,
    "days_to_stage": 1,
    "region": 1,
    "team": 1,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """What is compared. `stage`: the last open one; `days_to_stage`: from creation until that was entered; unknown is null."""

    amount: float | None = None
    product: str | None = None
    segment: str | None = None
    deal_type: str | None = None
    stage: str | None = None
    days_to_stage: float | None = None
    region: str | None = None
    team: UUID | None = None


@dataclass(frozen=True, slots=True)
class Near:
    """A deal with its distance in [0, 1], the features that are the same, and how many times the amount it has, if known."""

    deal_id: UUID
    distance: float
    same: tuple[str, ...]
    times: float | None


def parts(one: Features, other: Features) -> dict[str, float]:
    """By feature how far apart two deals are, in [0, 1]; the same in both directions."""
    return {name: _apart(getattr(one, name), getattr(other, name), is_span=name == "days_to_stage") for name in WEIGHTS}


def distance(one: Features, other: Features) -> float:
    """The mean of the parts by weight, in [0, 1]."""
    found = parts(one, other)
    return sum(found[name] * weight for name, weight in WEIGHTS.items()) / sum(WEIGHTS.values())


def nearest(deal: Features, others: Mapping[UUID, Features], *, k: int) -> list[Near]:
    """The `k` nearest, whatever the order they are given in; of two equally near the smaller id."""
    ranked = sorted((round(distance(deal, other), 9), deal_id) for deal_id, other in others.items())
    return [_near(deal_id, apart, deal, others[deal_id]) for apart, deal_id in ranked[:k]]


def hidden(everybody: Sequence[Near], seen: Mapping[UUID, Features]) -> int:
    """How many of the nearest the reader may not see."""
    return sum(each.deal_id not in seen for each in everybody)


def _near(deal_id: UUID, apart: float, deal: Features, other: Features) -> Near:
    same = tuple(
        name
        for name in WEIGHTS
        if name not in ("amount", "days_to_stage")
        and getattr(deal, name) is not None
        and getattr(deal, name) == getattr(other, name)
    )
    times = other.amount / deal.amount if deal.amount and other.amount else None
    return Near(deal_id, apart, same, times)


def _apart(one: object, other: object, *, is_span: bool) -> float:
    if one is None or other is None:
        return UNKNOWN
    if isinstance(one, float) and isinstance(other, float):
        if is_span:
            one, other = max(one, 0.0) + 1, max(other, 0.0) + 1
        if one <= 0 or other <= 0:
            return float(one != other)
        return min(1.0, abs(log(one) - log(other)) / log(10))
    return float(one != other)
