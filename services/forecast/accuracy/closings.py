"""What deals had come to at an instant: the wins that stand, and the deals still open. Pure."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from services.forecast.projection.steps import LOST, OPEN, WON, Steps

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Wins:
    """The deals that stand won, in the order of their closing. Days since 1970, base currency; an unknown amount is 0."""

    at: Floats
    amount: Floats
    cycle_days: Floats

    def total(self, start: float, end: float) -> float:
        """The amount won at or after `start` and before `end`."""
        first, last = np.searchsorted(self.at, (start, end), side="left")
        return float(self.amount[first:last].sum())

    @property
    def begin(self) -> float | None:
        """When the first of them closed: history of closings begins there. None without any."""
        return float(self.at[0]) if len(self.at) else None


@dataclass(frozen=True, slots=True)
class Standing:
    """Where each deal stood: one row per deal that was known, in the order of their numbers.

    `ended_at` is when its last state began, `amount` is nan where it was not known. `ever_in` has a row per deal and a
    column per stage: whether the deal was ever open in it.
    """

    created_at: Floats
    ended_at: Floats
    state: npt.NDArray[np.int8]
    stage: npt.NDArray[np.int32]
    amount: Floats
    ever_in: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.state)

    @property
    def is_open(self) -> npt.NDArray[np.bool_]:
        found: npt.NDArray[np.bool_] = self.state == OPEN
        return found

    @property
    def is_won(self) -> npt.NDArray[np.bool_]:
        found: npt.NDArray[np.bool_] = self.state == WON
        return found

    @property
    def is_lost(self) -> npt.NDArray[np.bool_]:
        found: npt.NDArray[np.bool_] = self.state == LOST
        return found

    def wins(self) -> Wins:
        """The deals that stand won. A deal that was reopened and won again closed at its second closing."""
        won = np.flatnonzero(self.is_won)
        won = won[np.argsort(self.ended_at[won], kind="stable")]
        at = self.ended_at[won]
        return Wins(at, np.nan_to_num(self.amount[won]), at - self.created_at[won])


def standing(steps: Steps, as_of: float) -> Standing:
    """Where every deal stood at the start of `as_of`, from nothing that came later."""
    known = steps.until(as_of)
    is_last = np.ones(len(known.deal), dtype=bool)
    is_first = is_last.copy()
    np.not_equal(known.deal[1:], known.deal[:-1], out=is_last[:-1])
    is_first[1:] = is_last[:-1]
    # A row that changes the state, or is its deal's first, begins a run; the run of the last row began at the newest such row.
    begins = is_first.copy()
    begins[1:] |= known.state[1:] != known.state[:-1]
    began = np.maximum.accumulate(np.where(begins, np.arange(len(begins)), 0))
    last = np.flatnonzero(is_last)
    number = np.cumsum(is_first) - 1
    ever_in = np.zeros((len(last), len(known.stages)), dtype=bool)
    is_open = known.state == OPEN
    ever_in[number[is_open], known.stage[is_open]] = True
    return Standing(
        created_at=known.at[is_first],
        ended_at=known.at[began[last]],
        state=known.state[last],
        stage=known.stage[last],
        amount=known.amount[last],
        ever_in=ever_in,
    )


def won_between(steps: Steps, start: float, end: float) -> float:
    """What was won at or after `start` and before `end`, as it stood at `end`: the outcome that a forecast is scored at."""
    return standing(steps, end).wins().total(start, end)
