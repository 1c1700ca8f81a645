"""The deals that a reading of the past is about, as columns: where each stands, and what it is worth. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import Any
from uuid import UUID

import numpy as np
import numpy.typing as npt

from services.forecast.credit.columns import Credit
from services.forecast.history.columns import (
    AMOUNT_SCALE,
    NO_AMOUNT,
    NO_DAY,
    Codes,
    Columns,
    Flags,
    Index,
    Ints,
    day_number,
)
from services.forecast.rates.conversion import Rates
from services.forecast.rates.valuing import in_base, weighted

BUCKETS = (
    *("closed_won", "commit", "most_likely", "best_case", "pipeline", "held_back", "omitted", "lost"),
    *("carried_over", "undated"),
)
"""Lines, then where an open deal stands at a business date instead."""
CARRIED_OVER, UNDATED = BUCKETS.index("carried_over"), BUCKETS.index("undated")
NO_LINE = -1
OPEN = tuple(BUCKETS.index(line) for line in ("commit", "most_likely", "best_case", "pipeline"))
CLOSED = tuple(BUCKETS.index(line) for line in ("closed_won", "lost"))
HELD_BACK = BUCKETS.index("held_back")

Small = npt.NDArray[np.int8]


def lines(columns: Columns, rows: Index) -> Small:
    """The line of each row, or NO_LINE: the twin of `standing.line_of`."""
    of_category = np.full(len(columns.words["category"].texts), BUCKETS.index("pipeline"), dtype=np.int8)
    for category in ("commit", "most_likely", "best_case", "omitted"):
        if (code := columns.code("category", category)) >= 0:
            of_category[code] = BUCKETS.index(category)
    line = of_category[columns.category[rows]]
    is_omitted = line == BUCKETS.index("omitted")
    line[columns.close_date_provisional[rows] & ~is_omitted] = BUCKETS.index("pipeline")
    line[columns.is_in("gate", ["waiting"], rows) & ~is_omitted] = HELD_BACK
    line[columns.is_in("state", ["lost"], rows)] = BUCKETS.index("lost")
    line[columns.is_in("state", ["won"], rows)] = BUCKETS.index("closed_won")
    line[columns.gone[rows]] = NO_LINE
    return line


def days(columns: Columns, rows: Index) -> Codes:
    """The day each row is booked on (closed) or expected on (open): the twin of `standing.month_of`."""
    expected, booked = columns.close_date[rows], columns.closed_on[rows]
    is_booked = ~columns.is_in("state", ["open"], rows) & (booked != NO_DAY)
    return np.where(is_booked, booked, expected)


def worth(columns: Columns, rows: Index, day: Codes, rates: Rates) -> tuple[Ints, Flags]:
    """What each row is worth in minor units of the base currency, and of which that is known; 0 where it is not."""
    units, priced = np.zeros(len(rows), dtype=np.int64), np.zeros(len(rows), dtype=bool)
    currencies = columns.words["currency"].texts

    def put(here: Index, held: Rates) -> None:
        amount, currency = columns.amount[rows[here]], columns.currency[rows[here]]
        valued, known = in_base(amount, AMOUNT_SCALE, currency, currencies, day[here], held)
        units[here[known]] = valued[known]
        priced[here[known]] = True

    put(np.flatnonzero(columns.amount[rows] != NO_AMOUNT), rates)
    # What has no constant rate has no other either; what has no rate of its day keeps the constant one.
    won = np.flatnonzero(priced & columns.is_in("state", ["won"], rows)) if rates.at_booking else ()
    for held in rates.at_booking:
        if held.rates is not None and len(won):
            put(won[(day[won] >= day_number(held.start)) & (day[won] < day_number(held.end))], held.rates)
    return units, priced


@dataclass(frozen=True, slots=True)
class Restated:
    """Wins that finance has decided about or has to: rows in order, and on which day each counts instead of its own."""

    rows: Index
    day: Codes
    is_decided: Flags

    def counted(self, rows: Index, booked: Codes) -> Codes:
        """On which day each of `rows` counts, if it is booked or expected on `booked`."""
        at, found = self.places(rows)
        return np.where(found, self.day[at], booked).astype(np.int32) if len(self.rows) else booked

    def places(self, rows: Index) -> tuple[Index, Flags]:
        """Where each of `rows` stands here, and whether it does."""
        if not len(self.rows):
            return np.zeros(len(rows), dtype=np.intp), np.zeros(len(rows), dtype=bool)
        at = np.minimum(np.searchsorted(self.rows, rows), len(self.rows) - 1)
        return at, self.rows[at] == rows


NOTHING_RESTATED = Restated(np.empty(0, dtype=np.intp), np.empty(0, dtype=np.int32), np.empty(0, dtype=bool))


@dataclass(frozen=True)
class Population:
    """Some versions, one per deal, each with a line. Amounts are whole minor units of the rates' base currency.

    `booked`: the day each is booked or expected on, by which it is valued. `credit`: of deals that are split, the shares; a deal
    is once in a population, with what those have of it whom the view asks for. Without it all is the owners'.
    """

    columns: Columns
    rows: Index
    line: Small
    booked: Codes
    rates: Rates
    restated: Restated = NOTHING_RESTATED
    credit: Credit | None = None

    @classmethod
    def of(cls, columns: Columns, rows: Index, rates: Rates, restated: Restated = NOTHING_RESTATED) -> "Population":
        """Those of `rows` that stand in a line."""
        line = lines(columns, rows)
        standing = line != NO_LINE
        rows = rows[standing]
        return cls(columns, rows, line[standing], days(columns, rows), rates, restated)

    def __len__(self) -> int:
        return len(self.rows)

    def where(self, wanted: Flags) -> "Population":
        credit = self.credit.where(wanted) if self.credit else None
        return replace(self, rows=self.rows[wanted], line=self.line[wanted], booked=self.booked[wanted], credit=credit)

    @cached_property
    def day(self) -> Codes:
        """The day on which each counts: the one it is booked or expected on, unless finance says otherwise."""
        return self.restated.counted(self.rows, self.booked)

    @cached_property
    def whole(self) -> tuple[Ints, Flags]:
        """What each is worth in the base currency, whoever has it, and of which that is known."""
        return worth(self.columns, self.rows, self.booked, self.rates)

    @cached_property
    def amount(self) -> tuple[Ints, Flags]:
        """What of each those have who are asked for, in the base currency, and of which that is known."""
        units, priced = self.whole
        return (self.credit.of_mine(units) if self.credit else units), priced

    @cached_property
    def weighted(self) -> tuple[Ints, Flags]:
        """What of each adds to their weighted forecast, and of which that is known; nothing for closed deals."""
        units, known = self._whole_weighted
        return (self.credit.of_mine(units) if self.credit else units), known

    @cached_property
    def _whole_weighted(self) -> tuple[Ints, Flags]:
        amount, priced = self.whole
        units, known = weighted(amount, self.columns.probability[self.rows], self.columns.words["probability"].texts)
        is_closed = (self.line == BUCKETS.index("closed_won")) | (self.line == BUCKETS.index("lost"))
        units[is_closed | ~priced] = 0
        return units, (known & priced) | is_closed

    def buckets(self, quarter_start: date) -> Small:
        """Where each stands when `quarter_start` begins the current quarter: the twin of `standing.bucket_of`."""
        is_open = np.isin(self.line, (*OPEN, HELD_BACK))
        bucket = self.line.copy()
        bucket[is_open & (self.day < day_number(quarter_start))] = CARRIED_OVER
        bucket[is_open & (self.day == NO_DAY)] = UNDATED
        return bucket

    def in_days(self, start: date, end: date) -> Flags:
        """Booked or expected in [start, end)."""
        found: Flags = (self.day >= day_number(start)) & (self.day < day_number(end))
        return found

    @cached_property
    def owner(self) -> Codes:
        """Under whom each stands where it stands once: see `Credit.first`."""
        owner = self.columns.owner[self.rows]
        return self.credit.first(owner) if self.credit else owner

    def parts(self) -> "Parts":
        """By who is credited: a deal once, or once for each who has a share and is asked for."""
        amount, weighted, at = self.amount[0], self.weighted[0], np.arange(len(self))
        if self.credit is None:
            return Parts(at, self.owner, amount, weighted)
        alone = np.ones(len(self), dtype=bool)
        alone[self.credit.row] = False
        mine = self.credit.mine
        at = np.concatenate((at[alone], self.credit.row[mine]))
        order = np.argsort(at, kind="stable")

        def woven(own: npt.NDArray[Any], shared: npt.NDArray[Any]) -> npt.NDArray[Any]:
            found: npt.NDArray[Any] = np.concatenate((own[alone], shared[mine]))[order]
            return found

        return Parts(
            at[order],
            woven(self.owner, self.credit.person),
            woven(amount, self.credit.cut(self.whole[0])),
            woven(weighted, self.credit.cut(self._whole_weighted[0])),
        )

    def by_owner(self, of: Callable[[UUID | None], Any], codes: Codes | None = None) -> npt.NDArray[Any]:
        """What `of` says of each row's owner, or of the people with these codes."""
        codes = self.owner if codes is None else codes
        present = np.unique(codes)
        owners = [self.columns.words["owner"].texts[code] for code in present.tolist()]
        said = [of(UUID(owner) if owner else None) for owner in owners]
        found: npt.NDArray[Any] = np.array(said)[np.searchsorted(present, codes)] if said else np.empty(0)
        return found


@dataclass(frozen=True, slots=True)
class Parts:
    """What each person has of each deal, in the order of the deals; amounts add to those of the population.

    `at`: positions in the population; a deal that several share occurs several times.
    """

    at: Index
    owner: Codes
    amount: Ints
    weighted: Ints
