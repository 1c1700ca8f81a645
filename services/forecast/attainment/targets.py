"""What is wanted of each node of a tree, and how far it is reached. Pure.

A node's number for a period is its own, else that of the periods in it when all of them have one, else the sum of those below.
What stands above and is not assigned below is told, so parts + unallocated = whole at every node. A quota is one source of
such numbers; whatever else is wanted of nodes comes in by `given`.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Final, Literal

from libs.common import money
from libs.common.calendar import FiscalCalendar, Period
from services.forecast.calls.steps import Node, NodeKey, Quota, walk
from services.forecast.rates.conversion import Rates

State = Literal["set", "zero", "unassigned", "blank"]
"""`set`: something is wanted. `zero`: nothing is, expressly. `unassigned`: a unit above has a number, and of it nothing was assigned
here. `blank`: nobody said anything."""
Source = Literal["own", "periods", "below"]
"""Where a number is from: said of this node and period, made of the periods in it, or of the nodes below."""

Span = tuple[date, date]
Own = Mapping[Span, Mapping[NodeKey, Decimal]]
"""What was said, by the first day of a period and the first after it, and by node."""

SHARE: Final = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class Given:
    """A number that a node has by itself, and where it is from."""

    amount: Decimal
    source: Source


@dataclass(frozen=True, slots=True)
class OfPlans:
    """Of a market or product: what plans want of it, and what is closed of what they credit to it. In the base currency."""

    target: Decimal
    closed: Decimal


@dataclass(frozen=True, slots=True)
class Target:
    """What is wanted of a node. `parts`: what is wanted right below, as far as anything is; None if nothing is known to be."""

    amount: Decimal | None
    source: Source | None
    state: State
    parts: Decimal | None

    @property
    def unallocated(self) -> Decimal | None:
        """What of the number no node below has; below 0 where more was assigned than there is."""
        return rest(self.amount, [self.parts])

    @property
    def over_assigned(self) -> Decimal | None:
        """Parts / whole - 1; None where either is not known, or the whole is not above 0."""
        share = None if self.parts is None else attainment(self.parts, self.amount)
        return None if share is None else share - 1


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is wanted in a month: said or made of what is below (`own`), or an `even` share of the period's number."""

    period: Period
    amount: Decimal | None
    source: Literal["own", "even"] | None


@dataclass(frozen=True, slots=True)
class Month:
    """A month's number beside what was closed in it, alone and together with the months before."""

    wanted: Wanted
    closed: Decimal
    variance: Decimal | None
    wanted_to_date: Decimal | None
    closed_to_date: Decimal
    variance_to_date: Decimal | None


def parts_of(calendar: FiscalCalendar, period: Period) -> list[Period]:
    """The periods that make one: quarters of a year, months of a quarter, nothing of a month."""
    if period.kind == "month":
        return []
    return calendar.quarters(period) if period.kind == "year" else calendar.months(period)


def converted(quotas: Iterable[Quota], rates: Rates) -> tuple[Own, int]:
    """What was said in the rates' base currency, each at the rate set of the year its period begins in; and how many have no rate."""
    own: dict[Span, dict[NodeKey, Decimal]] = defaultdict(dict)
    without_rate = 0
    for quota in quotas:
        amount = rates.convert(quota.amount, quota.currency, quota.start)
        if amount is None:
            without_rate += 1
        else:
            own[quota.start, quota.end][quota.node] = amount
    return own, without_rate


def given(own: Own, calendar: FiscalCalendar, period: Period) -> dict[NodeKey, Given]:
    """What each node has by itself: its own number for the period, else the sum over the periods in it if all have one."""
    found = {key: Given(amount, "own") for key, amount in own.get((period.start, period.end), {}).items()}
    smaller = [given(own, calendar, part) for part in parts_of(calendar, period)]
    if smaller:
        for key in set.intersection(*(set(part) for part in smaller)) - found.keys():
            found[key] = Given(money.total(part[key].amount for part in smaller), "periods")
    return found


