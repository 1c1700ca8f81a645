"""From a folded timeline to the versions to append and the head that they leave."""

from collections.abc import Sequence
from dataclasses import fields, replace
from uuid import UUID

from libs.common.events.base import Cause
from libs.common.events.deals import DealState
from services.deals.chronicle import Moment, corrections
from services.deals.ledger.arrivals import Trigger
from services.deals.ledger.repository import Entry
from services.deals.ledger.timeline import Content, event_for

_FIELDS = tuple(field.name for field in fields(Content))


def entries_for(
    deal_id: UUID,
    stored: Sequence[Moment[Content]],
    moments: Sequence[Moment[Content]],
    *,
    version: int,
    triggers: Sequence[Trigger],
) -> tuple[list[Entry], Moment[Content] | None]:
    """The entries that turn `stored` into `moments`, numbered after `version`, and the timeline's head afterwards."""
    head = stored[-1] if stored else None
    entries: list[Entry] = []
    for moment in corrections(stored, moments, withdrawn=_withdrawn):
        in_the_past = head is not None and moment.valid_from < head.valid_from
        event = event_for(head.content if head else None, moment.content, in_the_past=in_the_past)
        trigger = _trigger(moment, triggers)
        version += 1
        cause = trigger.cause if trigger else Cause()
        entries.append(Entry(deal_id, version, moment, event, cause, trigger.delivery_received_at if trigger else None))
        head = head if in_the_past else moment
    return entries, head


def event_of(entry: Entry) -> DealState:
    """The event that tells of an entry."""
    moment = entry.moment
    return entry.event(
        deal_id=entry.deal_id,
        version=entry.version,
        valid_from=moment.valid_from,
        source_recorded_at=moment.source_recorded_at,
        reconstructed=moment.reconstructed,
        unobserved_since=moment.unobserved_since,
        changed_by=moment.changed_by,
        delivery_received_at=entry.delivery_received_at,
        **{name: getattr(moment.content, name) for name in _FIELDS},
    )


def _trigger(moment: Moment[Content], triggers: Sequence[Trigger]) -> Trigger | None:
    """The input of the entry's own instant, else the last that arrived."""
    own = [trigger for trigger in triggers if trigger.at == moment.valid_from]
    candidates = own or triggers
    return candidates[-1] if candidates else None


def _withdrawn(content: Content) -> Content:
    return replace(content, removed=True, absorbed_into=None)
