"""Why the forecast of a period moved: each deal's step from one standing to another, told by exact terms. Pure.

Open: opening + created + included + restored + pulled_in + pushed_in + increased + reopened + transferred_in - decreased
- pulled_out - pushed_out - rolled_over - won - lost - omitted - transferred_out - removed +- won_repriced +- reclassified +- fx
+- definition = closing. Closed: opening + won + up - down - reversed +- fx +- definition = closing. Every amount here carries its sign,
so both are sums. Each term is worked out by itself; none is what remains.
"""

from dataclasses import dataclass, replace

import numpy as np

from services.forecast.history.columns import NO_DAY, Flags, Index, Ints, day_number
from services.forecast.movement.standing import WON, Standing
from services.forecast.past.population import BUCKETS, HELD_BACK, NO_LINE, OPEN
from services.forecast.rates.conversion import Rates

OPEN_TERMS = (
    *("created", "included", "restored", "pulled_in", "pushed_in", "increased", "reopened", "transferred_in"),
    *("decreased", "pulled_out", "pushed_out", "rolled_over", "won", "lost", "omitted", "transferred_out", "removed"),
    *("won_repriced", "reclassified", "fx", "definition"),
)
CLOSED_TERMS = ("won", "up", "down", "reversed", "fx", "definition")

LOST, OMITTED = BUCKETS.index("lost"), BUCKETS.index("omitted")


@dataclass(frozen=True)
class Steps:
    """Steps of deals: from one standing to the next, of the same deal in each place.

    `closing`: the row by which it was won, where it is won after the step.
    """

    before: Standing
    after: Standing
    closing: Index

    def where(self, kept: Index) -> "Steps":
        return Steps(self.before.where(kept), self.after.where(kept), self.closing[kept])


@dataclass(frozen=True)
class Moved:
    """Signed amounts in minor units of the base currency. What stood before and after has one for each step.

    Terms have one for each of `places` only, which are the steps in which something moved.
    """

    places: Index
    open: dict[str, Ints]
    closed: dict[str, Ints]
    opening: Ints
    closing: Ints
    closed_opening: Ints
    closed_closing: Ints

    @property
    def residual(self) -> Ints:
        """What the open terms leave unexplained in each step: nothing, or a defect."""
        return self.closing - self.opening - self._added(self.open)

    @property
    def closed_residual(self) -> Ints:
        """What the closed terms leave unexplained in each step."""
        return self.closed_closing - self.closed_opening - self._added(self.closed)

    def _added(self, terms: dict[str, Ints]) -> Ints:
        return _spread(np.sum(list(terms.values()), axis=0, dtype=np.int64), self.places, len(self.opening))


def explain(steps: Steps) -> Moved:
    """Both identities of every step."""
    before, after = steps.before, steps.after
    by_old_definition = after.defined(before.look.definition)
    old, new = before.look.rates, after.look.rates
    was, at_old, at_new = before.amount(old), after.amount(old), after.amount(new)
    moves = (was != at_old) | (at_old != at_new)
    for now in (after, by_old_definition):
        moves |= (before.is_open != now.is_open) | (before.is_closed != now.is_closed)
    # Most deals stand as they stood: no term has anything of them.
    places = np.flatnonzero(moves)
    opened, closed = _terms(
        steps.where(places), by_old_definition.where(places), was[places], at_old[places], at_new[places]
    )
    return Moved(
        places,
        opened,
        closed,
        opening=was * before.is_open,
        closing=at_new * after.is_open,
        closed_opening=was * before.is_closed,
        closed_closing=at_new * after.is_closed,
    )


def constant(rates: Rates) -> Rates:
    """The same without those of booking days."""
    return replace(rates, at_booking=()) if rates.at_booking else rates


def _spread(amounts: Ints, places: Index, size: int) -> Ints:
    whole = np.zeros(size, dtype=np.int64)
    whole[places] = amounts
    return whole


def _terms(
    steps: Steps, by_old_definition: Standing, was: Ints, at_old: Ints, at_new: Ints
) -> tuple[dict[str, Ints], dict[str, Ints]]:
    before, after = steps.before, steps.after
    is_won = np.flatnonzero(by_old_definition.is_closed & ~before.is_closed)
    booked = Standing(after.looked, steps.closing[is_won], after.quarter_start[is_won])
    # Another price is one at the rates the deal was open at; what the rate of the booking day makes of it is fx.
    won_old, won_new = (
        _spread(booked.amount(rates), is_won, len(was)) for rates in (constant(before.look.rates), after.look.rates)
    )
    opened, closed = (
        _open_terms(before, by_old_definition, was, at_old, at_new, won_old, won_new),
        _closed_terms(before, by_old_definition, was, at_old, at_new, won_new),
    )
    opened["definition"] = at_new * (after.is_open.astype(np.int64) - by_old_definition.is_open)
    closed["definition"] = at_new * (after.is_closed.astype(np.int64) - by_old_definition.is_closed)
    return opened, closed


def _open_terms(
    before: Standing, after: Standing, was: Ints, at_old: Ints, at_new: Ints, won_old: Ints, won_new: Ints
) -> dict[str, Ints]:
    terms = {name: np.zeros(len(was), dtype=np.int64) for name in OPEN_TERMS}
    stays, leaves, enters = (
        before.is_open & after.is_open,
        before.is_open & ~after.is_open,
        ~before.is_open & after.is_open,
    )
    # What others have of it now, or had of it, was handed over; the rest is another amount.
    as_shared = after.shared_as(before.look).amount(before.look.rates)
    terms["transferred_in"][stays] = np.maximum(at_old - as_shared, 0)[stays]
    terms["transferred_out"][stays] = np.minimum(at_old - as_shared, 0)[stays]
    terms["increased"][stays] = np.maximum(as_shared - was, 0)[stays]
    terms["decreased"][stays] = np.minimum(as_shared - was, 0)[stays]
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
        ("pushed_out", is_undated | (after.day >= day_number(after.looked.period.end))),
        ("pulled_out", after.day < day_number(after.looked.period.start)),
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
        ("pulled_in", is_undated | (before.day >= day_number(before.looked.period.end))),
        ("pushed_in", (before.day < day_number(before.looked.period.start)) | before.is_carried),
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
