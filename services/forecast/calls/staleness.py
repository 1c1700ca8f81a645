"""When a call no longer speaks of what is there. Pure."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Literal

STALE_AFTER = timedelta(days=7)
BASE_MOVED = Decimal("0.05")
"""A share of the base, in [0, 1]."""

Reason = Literal["older_than_7_days", "base_moved"]


@dataclass(frozen=True, slots=True)
class Staleness:
    """Why a call should be made again; no reasons: it stands. `base_moved_by` is a share, None without a base of then or now."""

    reasons: tuple[Reason, ...]
    age_days: int
    base_moved_by: Decimal | None

    @property
    def is_stale(self) -> bool:
        return bool(self.reasons)


def staleness(
    *,
    made_at: datetime,
    base_then: Decimal | None,
    base_now: Decimal | None,
    last_day: date,
    today: date,
    now: datetime,
) -> Staleness:
    """Both reasons, each on its own: older than 7 days, or the base (closed won + commit) moved by more than 5 %.

    The call of a period that is over is final: it is not stale. A base of nothing that became something has moved by all
    of it.
    """
    age = now - made_at
    moved = _moved_by(base_then, base_now)
    reasons: list[Reason] = []
    if today <= last_day:
        if age > STALE_AFTER:
            reasons.append("older_than_7_days")
        if moved is not None and moved > BASE_MOVED:
            reasons.append("base_moved")
    return Staleness(tuple(reasons), max(age.days, 0), moved)


def _moved_by(then: Decimal | None, now: Decimal | None) -> Decimal | None:
    if then is None or now is None:
        return None
    if then == now:
        return Decimal()
    return abs(now - then) / abs(then) if then else Decimal(1)
