"""When each signal of `libs.common.signals` is there: True, False, or None where nobody can say or it does not concern the deal. Pure."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from libs.common.signals import CUT_SHARE, KEYS, MANY_PUSHES, QUIET_DAYS
from services.deals.signals.facts import View

Holds = Callable[[View, ZoneInfo], bool | None]
KEPT_SHARE: Final = Decimal(100 - CUT_SHARE) / 100


def _quiet(view: View, zone: ZoneInfo) -> bool | None:
    facts = view.facts
    if not facts.activity_known:
        return None
    since = (facts.last_activity_at or facts.created_at).astimezone(zone).date()
    return (view.day - since).days > QUIET_DAYS


def _without_step(view: View, _: ZoneInfo) -> bool | None:
    has = view.facts.has_next_step
    return None if has is None else not has


def _overdue(view: View, _: ZoneInfo) -> bool | None:
    due = view.facts.close_date
    return None if due is None else due < view.day


def _single_threaded(view: View, _: ZoneInfo) -> bool | None:
    facts = view.facts
    median = view.usual.median.get(facts.currency or "")
    if facts.threads_until is None or facts.amount is None or median is None or facts.amount <= median:
        return None
    return sum(until >= view.at for until in facts.threads_until) < 2


def _stalled(view: View, _: ZoneInfo) -> bool | None:
    usual = view.usual.stalled_days.get((*view.facts.place, view.facts.segment))
    return None if usual is None else view.at - view.facts.stage_entered_at > timedelta(days=usual)


def _pushed(view: View, _: ZoneInfo) -> bool | None:
    return view.facts.pushes >= MANY_PUSHES


def _without_buyer(view: View, _: ZoneInfo) -> bool | None:
    if not view.usual.buyers_are_told or view.facts.place not in view.usual.later:
        return None
    until = view.facts.economic_buyer_until
    return until is None or until < view.at


def _plan_late(view: View, _: ZoneInfo) -> bool | None:
    if view.plan_ends is None or view.facts.close_date is None:
        return None
    return view.plan_ends > view.facts.close_date


def _cut(view: View, _: ZoneInfo) -> bool | None:
    facts, before = view.facts, view.before
    if before is None or facts.amount is None or before.amount is None or facts.currency != before.currency:
        return None
    return facts.amount <= before.amount * KEPT_SHARE and before.amount > 0


def _owner_changed(view: View, _: ZoneInfo) -> bool | None:
    before = view.before
    if before is None or before.owner_id is None or view.facts.owner_id is None:
        return None
    return before.owner_id != view.facts.owner_id


def _cover_lapsed(view: View, _: ZoneInfo) -> bool | None:
    return view.cover_lapsed


def _promise_overdue(view: View, _: ZoneInfo) -> bool | None:
    return view.promise_overdue


HOLDS: Final[Mapping[str, Holds]] = {
    "no_activity_14d": _quiet,
    "no_next_step": _without_step,
    "overdue": _overdue,
    "single_threaded": _single_threaded,
    "stalled": _stalled,
    "three_pushes": _pushed,
    "no_economic_buyer": _without_buyer,
    "close_plan_late": _plan_late,
    "amount_cut": _cut,
    "owner_changed": _owner_changed,
    "cover_lapsed": _cover_lapsed,
    "commitments_overdue": _promise_overdue,
}


def judged(view: View, zone: ZoneInfo) -> dict[str, bool | None]:
    """Every signal, for one deal at one instant."""
    return {key: HOLDS[key](view, zone) for key in KEYS}
