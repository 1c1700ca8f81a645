"""What became of promises, from what was said about each. Pure: no order and no repetition changes it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from typing import Final, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

Kind = Literal["made", "moved", "evidenced", "kept", "broken", "withdrawn"]
State = Literal["open", "overdue", "kept", "broken", "withdrawn"]

OUTCOMES: Final[dict[Kind, State]] = {"kept": "kept", "broken": "broken", "withdrawn": "withdrawn"}


@dataclass(frozen=True, slots=True)
class Said:
    """Something said of a promise: made until `due`, moved to another `due`, evidenced, or what became of it."""

    entry_id: UUID
    kind: Kind
    at: datetime
    due: date | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """A promise on a day. `first_due` is what was promised first; `kept_on` the local day on which it was kept."""

    state: State
    due: date
    first_due: date
    moves: int
    kept_on: date | None

    @property
    def is_on_time(self) -> bool | None:
        """Kept by the day that was promised first, whatever it was moved to; None while it is open or withdrawn."""
        if self.state in ("open", "withdrawn"):
            return None
        return self.kept_on is not None and self.kept_on <= self.first_due


@dataclass(frozen=True, slots=True)
class Record:
    """How many promises came to their end, kept, broken or overdue, and how many of these were kept on time."""

    count: int
    on_time: int

    @property
    def rate(self) -> Fraction | None:
        """The share kept on time, in [0, 1]; None without a promise that came to its end."""
        return Fraction(self.on_time, self.count) if self.count else None


def standing(said: Iterable[Said], *, as_of: datetime, zone: ZoneInfo) -> Standing | None:
    """How a promise stands at `as_of`, None before it was made. Of several outcomes the last said stands; a move after it opens anew."""
    told = {each.entry_id: each for each in said if each.at <= as_of}
    ordered = sorted(told.values(), key=lambda each: (each.at, each.kind != "made", each.entry_id))
    made = next((each for each in ordered if each.kind == "made"), None)
    if made is None or made.due is None:
        return None
    due, moves, state, kept_on = made.due, 0, None, None
    for each in ordered:
        if each.kind == "moved" and each.due is not None:
            due, moves, state, kept_on = each.due, moves + 1, None, None
        elif each.kind in OUTCOMES:
            state = OUTCOMES[each.kind]
            kept_on = each.at.astimezone(zone).date() if each.kind == "kept" else None
    is_late = due < as_of.astimezone(zone).date()
    return Standing(state or ("overdue" if is_late else "open"), due, made.due, moves, kept_on)


def record(found: Iterable[Standing]) -> Record:
    """The record over promises."""
    ended = [each.is_on_time for each in found if each.is_on_time is not None]
    return Record(len(ended), sum(ended))
