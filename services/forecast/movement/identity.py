"""Why the forecast of a period moved: each deal's step from one standing to another, told by exact terms. Pure.

Open: opening + created + included + restored + pulled_in + pushed_in + increased + reopened + transferred_in - decreased
- pulled_out - pushed_out - rolled_over - won - lost - omitted - transferred_out - removed +- won_repriced +- reclassified +- fx
+- definition = closing. Closed: opening + won + up - down - reversed +- fx +- definition = closing. Every amount here carries its sign,
so both are sums. Each term is worked out by itself; none is what remains.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from libs.common.calendar import Period
from services.forecast.history.columns import NO_DAY, Codes, Columns, Flags, Index, Ints, day_number
from services.forecast.past.population import (
    BUCKETS,
    HELD_BACK,
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

OPEN_TERMS = (
    *("created", "included", "restored", "pulled_in", "pushed_in", "increased", "reopened", "transferred_in"),
    *("decreased", "pulled_out", "pushed_out", "rolled_over", "won", "lost", "omitted", "transferred_out", "removed"),
    *("won_repriced", "reclassified", "fx", "definition"),
)
CLOSED_TERMS = ("won", "up", "down", "reversed", "fx", "definition")

NO_ROW = -1
WON, LOST, OMITTED = BUCKETS.index("closed_won"), BUCKETS.index("lost"), BUCKETS.index("omitted")

Definition = Callable[[Columns, Index], Small]
"""Which line each row stands in."""


@dataclass(frozen=True)
class Look:
    """How standings are looked at from one end: rates, what belongs to the view, which line a deal is in, where late wins count."""

    view: View
    rates: Rates
    definition: Definition = lines
    restated: Restated = NOTHING_RESTATED


@dataclass(frozen=True)
class Standing:
    """Rows at a business date: NO_ROW where there was no deal. Amounts are minor units of the base currency.

    `booked`: the day each is booked or expected on, by which it is valued; `day`: the one on which it counts.
    """

    columns: Columns
    rows: Index
    quarter_start: Codes
    """First day of the current quarter at each row's business date."""
    look: Look
    period: Period
    line: Small = field(init=False)
    booked: Codes = field(init=False)
    day: Codes = field(init=False)
    exists: Flags = field(init=False)
    owned: Flags = field(init=False)
    matching: Flags = field(init=False)

    def __post_init__(self) -> None:
        exists = self.rows != NO_ROW
        rows = self.rows[exists]

        def filled(values: npt.NDArray[Any], missing: Any) -> npt.NDArray[Any]:
            whole = np.full(len(exists), missing, dtype=values.dtype)
            whole[exists] = values
            return whole

        put = object.__setattr__
        put(self, "exists", exists)
        put(self, "line", filled(self.look.definition(self.columns, rows), NO_LINE))
        booked = days(self.columns, rows)
        put(self, "booked", filled(booked, NO_DAY))
        put(self, "day", filled(self.look.restated.counted(rows, booked), NO_DAY))
        put(self, "owned", filled(self.look.view.owns(self.columns, rows), False))
        put(self, "matching", filled(self.look.view.matches(self.columns, rows), False))

    @property
    def in_view(self) -> Flags:
        return self.owned & self.matching

    @property
    def is_dated(self) -> Flags:
        """Booked or expected in the period."""
        found: Flags = (self.day >= day_number(self.period.start)) & (self.day < day_number(self.period.end))
        return found

    @property
    def is_carried(self) -> Flags:
        """From before the current quarter: open, it stands in no month any more."""
        found: Flags = (self.day < self.quarter_start) & (self.day != NO_DAY)
        return found

    @property
    def is_open(self) -> Flags:
        """In the open forecast of the period."""
        found: Flags = np.isin(self.line, OPEN) & self.is_dated & ~self.is_carried & self.in_view
        return found

    @property
    def is_closed(self) -> Flags:
        """In the period's closed won."""
        found: Flags = (self.line == WON) & self.is_dated & self.in_view
        return found

    def amount(self, rates: Rates) -> Ints:
        """What each is worth at `rates`; nothing where that is not known."""
        amounts = np.zeros(len(self.rows), dtype=np.int64)
        amounts[self.exists] = worth(self.columns, self.rows[self.exists], self.booked[self.exists], rates)[0]
        return amounts


@dataclass(frozen=True)
class Steps:
    """Steps of deals: from one standing to the next, of the same deal in each place.

    `closing`: the row by which it was won, where it is won after the step.
    """

    before: Standing
    after: Standing
    closing: Index


@dataclass(frozen=True)
class Moved:
    """Signed amounts by term and step, in minor units of the base currency."""

    open: dict[str, Ints]
    closed: dict[str, Ints]
    opening: Ints
    closing: Ints
    closed_opening: Ints
    closed_closing: Ints

    @property
    def residual(self) -> Ints:
        """What the open terms leave unexplained in each step: nothing, or a defect."""
        return self.closing - self.opening - sum(self.open.values(), np.zeros_like(self.opening))

    @property
    def closed_residual(self) -> Ints:
        """What the closed terms leave unexplained in each step."""
        return self.closed_closing - self.closed_opening - sum(self.closed.values(), np.zeros_like(self.opening))


