"""Where a deal stands, by their record and by ours, and what the two sides add up to. Pure."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from libs.common.events.crm import CrmDealChanged

Kind = Literal["missing", "different", "ours_only", "unreadable"]
"""They have it and we do not; both have it otherwise; we have it and they do not list it; theirs cannot be mapped."""
KINDS: tuple[Kind, ...] = ("missing", "different", "ours_only", "unreadable")


class Cell(NamedTuple):
    """Close month is the month it closed in once it has, else that of its close date; None without one."""

    pipeline: str
    stage: str
    close_month: date | None


UNREAD = Cell("", "", None)
"""Where a deal of theirs stands that cannot be mapped."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What of a deal moves a line of the forecast, as the connection's mapping understands it."""

    pipeline: str
    stage: str
    state: str
    amount: Decimal | None
    currency: str | None
    close_date: str | None
    closed_on: str | None
    category: str | None
    owner_id: str | None
    deal_type: str | None
    value_basis: str | None

    @property
    def cell(self) -> Cell:
        day = self.closed_on or self.close_date
        return Cell(self.pipeline, self.stage, date.fromisoformat(day).replace(day=1) if day else None)

    @property
    def size(self) -> Decimal:
        """Without its sign, so that a credit does not hide what is missing."""
        return abs(self.amount or Decimal())


FIELDS = tuple(each.name for each in fields(Standing))


def of_event(event: CrmDealChanged) -> Standing:
    return of_canonical(event.model_dump(mode="json", include=set(FIELDS)))


def of_canonical(content: Mapping[str, Any]) -> Standing:
    """Of a deal's canonical content as it is kept."""
    values: dict[str, Any] = {name: content.get(name) for name in FIELDS}
    amount = values["amount"]
    return Standing(**values | {"amount": None if amount is None else Decimal(str(amount))})


def differing(theirs: Standing, ours: Standing) -> tuple[str, ...]:
    """Names of the fields in which they differ; amounts are compared as numbers."""
    return tuple(name for name in FIELDS if getattr(theirs, name) != getattr(ours, name))


@dataclass(slots=True)
class Sums:
    """Both sides, and how much of the CRM's ours equals."""

    crm: Decimal = Decimal()
    ours: Decimal = Decimal()
    equal: Decimal = Decimal()

    def __iadd__(self, other: "Sums") -> "Sums":
        self.crm, self.ours, self.equal = self.crm + other.crm, self.ours + other.ours, self.equal + other.equal
        return self

    @property
    def share(self) -> Decimal | None:
        """What is equal, of the larger side: too much here is no more right than too little. None where neither has anything."""
        larger = max(self.crm, self.ours)
        return self.equal / larger if larger else None


@dataclass(slots=True)
class Tally:
    """Counts and amounts of what was judged, by cell; `under_way` were not judged and are in none of them."""

    counts: dict[Cell, Sums] = field(default_factory=lambda: defaultdict(Sums))
    amounts: dict[tuple[Cell, str], Sums] = field(default_factory=lambda: defaultdict(Sums))
    kinds: dict[Kind, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    under_way: int = 0

    def add(self, theirs: Standing | None, ours: Standing | None, *, is_unread: bool = False) -> None:
        """A deal by both sides. With `is_unread` theirs is there and cannot be mapped: it counts, and equals nothing."""
        if is_unread:
            self.counts[UNREAD].crm += 1
        if theirs is not None:
            self.counts[theirs.cell].crm += 1
            if theirs.currency:
                self.amounts[theirs.cell, theirs.currency].crm += theirs.size
        if ours is None:
            return
        self.counts[ours.cell].ours += 1
        if ours.currency:
            self.amounts[ours.cell, ours.currency].ours += ours.size
        if theirs is None or theirs.cell != ours.cell:
            return
        self.counts[ours.cell].equal += 1
        if ours.currency and theirs.currency == ours.currency and (theirs.amount or 0) * (ours.amount or 0) > 0:
            self.amounts[ours.cell, ours.currency].equal += min(theirs.size, ours.size)

    def count(self) -> Sums:
        whole = Sums()
        for each in self.counts.values():
            whole += each
        return whole

    def by_currency(self) -> dict[str, Sums]:
        found: dict[str, Sums] = defaultdict(Sums)
        for (_, currency), each in self.amounts.items():
            found[currency] += each
        return dict(sorted(found.items()))

    def differing_cells(self) -> list[tuple[Cell, Sums, dict[str, Sums]]]:
        """The cells in which the sides are not the same, with their counts, and their amounts by currency."""
        money: dict[Cell, dict[str, Sums]] = defaultdict(dict)
        for (cell, currency), each in self.amounts.items():
            money[cell][currency] = each
        wrong = [
            cell
            for cell in {*self.counts, *money}
            if not all(_is_same(each) for each in (self.counts[cell], *money[cell].values()))
        ]
        return [(cell, self.counts[cell], money[cell]) for cell in sorted(wrong, key=_order)]


def _is_same(sums: Sums) -> bool:
    return sums.crm == sums.ours == sums.equal


def _order(cell: Cell) -> tuple[str, str, str]:
    return cell.pipeline, cell.stage, str(cell.close_month or "")
