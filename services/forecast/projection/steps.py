"""What the engine sees of deals: one row per step, and what follows from them day by day. Pure.

Times are days since 1970-01-01 of the organisation's local time; the whole part is the local day.
"""

from dataclasses import dataclass, fields, replace
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]
Index = npt.NDArray[np.integer]
"""Codes or numbers, of whatever width."""
Small = npt.NDArray[np.int8]
Flags = npt.NDArray[np.bool_]

OPEN: Final = 0
WON: Final = 1
LOST: Final = 2
GONE: Final = 3
"""States of a step. `GONE`: removed, absorbed by another deal, or omitted from the forecast by a person."""


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Steps:
    """Rows ordered by deal, then time: from `at` on the deal stood so.

    `deal` counts from 0 in the order of rows, `stage` and `segment` are codes into their names. `amount` is in the base
    currency, nan where unknown; `close_date` is the day expected, nan where unknown. `booked` is the day that a win counts
    on, nan for its own. `due` marks renewals.
    """

    deal: Codes
    at: Floats
    state: Small
    stage: Codes
    segment: Codes
    amount: Floats
    close_date: Floats
    booked: Floats
    pushes: Codes
    due: Flags
    stages: tuple[str, ...]
    segments: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.deal)

    def take(self, rows: npt.NDArray[np.intp] | Flags) -> "Steps":
        """The given rows, in their order; deals keep their numbers."""
        taken = {name: getattr(self, name)[rows] for name in ARRAYS}
        return replace(self, **taken)

    def until(self, day: float) -> "Steps":
        """Only what was known when `day` began."""
        return self.take(self.at < day)


ARRAYS: Final = tuple(each.name for each in fields(Steps) if each.name not in ("stages", "segments"))


@dataclass(frozen=True, slots=True)
class Stays:
    """How long deals stayed where: one row per deal and stage, as seen at the end of each day.

    What happens within a day is one step: a stay lasts from the end of its day `entered` to that of `left`, the day of the
    event `kind` (OPEN moved to `to`, WON, LOST), or as far as anybody looked (GONE, nothing happened by the end of `left`).
    """

    deal: Codes
    stage: Codes
    segment: Codes
    entered: Ints
    left: Ints
    kind: Small
    to: Codes


@dataclass(frozen=True, slots=True)
class Births:
    """The first day of each deal and where it stood in the evening: `stage` if OPEN, or closed at once."""

    deal: Codes
    day: Ints
    segment: Codes
    state: Small
    stage: Codes


@dataclass(frozen=True, slots=True)
class Standing:
    """The open deals in the evening of a day, one row each. `age`: whole days in the stage."""

    deal: Codes
    stage: Codes
    segment: Codes
    age: Ints
    amount: Floats
    close_date: Floats
    pushes: Codes
    due: Flags

    def __len__(self) -> int:
        return len(self.deal)

    def where(self, wanted: Flags | Index | slice) -> "Standing":
        return Standing(*(getattr(self, each.name)[wanted] for each in fields(self)))


@dataclass(frozen=True, slots=True)
class Wins:
    """What was won: the day it counts on, when it was told, the amount, and the last before (nan where unknown)."""

    deal: Codes
    day: Ints
    at: Floats
    segment: Codes
    amount: Floats
    asked: Floats


def evenings(steps: Steps) -> Steps:
    """The last row of each deal and day."""
    day = np.floor(steps.at)
    last = np.ones(len(steps), dtype=bool)
    last[:-1] = (steps.deal[1:] != steps.deal[:-1]) | (day[1:] != day[:-1])
    return steps.take(last)


