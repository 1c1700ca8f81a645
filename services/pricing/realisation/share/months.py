"""Accepted quotes by month: list, invoice, paid and pocket amounts, and what lies between them by name.

A quote with an unknown list price is counted and left out of the shares; one with an unknown cost has no margin.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from services.pricing.quotes.arithmetic import Kind, Waterfall


@dataclass(frozen=True, slots=True)
class Sold:
    """A quote that was accepted on a day; `key` names it."""

    key: str
    on: date
    fall: Waterfall


@dataclass(slots=True)
class Month:
    """Sums of the quotes whose list price is known; `margin` and `margin_base` of those whose cost is known too."""

    month: date
    quotes: int = 0
    unlisted: int = 0
    uncosted: int = 0
    listed: Decimal = Decimal()
    invoice: Decimal = Decimal()
    paid: Decimal = Decimal()
    pocket: Decimal = Decimal()
    margin: Decimal = Decimal()
    margin_base: Decimal = Decimal()

    def add(self, fall: Waterfall) -> None:
        self.quotes += 1
        if fall.list_amount is None:
            self.unlisted += 1
            return
        self.listed += fall.list_amount
        self.invoice += fall.invoice
        self.paid += fall.paid
        self.pocket += fall.pocket
        if fall.margin is None:
            self.uncosted += 1
        else:
            self.margin += fall.margin
            self.margin_base += fall.pocket


@dataclass(slots=True)
class Leak:
    """What one deduction took from how many quotes, and from which most."""

    name: str
    kind: Kind
    amount: Decimal = Decimal()
    quotes: int = 0
    worst: str = ""
    worst_amount: Decimal = Decimal()


@dataclass(slots=True)
class Realised:
    months: list[Month]
    whole: Month
    leaks: list[Leak] = field(default_factory=list)


def realised(sold: Iterable[Sold], months: Iterable[date]) -> Realised:
    """Every month of the range, in order, with those in which nothing was sold; leaks by amount."""
    found = {month: Month(month) for month in months}
    whole = Month(min(found, default=date.min))
    leaks: dict[tuple[Kind, str], Leak] = {}
    for each in sold:
        month = found.get(each.on.replace(day=1))
        if month is None:
            continue
        month.add(each.fall)
        whole.add(each.fall)
        if each.fall.list_amount is None:
            continue
        for step in each.fall.steps:
            leak = leaks.setdefault((step.kind, step.name), Leak(step.name, step.kind))
            leak.amount += step.amount
            leak.quotes += 1
            if step.amount > leak.worst_amount:
                leak.worst, leak.worst_amount = each.key, step.amount
    return Realised(list(found.values()), whole, sorted(leaks.values(), key=lambda leak: (-leak.amount, leak.name)))
