"""How versions of deals stand in the forecast of a period, looked at from one end of a movement. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from libs.common.calendar import Period
from services.forecast.credit.columns import Credit
from services.forecast.history.columns import NO_DAY, Codes, Columns, Flags, Index, Ints, day_number
from services.forecast.past.population import (
    BUCKETS,
    NO_LINE,
    NOTHING_RESTATED,
    OPEN,
    Restated,
    Small,
    days,
    lines,
    worth,
)
from services.forecast.past.view import View
from services.forecast.rates.conversion import Rates

NO_ROW = -1
WON = BUCKETS.index("closed_won")

Definition = Callable[[Columns, Index], Small]
"""Which line each row stands in."""
Credited = Callable[[Columns, Index], Credit | None]
"""Who has shares of rows."""


@dataclass(frozen=True)
class Look:
    """How standings are looked at from one end: rates, what belongs to the view, which line a deal is in, where late wins count.

    `credited`: who has shares of rows; None where all are their owners'.
    """

    view: View
    rates: Rates
    definition: Definition = lines
    restated: Restated = NOTHING_RESTATED
    credited: Credited | None = None


@dataclass(frozen=True)
class Looked:
    """Rows as a look has them: each once, in order, however many steps lead to it or from it.

    Every array has one place more than there are rows; the last stands for NO_ROW. `place`: where each row of the columns
    stands here; it says nothing of rows that are not looked at.
    """

    columns: Columns
    rows: Index
    place: Codes
    look: Look
    period: Period
    _worth: list[tuple[Rates, Ints]] = field(default_factory=list, repr=False, compare=False)

    @classmethod
    def at(cls, columns: Columns, look: Look, period: Period, *several: Index) -> "Looked":
        """All of `several` rows, NO_ROW among them."""
        wanted = np.zeros(len(columns) + 1, dtype=bool)
        for rows in several:
            wanted[rows] = True
        found = np.flatnonzero(wanted[:-1])
        place = np.empty(len(columns) + 1, dtype=np.int32)
        place[found], place[NO_ROW] = np.arange(len(found)), len(found)
        return cls(columns, found, place, look, period)

    def defined(self, definition: Definition) -> "Looked":
        """The same by another definition."""
        if definition is self.look.definition:
            return self
        return replace(self, look=replace(self.look, definition=definition))

    @cached_property
    def line(self) -> Small:
        return _with(self.look.definition(self.columns, self.rows), NO_LINE)

    @cached_property
    def booked(self) -> Codes:
        """The day each is booked or expected on, by which it is valued."""
        return _with(days(self.columns, self.rows), NO_DAY)

    @cached_property
    def day(self) -> Codes:
        """The day on which each counts."""
        return _with(self.look.restated.counted(self.rows, self.booked[:-1]), NO_DAY)

    def shared_as(self, look: Look) -> "Looked":
        """The same rows with the shares that those have who are asked for by another look: for what they are worth."""
        if look.credited is None and self.look.credited is None:
            return self
        return replace(self, look=replace(self.look, view=look.view, credited=look.credited), _worth=[])

    @cached_property
    def credit(self) -> Credit | None:
        found = self.look.credited(self.columns, self.rows) if self.look.credited else None
        return found and found.asked(self.look.view.people(self.columns)[found.person])

    @cached_property
    def owned(self) -> Flags:
        """Whether somebody who is asked for has it, or a share of it."""
        found = self.look.view.owns(self.columns, self.rows)
        if self.credit:
            found[self.credit.row] = False
            found[self.credit.row[self.credit.mine]] = True
        return _with(found, False)

    @cached_property
    def matching(self) -> Flags:
        found = self.look.view.matches(self.columns, self.rows)
        if self.credit:
            rows = self.credit.row
            found[rows] = self.look.view.has_properties(self.columns, self.rows)[rows]
        return _with(found, False)

    @cached_property
    def is_dated(self) -> Flags:
        """Booked or expected in the period."""
        found: Flags = (self.day >= day_number(self.period.start)) & (self.day < day_number(self.period.end))
        return found

    @cached_property
    def is_expected(self) -> Flags:
        """In the open forecast of the period, unless carried over."""
        return np.isin(self.line, OPEN) & self.is_dated & self.owned & self.matching

    @cached_property
    def is_closed(self) -> Flags:
        """In the period's closed won."""
        found: Flags = (self.line == WON) & self.is_dated & self.owned & self.matching
        return found

    def worth(self, rates: Rates) -> Ints:
        """What of each those have who are asked for, at `rates` in minor units of the base currency; nothing where that is unknown."""
        for known, amounts in self._worth:
            if known == rates:
                return amounts
        units = worth(self.columns, self.rows, self.booked[:-1], rates)[0]
        amounts = _with(self.credit.of_mine(units) if self.credit else units, 0)
        self._worth.append((rates, amounts))
        return amounts


def _with(values: npt.NDArray[Any], missing: Any) -> npt.NDArray[Any]:
    return np.append(values, values.dtype.type(missing))


@dataclass(frozen=True)
class Standing:
    """Rows at a business date: NO_ROW where there was no deal. Amounts are minor units of the base currency."""

    looked: Looked
    rows: Index
    quarter_start: Codes
    """First day of the current quarter at each row's business date."""

    def where(self, kept: Index) -> "Standing":
        return Standing(self.looked, self.rows[kept], self.quarter_start[kept])

    def defined(self, definition: Definition) -> "Standing":
        """The same by another definition."""
        looked = self.looked.defined(definition)
        return self if looked is self.looked else replace(self, looked=looked)

    def shared_as(self, look: Look) -> "Standing":
        """The same with the shares of another look: for what they are worth."""
        looked = self.looked.shared_as(look)
        return self if looked is self.looked else replace(self, looked=looked)

    @property
    def look(self) -> Look:
        return self.looked.look

    @cached_property
    def _place(self) -> Codes:
        return self.looked.place[self.rows]

    @cached_property
    def exists(self) -> Flags:
        found: Flags = self.rows != NO_ROW
        return found

    @cached_property
    def line(self) -> Small:
        return self.looked.line[self._place]

    @cached_property
    def day(self) -> Codes:
        return self.looked.day[self._place]

    @cached_property
    def owned(self) -> Flags:
        return self.looked.owned[self._place]

    @cached_property
    def matching(self) -> Flags:
        return self.looked.matching[self._place]

    @cached_property
    def is_dated(self) -> Flags:
        """Booked or expected in the period."""
        return self.looked.is_dated[self._place]

    @cached_property
    def is_carried(self) -> Flags:
        """From before the current quarter: open, it stands in no month any more."""
        found: Flags = (self.day < self.quarter_start) & (self.day != NO_DAY)
        return found

    @cached_property
    def is_open(self) -> Flags:
        """In the open forecast of the period."""
        found: Flags = self.looked.is_expected[self._place] & ~self.is_carried
        return found

    @cached_property
    def is_closed(self) -> Flags:
        """In the period's closed won."""
        return self.looked.is_closed[self._place]

    def amount(self, rates: Rates) -> Ints:
        """What each is worth at `rates`; nothing where that is not known."""
        return self.looked.worth(rates)[self._place]
