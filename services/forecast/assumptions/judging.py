"""Whether an assumption holds, from one lock to the next. Pure: the same looks in the same order leave the same standing.

Broken: likelier than not outside on one side at every lock of four weeks, more than 95 % likely at the last of them, and standing out
among all assumptions of the plan. Cleared: no longer likelier than not at every lock of four weeks. Why not 95 % at both ends of the
four weeks, as one would like: see ADR 49.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal

import numpy as np

from services.forecast.assumptions.posterior import Flags, Floats

State = Literal["holding", "drifting", "broken", "too_little_data"]
Side = Literal["below", "above"]

APART: Final = timedelta(weeks=4)
SURE: Final = 0.95
LIKELY: Final = 0.8
EVEN: Final = 0.5
FALSE_DISCOVERIES: Final = 0.4
"""Of the assumptions that stand out at a lock at most such a share may do so by chance (Benjamini & Hochberg, JRSS B 57, 1995)."""

CRITICAL: Final = 4.0
"""A critical assumption counts so many times as much as another in that: it calls for a review, and is missed at a higher price."""


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen at a lock: how likely the assumption lies outside on either side, and whether it stands out in its plan."""

    due_at: datetime
    below: float
    above: float
    is_enough: bool
    stands_out: bool

    def chance(self, side: Side) -> float:
        return self.below if side == "below" else self.above

    @property
    def side(self) -> Side | None:
        """On which side it likelier than not lies outside."""
        if not self.is_enough or max(self.below, self.above) <= EVEN:
            return None
        return "below" if self.below > self.above else "above"


@dataclass(frozen=True, slots=True)
class Standing:
    """How an assumption stands. `leans` to a side `since` a lock; `broken` on a side since one; `back_since` it has been within again."""

    state: State = "too_little_data"
    leans: Side | None = None
    since: datetime | None = None
    broken: Side | None = None
    broken_since: datetime | None = None
    back_since: datetime | None = None


def turned(before: Standing, look: Look) -> Standing:
    """How an assumption stands after one more look, the newest."""
    side = look.side
    since = before.since if side is not None and side == before.leans else look.due_at if side else None
    now = replace(before, leans=side, since=since)
    if now.broken is not None:
        is_back = look.is_enough and look.chance(now.broken) <= EVEN
        back = (now.back_since or look.due_at) if is_back else None
        if back is None or look.due_at - back < APART:
            return replace(now, state="broken", back_since=back)
        now = replace(now, broken=None, broken_since=None, back_since=None)
    if not look.is_enough:
        return replace(now, state="too_little_data")
    is_lasting = side is not None and since is not None and look.due_at - since >= APART
    if is_lasting and look.stands_out and look.chance(side) > SURE:  # type: ignore[arg-type]
        return replace(now, state="broken", broken=side, broken_since=look.due_at)
    is_drifting = side is not None and look.chance(side) > LIKELY
    return replace(now, state="drifting" if is_drifting else "holding")


def standing_out(below: Floats, above: Floats, is_enough: Flags, is_critical: Flags) -> Flags:
    """Which assumptions of a plan stand out at a lock when at most a share of those that do may be chance.

    The posterior chance to lie within, or on the other side, stands for the p-value: with priors of one case they nearly agree. It is
    divided by the weight of the assumption; weights are 1 on average, which keeps the share of false discoveries (Genovese, Roeder &
    Wasserman, Biometrika 93, 2006).
    """
    weight = np.where(is_critical, CRITICAL, 1.0)
    weight = weight / (weight[is_enough].mean() if is_enough.any() else 1.0)
    chance = np.where(is_enough, (1 - np.maximum(below, above)) / weight, np.inf)
    known = np.sort(chance[is_enough])
    passed = known <= FALSE_DISCOVERIES * np.arange(1, len(known) + 1) / max(len(known), 1)
    line = known[passed].max() if passed.any() else -1.0
    found: Flags = chance <= line
    return found


def folded(looks: Sequence[Look]) -> Standing:
    """How an assumption stands after looks, the oldest first."""
    standing = Standing()
    for look in looks:
        standing = turned(standing, look)
    return standing
