"""How a promised part stands after what was said of it, and how often such parts are kept."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from math import sqrt
from typing import Literal
from uuid import UUID

Answer = Literal["kept", "not_kept", "moved"]
State = Literal["kept", "not_kept", "not_known"]
Z90 = 1.6448536269514722
"""Of a standard normal, 90 % lie within."""


@dataclass(frozen=True, slots=True)
class Answered:
    """Something said of a part; `due` is the new day where it was moved."""

    entry_id: UUID
    at: datetime
    answer: Answer
    due: date | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """`is_overdue`: its day has passed and nobody said whether it was kept."""

    state: State
    due: date
    moves: int
    is_overdue: bool


@dataclass(frozen=True, slots=True)
class Record:
    """Of `known` parts `kept` were kept; `low` to `high` is a 90 % interval of the share, None where nothing is known."""

    kept: int
    known: int
    not_known: int
    low: float | None
    high: float | None


def standing(due: date, said: Iterable[Answered], *, today: date) -> Standing:
    """The last that was said holds; a move after an answer opens the question anew. No order and no repetition changes it."""
    state: State = "not_known"
    moves = 0
    for each in sorted({each.entry_id: each for each in said}.values(), key=lambda each: (each.at, each.entry_id)):
        if each.answer == "moved":
            state, moves = "not_known", moves + 1
            due = each.due or due
        else:
            state = each.answer
    return Standing(state, due, moves, state == "not_known" and due < today)


def record(found: Iterable[Standing]) -> Record:
    """Over parts of one kind. What is not known yet is counted apart and says nothing."""
    states = [each.state for each in found]
    kept, known = states.count("kept"), len(states) - states.count("not_known")
    low, high = _wilson(kept, known) if known else (None, None)
    return Record(kept, known, len(states) - known, low, high)


def _wilson(kept: int, known: int) -> tuple[float, float]:
    """The score interval (Wilson 1927): wide where little is known, and never outside 0 to 1."""
    share, spread = kept / known, Z90 * Z90 / known
    middle = (share + spread / 2) / (1 + spread)
    half = sqrt(share * (1 - share) * spread + spread * spread / 4) / (1 + spread)
    low = max(0.0, middle - half) if kept else 0.0
    return low, min(1.0, middle + half) if kept < known else 1.0
