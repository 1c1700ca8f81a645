"""How close we are to the people of a deal or an account, from who spoke with whom and when. Pure.

Everything here is a function of a set of touches: no order and no repetition changes it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

Direction = Literal["ours", "theirs", "both"]
Seniority = Literal["executive", "director", "manager", "staff"]

WINDOW: Final = timedelta(days=90)
"""How long a word in one direction counts."""
SILENT_AFTER: Final = timedelta(days=30)
"""Without a touch for so long, a deal or an account is silent."""
MOST_TOLD: Final = 10
"""Of so many threads a deal's timeline tells until when each lives."""
BY_RANK: Final[tuple[Seniority, ...]] = ("executive", "director", "manager", "staff")


@dataclass(frozen=True, slots=True)
class Touch:
    """A call, mail or meeting with `contacts`, at an instant. `direction`: who spoke; `both` where both did, as in a meeting."""

    touchpoint_id: UUID
    at: datetime
    direction: Direction
    contacts: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Reach:
    """When we last spoke to a contact and when they last spoke to us; None for never."""

    ours: datetime | None = None
    theirs: datetime | None = None

    def after(self, touch: Touch) -> "Reach":
        ours = _later(self.ours, touch.at) if touch.direction != "theirs" else self.ours
        theirs = _later(self.theirs, touch.at) if touch.direction != "ours" else self.theirs
        return Reach(ours, theirs)

    @property
    def lives_until(self) -> datetime | None:
        """Until when this contact is a thread: touched both ways within the window; None if it never was one."""
        if self.ours is None or self.theirs is None:
            return None
        return min(self.ours, self.theirs) + WINDOW


@dataclass(frozen=True, slots=True)
class Standing:
    """The relationship at an instant. `seniority`: the highest of the living threads, None where nobody has said."""

    last_touch_at: datetime | None
    is_two_way: bool
    threads: tuple[UUID, ...]
    seniority: Seniority | None
    touches: int
    """Within the window."""

    @property
    def is_single_threaded(self) -> bool:
        return len(self.threads) == 1


def reached(before: Mapping[UUID, Reach], touch: Touch) -> dict[UUID, Reach]:
    """Who was reached when, after one more touch."""
    return {**before, **{contact: before.get(contact, Reach()).after(touch) for contact in touch.contacts}}


def threads_until(found: Mapping[UUID, Reach]) -> tuple[datetime, ...]:
    """Until when each thread lives, the longest first, at most `MOST_TOLD`: at an instant there are as many as end at it or later."""
    ends = sorted((end for reach in found.values() if (end := reach.lives_until) is not None), reverse=True)
    return tuple(ends[:MOST_TOLD])


def standing(touches: Iterable[Touch], seniority: Mapping[UUID, Seniority | None], *, as_of: datetime) -> Standing:
    """The relationship at `as_of`; later touches are not looked at."""
    told = {touch.touchpoint_id: touch for touch in touches if touch.at <= as_of}
    found: dict[UUID, Reach] = {}
    for touch in told.values():
        found = reached(found, touch)
    living = sorted(contact for contact, reach in found.items() if (end := reach.lives_until) and end >= as_of)
    recent = [touch for touch in told.values() if touch.at >= as_of - WINDOW]
    ranks = {seniority.get(contact) for contact in living}
    return Standing(
        last_touch_at=max((touch.at for touch in told.values()), default=None),
        is_two_way=bool({"ours", "both"} & {t.direction for t in recent})
        and bool({"theirs", "both"} & {t.direction for t in recent}),
        threads=tuple(living),
        seniority=next((rank for rank in BY_RANK if rank in ranks), None),
        touches=len(recent),
    )


def _later(known: datetime | None, at: datetime) -> datetime:
    return at if known is None else max(known, at)
