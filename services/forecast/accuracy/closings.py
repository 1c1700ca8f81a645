"""What deals had come to at an instant: what was won by then, and where each deal stood. Pure."""

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from services.forecast.projection import steps as stepping
from services.forecast.projection.steps import LOST, OPEN, WON, Flags, Floats, Steps


@dataclass(frozen=True, slots=True)
class Closings:
    """Every turn to won, in the order of its day, as the outcome counts it: a reopened deal that is won again is two.

    Whole days since 1970, base currency; an unknown amount is 0. `day` is the one a win is booked on; one that is booked ahead
    is not among them before. `cycle_days` counts from the deal's first day.
    """

    day: Floats
    amount: Floats
    cycle_days: Floats

    def total(self, start: float, end: float) -> float:
        """The amount won on or after the day `start` and before `end`."""
        first, last = np.searchsorted(self.day, (start, end), side="left")
        return float(self.amount[first:last].sum())

    @property
    def begin(self) -> float | None:
        """The day of the first: history of closings begins there. None without any."""
        return float(self.day[0]) if len(self.day) else None


_last: WeakKeyDictionary[Steps, tuple[float, Closings]] = WeakKeyDictionary()
"""What was asked of the same steps last: methods that are compared ask for the same."""


def closings(steps: Steps, as_of: float) -> Closings:
    """What was won before `as_of`, from nothing that came later."""
    before = _last.get(steps)
    if before is None or before[0] != as_of:
        before = _last[steps] = (as_of, _closings(steps, as_of))
    return before[1]


def _closings(steps: Steps, as_of: float) -> Closings:
    known = stepping.evenings(steps.until(as_of))
    won = stepping.wins(known)
    first = np.ones(len(known), dtype=bool)
    first[1:] = known.deal[1:] != known.deal[:-1]
    created = np.floor(known.at[first])[np.searchsorted(known.deal[first], won.deal)]
    order = np.argsort(won.day, kind="stable")
    order = order[won.day[order] < as_of]
    day = won.day[order].astype(np.float64)
    return Closings(day, np.nan_to_num(won.amount[order]), np.maximum(day - created[order], 0.0))


@dataclass(frozen=True, slots=True)
class Fates:
    """Where each deal known stood: one row per deal.

    `amount` is nan where it was not known. `ever_in` has a column per stage: whether the deal was ever open in it.
    """

    created_at: Floats
    state: npt.NDArray[np.int8]
    stage: npt.NDArray[np.int32]
    amount: Floats
    ever_in: Flags

    @property
    def is_open(self) -> Flags:
        found: Flags = self.state == OPEN
        return found

    @property
    def is_won(self) -> Flags:
        found: Flags = self.state == WON
        return found

    @property
    def is_lost(self) -> Flags:
        found: Flags = self.state == LOST
        return found


def fates(steps: Steps, as_of: float) -> Fates:
    """Where every deal stood when `as_of` began, from nothing that came later."""
    known = steps.until(as_of)
    first = np.ones(len(known), dtype=bool)
    first[1:] = known.deal[1:] != known.deal[:-1]
    last = np.roll(first, -1)
    ever_in = np.zeros((int(first.sum()), len(known.stages)), dtype=bool)
    is_open = known.state == OPEN
    ever_in[(np.cumsum(first) - 1)[is_open], known.stage[is_open]] = True
    return Fates(known.at[first], known.state[last], known.stage[last], known.amount[last], ever_in)
