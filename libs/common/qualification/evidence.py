"""Statements about elements, and how each element stands at an instant. Any order and repetition gives the same.

A statement claims something (somebody on our side says so), evidences it (there is something to show: a mail, a note of a
call, a document) or confirms it (the buyer said so). `void` takes back all that was said about the element before it.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from pydantic import Field

from libs.common.events.base import Payload
from libs.common.qualification.elements import ELEMENTS, Key, element_of

Said = Literal["claimed", "evidenced", "confirmed", "void"]
State = Literal["unknown", "claimed", "evidenced", "confirmed", "void"]

RANK: dict[State, int] = {"void": 0, "unknown": 0, "claimed": 1, "evidenced": 2, "confirmed": 3}


class Entry(Payload):
    """One statement. Never changed: a later one stands beside it. Ids and words about the case, no person data."""

    entry_id: UUID
    element: Key
    state: Said
    source: str
    """Where it is known from, such as `call`, `mail`, `crm`, `document`."""
    note: str
    author: str
    at: datetime
    half_life_days: int | None = Field(default=None, gt=0)
    """How long it counts as fresh; null: as long as its element's statements do."""

    @property
    def fresh_until(self) -> datetime:
        days = self.half_life_days or element_of(self.element).half_life_days
        return self.at + timedelta(days=days)


class Standing(Payload):
    """How an element stands at an instant: by `entry`, or unknown without one.

    `strength` in [0, 1]: a third per step from claimed to confirmed, halved with every half-life.
    """

    element: Key
    state: State
    is_fresh: bool
    strength: float
    entry: Entry | None


def readings(entries: Iterable[Entry], *, as_of: datetime) -> list[Standing]:
    """Every element as it stands at `as_of`, in the order of `ELEMENTS`. Later statements are not looked at.

    Of the statements since the last `void` the strongest fresh one decides, the newest of several; where none is fresh,
    the newest, which then no longer counts.
    """
    told: dict[Key, dict[UUID, Entry]] = {}
    for entry in entries:
        if entry.at <= as_of:
            told.setdefault(entry.element, {})[entry.entry_id] = entry
    return [_reading(element.key, list(told.get(element.key, {}).values()), as_of) for element in ELEMENTS]


def _reading(element: Key, entries: list[Entry], as_of: datetime) -> Standing:
    ordered = sorted(entries, key=lambda entry: (entry.at, entry.entry_id))
    voided = max((at for at, entry in enumerate(ordered) if entry.state == "void"), default=-1)
    if not ordered:
        return Standing(element=element, state="unknown", is_fresh=False, strength=0.0, entry=None)
    since = ordered[voided + 1 :]
    if not since:
        return Standing(element=element, state="void", is_fresh=False, strength=0.0, entry=ordered[voided])
    fresh = [entry for entry in since if as_of <= entry.fresh_until]
    deciding = max(fresh, key=lambda entry: (RANK[entry.state], entry.at, entry.entry_id)) if fresh else since[-1]
    return Standing(
        element=element,
        state=deciding.state,
        is_fresh=bool(fresh),
        strength=_strength(deciding, as_of),
        entry=deciding,
    )


def _strength(entry: Entry, as_of: datetime) -> float:
    half_lives: float = (as_of - entry.at) / (entry.fresh_until - entry.at)
    return round(float(RANK[entry.state] / 3 * 0.5**half_lives), 4)
