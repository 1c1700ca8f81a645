"""What stands in a cell of the matrix of accounts and products, from deals, from what people said, and from what was measured. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from libs.common.calendar import add_months

State = Literal["owned", "open", "potential", "competitor", "not_applicable", "unknown"]
Says = Literal["owned", "potential", "competitor", "not_applicable", "unknown"]


@dataclass(frozen=True, slots=True)
class Pursuit:
    """A deal of the account about the product. `day`: when it was booked; of an open one null."""

    deal_id: UUID
    state: str
    amount: Decimal | None
    currency: str | None
    day: date | None = None
    term_months: int | None = None

    def runs(self, today: date) -> bool:
        """Whether what was won is still the customer's: without a term for good, else until the term is over."""
        if self.state != "won":
            return False
        return self.day is None or self.term_months is None or self.ends > today

    @property
    def ends(self) -> date:
        """The day after the term, counted in months from the first of the month of booking on."""
        if self.day is None or self.term_months is None:
            return date.max
        return add_months(self.day.replace(day=1), self.term_months).replace(day=1)


@dataclass(frozen=True, slots=True)
class Statement:
    """What somebody said of the cell. Of several the greatest `(at, entry_id)` stands."""

    entry_id: UUID
    says: Says
    at: datetime
    competitor: str | None = None
    amount: Decimal | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class Worth:
    """What a cell may be worth: stated, or the median of `n` won deals about the product in the account's segment."""

    basis: Literal["stated", "measured"]
    amount: Decimal
    currency: str
    n: int | None = None


@dataclass(frozen=True, slots=True)
class Cell:
    state: State
    owned: Sequence[Pursuit] = ()
    pursued: Sequence[Pursuit] = ()
    stated: Statement | None = None
    worth: Worth | None = None


def cell(pursuits: Iterable[Pursuit], said: Iterable[Statement], measured: Worth | None, *, today: date) -> Cell:
    """The cell, in whatever order its parts are given.

    A word said after the last win goes before it: a customer may have left. What is pursued now goes before what was said.
    """
    known = sorted(pursuits, key=lambda each: each.deal_id)
    owned = [each for each in known if each.runs(today)]
    pursued = [each for each in known if each.state == "open"]
    stated = max(said, key=lambda each: (each.at, each.entry_id), default=None)
    if stated is not None and stated.says == "unknown":
        stated = None
    last_win = max((each.day or date.min for each in owned), default=date.min)
    has_left = stated is not None and stated.says != "owned" and stated.at.date() > last_win
    if (owned and not has_left) or (stated is not None and stated.says == "owned"):
        return Cell("owned", owned, pursued, stated)
    worth = _stated_worth(stated) or measured
    if pursued:
        return Cell("open", (), pursued, stated, worth)
    if stated is not None and stated.says in ("competitor", "not_applicable"):
        return Cell(stated.says, (), (), stated, worth if stated.says == "competitor" else None)
    if stated is not None or worth is not None:
        return Cell("potential", (), (), stated, worth)
    return Cell("unknown")


def _stated_worth(stated: Statement | None) -> Worth | None:
    if stated is None or stated.amount is None or stated.currency is None:
        return None
    return Worth("stated", stated.amount, stated.currency)