def stays(steps: Steps, today: int) -> Stays:
    """The stays of evening rows that were known when the day `today` began."""
    stood = _moves(steps)
    day = np.floor(stood.at).astype(np.int64)
    follows = np.zeros(len(stood), dtype=bool)
    follows[:-1] = stood.deal[1:] == stood.deal[:-1]
    following = np.minimum(np.arange(len(stood)) + 1, max(len(stood) - 1, 0))
    is_open = stood.state == OPEN
    left = np.where(follows, day[following], today - 1)
    kind = np.where(follows, stood.state[following], GONE).astype(np.int8)
    left = np.where(follows & (kind == GONE), left - 1, left)
    to = np.where(follows & (kind == OPEN), stood.stage[following], 0).astype(np.int32)
    found = Stays(stood.deal, stood.stage, stood.segment, day, left, kind, to)
    return Stays(*(getattr(found, each.name)[is_open] for each in fields(Stays)))


def _moves(steps: Steps) -> Steps:
    """Evening rows by which the state or the stage changed."""
    return steps.take(_changes(steps))


def _changes(steps: Steps) -> Flags:
    """Which evening rows are another state or stage than the one before of their deal."""
    changed = np.ones(len(steps), dtype=bool)
    same = (steps.deal[1:] == steps.deal[:-1]) & (steps.state[1:] == steps.state[:-1])
    changed[1:] = ~(same & ((steps.stage[1:] == steps.stage[:-1]) | (steps.state[1:] != OPEN)))
    return changed


def births(steps: Steps) -> Births:
    """The first evening of each deal that was not gone by then."""
    first = np.ones(len(steps), dtype=bool)
    first[1:] = steps.deal[1:] != steps.deal[:-1]
    born = steps.take(first & (steps.state != GONE))
    return Births(born.deal, np.floor(born.at).astype(np.int64), born.segment, born.state, born.stage)


def standing(steps: Steps, today: int, every: int = 1) -> Standing:
    """The deals open when the day `today` began, from evening rows; later ones are not looked at. `every`: so many deals one."""
    seen = steps.at < today
    last = seen.copy()
    last[:-1] &= ~(seen[1:] & (steps.deal[1:] == steps.deal[:-1]))
    last &= steps.state == OPEN
    if every > 1:
        last &= steps.deal % every == 0
    rows = np.flatnonzero(last)
    begins = np.maximum.accumulate(np.where(_changes(steps), np.arange(len(steps)), 0))
    age = today - 1 - np.floor(steps.at[begins[rows]]).astype(np.int64)
    now = [getattr(steps, name)[rows] for name in ("amount", "close_date", "pushes", "due")]
    return Standing(steps.deal[rows], steps.stage[rows], steps.segment[rows], age, *now)


def wins(steps: Steps) -> Wins:
    """Every turn to won, at its evening amount; a reopened deal that is won again is two."""
    follows = np.zeros(len(steps), dtype=bool)
    follows[1:] = steps.deal[1:] == steps.deal[:-1]
    before = np.concatenate(([OPEN], steps.state[:-1])) if len(steps) else steps.state
    turned = np.flatnonzero((steps.state == WON) & ~(follows & (before == WON)))
    asked = np.where(follows[turned], steps.amount[np.maximum(turned - 1, 0)], np.nan)
    at, booked = steps.at[turned], steps.booked[turned]
    day = np.floor(np.where(np.isnan(booked), at, booked)).astype(np.int64)
    return Wins(steps.deal[turned], day, at, steps.segment[turned], steps.amount[turned], asked)


Rows = TypeVar("Rows", Steps, Births, Standing, Wins)


def woven(known: Rows, new: Rows, moved: Flags) -> Rows:
    """Rows by deal with `new` ones in place of those of some deals: `moved` is a flag per deal number."""
    kept = np.flatnonzero(~moved[known.deal])
    places = np.searchsorted(known.deal[kept], new.deal)
    names = [each.name for each in fields(known) if isinstance(getattr(known, each.name), np.ndarray)]
    rows: dict[str, Any] = {name: np.insert(getattr(known, name)[kept], places, getattr(new, name)) for name in names}
    return replace(known, **rows)