def explain(steps: Steps) -> Moved:
    """Both identities of every step."""
    before, after = steps.before, steps.after
    by_old_definition = Standing(
        after.columns,
        after.rows,
        after.quarter_start,
        replace(after.look, definition=before.look.definition),
        after.period,
    )
    old, new = before.look.rates, after.look.rates
    was, at_old, at_new = before.amount(old), after.amount(old), after.amount(new)
    booked = Standing(after.columns, steps.closing, after.quarter_start, after.look, after.period)
    won_old, won_new = booked.amount(old), booked.amount(new)
    opened, closed = (
        _open_terms(before, by_old_definition, was, at_old, at_new, won_old, won_new),
        _closed_terms(before, by_old_definition, was, at_old, at_new, won_new),
    )
    opened["definition"] = at_new * (after.is_open.astype(np.int64) - by_old_definition.is_open)
    closed["definition"] = at_new * (after.is_closed.astype(np.int64) - by_old_definition.is_closed)
    return Moved(
        opened,
        closed,
        opening=was * before.is_open,
        closing=at_new * after.is_open,
        closed_opening=was * before.is_closed,
        closed_closing=at_new * after.is_closed,
    )


def _open_terms(
    before: Standing, after: Standing, was: Ints, at_old: Ints, at_new: Ints, won_old: Ints, won_new: Ints
) -> dict[str, Ints]:
    terms = {name: np.zeros(len(was), dtype=np.int64) for name in OPEN_TERMS}
    stays, leaves, enters = (
        before.is_open & after.is_open,
        before.is_open & ~after.is_open,
        ~before.is_open & after.is_open,
    )
    terms["increased"][stays] = np.maximum(at_old - was, 0)[stays]
    terms["decreased"][stays] = np.minimum(at_old - was, 0)[stays]
    terms["fx"][stays] = (at_new - at_old)[stays]

    is_won = after.is_closed & ~before.is_closed
    closes = leaves & is_won
    terms["won"][closes] = -won_new[closes]
    terms["won_repriced"][closes] = (won_old - was)[closes]
    terms["fx"][closes] = (won_new - won_old)[closes]
    for name, here in _first(leaves & ~closes, _ways_out(after)):
        terms[name][here] = -was[here]
    for name, here in _first(enters, _ways_in(before)):
        terms[name][here] = at_new[here]
    # What came and was won between the two stands on both sides.
    passed = is_won & ~before.is_open & ~(before.line == WON)
    for name, here in _first(passed, _ways_in(before)):
        terms[name][here] = won_new[here]
    terms["won"][passed] = -won_new[passed]
    return terms


def _ways_out(after: Standing) -> list[tuple[str, Flags]]:
    """Why a deal is no longer in the open forecast, the first that holds. `after` by the definition from before."""
    is_undated = after.day == NO_DAY
    return [
        ("lost", after.line == LOST),
        ("removed", after.line == NO_LINE),
        ("omitted", (after.line == OMITTED) | (after.line == HELD_BACK)),
        ("transferred_out", ~after.owned),
        ("reclassified", ~after.matching),
        ("rolled_over", np.isin(after.line, OPEN) & after.is_carried & after.is_dated),
        ("pushed_out", is_undated | (after.day >= day_number(after.period.end))),
        ("pulled_out", after.day < day_number(after.period.start)),
    ]


def _ways_in(before: Standing) -> list[tuple[str, Flags]]:
    """Why a deal was not in the open forecast before, the first that holds."""
    is_undated = before.day == NO_DAY
    return [
        ("created", ~before.exists),
        ("restored", before.line == NO_LINE),
        ("reopened", (before.line == WON) | (before.line == LOST)),
        ("included", (before.line == OMITTED) | (before.line == HELD_BACK)),
        ("transferred_in", ~before.owned),
        ("reclassified", ~before.matching),
        ("pulled_in", is_undated | (before.day >= day_number(before.period.end))),
        ("pushed_in", (before.day < day_number(before.period.start)) | before.is_carried),
    ]


def _first(wanted: Flags, ways: list[tuple[str, Flags]]) -> list[tuple[str, Flags]]:
    """Each wanted step under the first way that holds for it."""
    found = []
    for name, holds in ways:
        found.append((name, wanted & holds))
        wanted = wanted & ~holds
    return found


def _closed_terms(
    before: Standing, after: Standing, was: Ints, at_old: Ints, at_new: Ints, won_new: Ints
) -> dict[str, Ints]:
    terms = {name: np.zeros(len(was), dtype=np.int64) for name in CLOSED_TERMS}
    stays, leaves, enters = (
        before.is_closed & after.is_closed,
        before.is_closed & ~after.is_closed,
        ~before.is_closed & after.is_closed,
    )
    change = np.where(stays, at_old - was, 0)
    terms["fx"][stays] = (at_new - at_old)[stays]
    is_new = enters & (before.line != WON)
    terms["won"][is_new] = won_new[is_new]
    change = change + np.where(is_new, at_new - won_new, 0)
    # Won before and after, but in the period only once: booked on another day, or another's.
    change = change + np.where(enters & ~is_new, at_new, 0)
    is_still_won = leaves & (after.line == WON)
    change = change - np.where(is_still_won, was, 0)
    terms["reversed"][leaves & ~is_still_won] = -was[leaves & ~is_still_won]
    terms["up"], terms["down"] = np.maximum(change, 0), np.minimum(change, 0)
    return terms
