"""Which event an entry of a timeline is told by."""

from libs.common.events.deals import (
    DealChanged,
    DealCorrected,
    DealLost,
    DealOpened,
    DealRemoved,
    DealReopened,
    DealState,
    DealWon,
)
from services.deals.ledger.timeline.content import Content


def event_for(before: Content | None, after: Content, *, in_the_past: bool) -> type[DealState]:
    """The event class of an entry that follows `before` (None: the timeline begins) at the head or in the past."""
    if in_the_past:
        return DealCorrected
    if before is None:
        return DealOpened
    if after.removed and not before.removed:
        return DealRemoved
    if after.state == before.state:
        return DealChanged
    return {"won": DealWon, "lost": DealLost, "open": DealReopened}[after.state]