def targets(root: Node, numbers: Mapping[NodeKey, Given]) -> dict[NodeKey, Target]:
    """What is wanted of the root and of every node below it."""
    nodes = list(walk(root))
    amounts: dict[NodeKey, Decimal] = {}
    parts: dict[NodeKey, Decimal] = {}
    for node in reversed(nodes):
        below = [amounts[child.key] for child in node.children if child.key in amounts]
        if below:
            parts[node.key] = money.total(below)
        if node.key in numbers:
            amounts[node.key] = numbers[node.key].amount
        elif below:
            amounts[node.key] = parts[node.key]
    found: dict[NodeKey, Target] = {}
    under: set[NodeKey] = set()
    for node in nodes:
        own = numbers.get(node.key)
        if own is not None or node.key in under:
            under.update(child.key for child in node.children)
        amount = amounts.get(node.key)
        source: Source | None = own.source if own else None if amount is None else "below"
        found[node.key] = Target(amount, source, _state(amount, is_under=node.key in under), parts.get(node.key))
    return found


def _state(amount: Decimal | None, *, is_under: bool) -> State:
    if amount is None:
        return "unassigned" if is_under else "blank"
    return "set" if amount else "zero"


def within(calendar: FiscalCalendar, period: Period) -> list[Period]:
    """The period, and every period in it down to months."""
    return [period, *(each for part in parts_of(calendar, period) for each in within(calendar, part))]


def monthly(
    period: Period, calendar: FiscalCalendar, amounts: Mapping[str, Decimal | None], currency: str
) -> list[Wanted]:
    """The months of a period with what is wanted in each; `amounts` by the keys of the periods within it.

    Where no month of a quarter has a number, the quarter's is spread evenly over them, and the year's where no quarter has one; what
    is spread adds up to the cent. Where some months have one, the others have none: nothing is guessed beside what was said.
    """
    parts = parts_of(calendar, period)
    if not parts:
        amount = amounts.get(period.key)
        return [Wanted(period, amount, None if amount is None else "own")]
    found = [each for part in parts for each in monthly(part, calendar, amounts, currency)]
    if any(each.amount is not None for each in found):
        return found
    return _spread([each.period for each in found], amounts.get(period.key), currency)


def _spread(months: list[Period], amount: Decimal | None, currency: str) -> list[Wanted]:
    if amount is None:
        return [Wanted(month, None, None) for month in months]
    shares = money.allocate(amount, [Decimal(1)] * len(months), currency)
    return [Wanted(month, share, "even") for month, share in zip(months, shares, strict=True)]


def paced(months: Iterable[Wanted], closed: Callable[[Period], Decimal]) -> list[Month]:
    """Each month's closed less what was wanted, alone and to date: a month without sales lacks all that was wanted of it."""
    found: list[Month] = []
    wanted_so_far: Decimal | None = None
    closed_so_far = Decimal()
    for each in months:
        came = closed(each.period)
        closed_so_far += came
        if each.amount is not None:
            wanted_so_far = (wanted_so_far or Decimal()) + each.amount
        found.append(
            Month(
                each,
                came,
                less(came, each.amount),
                wanted_so_far,
                closed_so_far,
                less(closed_so_far, wanted_so_far),
            )
        )
    return found


def rest(whole: Decimal | None, parts: Iterable[Decimal | None]) -> Decimal | None:
    """What of the whole is in no part; None where the whole is not known."""
    return None if whole is None else whole - money.total(part for part in parts if part is not None)


def attainment(closed: Decimal, wanted: Decimal | None) -> Decimal | None:
    """Closed / wanted, to four digits; None where nothing is wanted or that is not known."""
    if wanted is None or wanted <= 0:
        return None
    return (closed / wanted).quantize(SHARE, ROUND_HALF_UP)


def less(closed: Decimal, wanted: Decimal | None) -> Decimal | None:
    """Closed - wanted; None where that is not known."""
    return None if wanted is None else closed - wanted
