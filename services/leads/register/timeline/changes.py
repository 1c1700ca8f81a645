"""Which events tell the difference between a lead before and after."""

from collections.abc import Sequence

from libs.common.events.leads import (
    LeadAssigned,
    LeadCaptured,
    LeadChanged,
    LeadQualified,
    LeadRecycled,
    LeadRejected,
    LeadRemoved,
    LeadReopened,
    LeadState,
)
from services.leads.register.timeline.fold import Folded

_VERDICT_EVENTS: dict[str, type[LeadState]] = {
    "qualified": LeadQualified,
    "rejected": LeadRejected,
    "pending": LeadReopened,
}


def entries_to_publish(before: Sequence[Folded], after: Sequence[Folded]) -> list[tuple[Folded | None, Folded]]:
    """The entries of `after` that a reader of `before` lacks, each with the entry that it follows.

    All from the first difference on, since a reader takes an entry as taken back by a later version of the same time or
    an earlier one. Where the end of `before` is gone, the entry that now ends the timeline is told again.
    """
    same = 0
    while same < min(len(before), len(after)) and before[same].state == after[same].state:
        same += 1
    if same == len(after):
        return [] if same == len(before) else [(before[-1], after[-1])]
    return [(after[index - 1] if index else None, after[index]) for index in range(same, len(after))]


def events_between(before: LeadState | None, after: LeadState, *, captured: bool) -> list[type[LeadState]]:
    """The event classes to publish, in order; each is one version. Empty when nothing but the version differs.

    `captured` tells whether the lead was ever announced. A verdict is announced whenever anything about it changed, its
    time too, since the deals' timeline hangs on it; a tombstone of a lead that nobody knew is announced as removed.
    """
    if before is not None and before.model_copy(update={"version": after.version}) == after:
        return []
    events: list[type[LeadState]] = []
    if not captured and not after.deleted:
        events.append(LeadCaptured)
    if _verdict(before) != _verdict(after):
        events.append(LeadRecycled if after.recycled_until else _VERDICT_EVENTS[after.verdict])
    if after.assigned_at is not None and _assignment(before) != _assignment(after):
        events.append(LeadAssigned)
    if after.deleted and (before is None or not before.deleted):
        events.append(LeadRemoved)
    return events or [LeadChanged]


def _assignment(state: LeadState | None) -> tuple[object, ...] | None:
    return None if state is None else (state.owner_id, state.assigned_at, state.assigned_by, state.assigned_reason)


def _verdict(state: LeadState | None) -> tuple[object, ...]:
    if state is None:
        return ("pending", None, None, None, None)
    return (state.verdict, state.verdict_at, state.verdict_by, state.verdict_reason, state.recycled_until)
