"""What campaigns brought and cost in one currency. Pure.

Money without a rate makes a figure unknown, never smaller. Return is (won - cost) / cost: unknown without a cost, or where it is 0.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final
from uuid import UUID

Convert = Callable[[Decimal, str, date], Decimal | None]
"""An amount of a currency in the reading's, at the rate of a month; None without a rate."""
CAVEAT: Final = (
    "Attribution is not lift: it says which campaign touched a lead, not how many would have come without it."
)
NO_COST: Final = "no cost is known"
FREE: Final = "the cost is 0"
NO_RATE: Final = "money without an exchange rate"
_PLACES: Final = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class Told:
    """What was told of a campaign and a month; `told` has cost, first and last as the event has them."""

    campaign_id: UUID
    month: date
    name: str
    market: str | None
    told: Mapping[str, Any]


@dataclass(slots=True)
class Touch:
    """Sums of the leads that were touched first, or last; money is None where a rate is missing."""

    leads: int = 0
    accepted: int = 0
    deals: int = 0
    won_deals: int = 0
    pipeline: Decimal | None = Decimal()
    won: Decimal | None = Decimal()

    def add(self, other: "Touch") -> None:
        self.leads += other.leads
        self.accepted += other.accepted
        self.deals += other.deals
        self.won_deals += other.won_deals
        self.pipeline, self.won = _plus(self.pipeline, other.pipeline), _plus(self.won, other.won)


@dataclass(slots=True)
class Line:
    """A campaign, or all of them. `has_cost`: whether any cost was told; `cost` is None without one, or without a rate."""

    campaign_id: UUID | None
    name: str
    market: str | None
    cost: Decimal | None = None
    has_cost: bool = False
    first: Touch = field(default_factory=Touch)
    last: Touch = field(default_factory=Touch)

    def roi(self, touch: Touch) -> Decimal | None:
        """To a hundredth of a percent."""
        if self.why is not None or self.cost is None or touch.won is None:
            return None
        return ((touch.won - self.cost) / self.cost).quantize(_PLACES, ROUND_HALF_UP)

    @property
    def why(self) -> str | None:
        """Why there is no return; None where there is one."""
        if not self.has_cost:
            return NO_COST
        if self.cost is None or self.first.won is None or self.last.won is None:
            return NO_RATE
        return FREE if self.cost == 0 else None

    def add(self, other: "Line") -> None:
        """Put another line's sums on top; without any cost there it adds none."""
        if other.has_cost:
            self.cost = _plus(self.cost if self.has_cost else Decimal(), other.cost)
            self.has_cost = True
        self.first.add(other.first)
        self.last.add(other.last)


def lines(told: Iterable[Told], convert: Convert) -> list[Line]:
    """A line per campaign, named as in its newest month, dearest first."""
    found: dict[UUID, Line] = {}
    for each in sorted(told, key=lambda each: each.month):
        line = found.setdefault(each.campaign_id, Line(each.campaign_id, each.name, each.market))
        line.name, line.market = each.name, each.market
        line.add(_line(each, convert))
    return sorted(found.values(), key=lambda line: (-(line.cost or Decimal()), -line.first.leads, line.name))


def total(found: Sequence[Line]) -> Line:
    """All campaigns together: a lead is claimed by one at most, so their sums are those of their leads."""
    whole = Line(None, "All campaigns", None)
    for line in found:
        whole.add(line)
    return whole


def _line(told: Told, convert: Convert) -> Line:
    costs = told.told["cost"]
    line = Line(told.campaign_id, told.name, told.market, has_cost=bool(costs))
    line.cost = _sum(costs, told.month, convert) if costs else None
    line.first, line.last = (_touch(told.told[touch], told.month, convert) for touch in ("first", "last"))
    return line


def _touch(said: Mapping[str, Any], month: date, convert: Convert) -> Touch:
    counts = {name: int(said[name]) for name in ("leads", "accepted", "deals", "won_deals")}
    return Touch(**counts, pipeline=_sum(said["pipeline"], month, convert), won=_sum(said["won"], month, convert))


def _sum(amounts: Iterable[Mapping[str, Any]], month: date, convert: Convert) -> Decimal | None:
    found: Decimal | None = Decimal()
    for each in amounts:
        found = _plus(found, convert(Decimal(str(each["amount"])), each["currency"], month))
    return found


def _plus(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    return None if one is None or other is None else one + other
