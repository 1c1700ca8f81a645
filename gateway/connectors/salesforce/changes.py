"""Salesforce change events (Change Data Capture), posted as JSON by a callout.

They carry only the fields that changed, and after a gap none, so each says no more than that records have to be fetched. A
deletion too: the fetch shows whether the record is deleted.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from gateway.connectors.items import Ignored, Item, ObjectType, Signal, StoredDelivery, Unreadable, UnreadableBody
from gateway.connectors.salesforce.outbound import OBJECT_TYPES
from gateway.connectors.salesforce.signature import MAX_DEPTH
from gateway.mapping.values import MappingError, instant, text
from libs.common.ids import normalise_external_id

MAX_ITEMS = 10_000
"""Records that one body may name: five times the events that one run of a trigger is given."""
CHANGE_TYPES = frozenset(gap + change for gap in ("", "GAP_") for change in ("CREATE", "UPDATE", "DELETE", "UNDELETE"))
OVERFLOW = "GAP_OVERFLOW"
_ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")
_MAX_KEY_PART = 100


def parse(delivery: StoredDelivery) -> list[Item]:
    """One item per record that an event names, one per event that cannot be used. Raises UnreadableBody."""
    try:
        content = orjson.loads(delivery.body)
    except orjson.JSONDecodeError as error:
        raise UnreadableBody(f"the body is not JSON: {error}") from None
    if _too_deep(content):
        raise UnreadableBody(f"the JSON is nested more than {MAX_DEPTH} levels deep")
    events = content["events"] if isinstance(content, dict) and "events" in content else content
    if isinstance(events, dict):
        events = [events]
    if not isinstance(events, list):
        raise UnreadableBody("the body is neither a change event nor a list of them")
    items = [item for event in events for item in _items(event)]
    if len(items) > MAX_ITEMS:
        raise UnreadableBody(f"the body names {len(items)} records; let a callout send at most {MAX_ITEMS}")
    return items


def _too_deep(content: Any) -> bool:
    level = [content]
    for _ in range(MAX_DEPTH):
        holders = [each for each in level if isinstance(each, dict | list)]
        level = [child for each in holders for child in (each.values() if isinstance(each, dict) else each)]
        if not level:
            return False
    return True


@dataclass(frozen=True, slots=True)
class Change:
    """The header of one event, with its names in lower case, and what is read of it."""

    header: Mapping[str, Any]
    event_uuid: str | None
    entity: str
    record_ids: Sequence[str]

    @property
    def object_type(self) -> ObjectType | None:
        return OBJECT_TYPES.get(self.entity.removesuffix("ChangeEvent"))

    def parked(self, reason: str, advice: str, record_id: str | None = None) -> Unreadable:
        """By itself if it is about one record, else as the whole event."""
        named = record_id or next(iter(self.record_ids), None)
        return Unreadable(reason, advice, self.object_type or self.entity or None, named, self.key(named))

    def key(self, record_id: str | None) -> str | None:
        return None if record_id is None else dedupe_key(self.event_uuid, self.header, record_id)


def _items(event: Any) -> list[Item]:
    change = _read(event)
    if isinstance(change, Unreadable):
        return [change]
    if not change.entity:
        return [change.parked("the ChangeEventHeader has no entityName", "Let the callout send the whole header.")]
    if change.object_type is None:
        first = next(iter(change.record_ids), None)
        return [Ignored(f"{change.entity} is not kept", change.entity, first, change.key(first))]
    try:
        committed_at = instant("commitTimestamp", change.header.get("committimestamp"))
    except MappingError as error:
        return [change.parked(str(error), error.advice)]
    change_type = text(change.header.get("changetype"))
    if change_type == OVERFLOW:
        reason = f"more {change.entity} records changed at once than Salesforce tells"
        return [change.parked(reason, _anew(change.entity, committed_at))]
    if change_type not in CHANGE_TYPES:
        return [change.parked(f"changeType is {change_type!r}", f"Known are {', '.join(sorted(CHANGE_TYPES))}.")]
    if not change.record_ids:
        return [change.parked("the event names no record", "Let the callout send recordIds as a list.")]
    # Fetched versions have whole seconds: a fraction would set the return from deletion after a change of the same second.
    restored_at = committed_at.replace(microsecond=0) if change_type.endswith("UNDELETE") else None
    return [_item(change, change.object_type, each, committed_at, restored_at) for each in change.record_ids]


def _read(event: Any) -> Change | Unreadable:
    """From the event itself, or from its payload where it came as the Streaming API gives it."""
    if not isinstance(event, dict):
        return Unreadable("an event is not an object")
    event = event["data"] if isinstance(event.get("data"), dict) else event
    content = event["payload"] if isinstance(event.get("payload"), dict) else event
    written, about = content.get("ChangeEventHeader"), event.get("event")
    if not isinstance(written, dict):
        return Unreadable("an event has no ChangeEventHeader", "Let the callout send the header of each event.")
    header = {name.lower(): value for name, value in written.items()}  # Apex spells these names in lower case
    named = header.get("recordids")
    ids = [normalise_external_id(text(each) or "") for each in named] if isinstance(named, list) else []
    return Change(
        header,
        text(about.get("EventUuid") if isinstance(about, dict) else content.get("EventUuid")),
        text(header.get("entityname")) or "",
        tuple(dict.fromkeys(ids)),
    )


def _item(
    change: Change, object_type: ObjectType, record_id: str, committed_at: datetime, restored_at: datetime | None
) -> Item:
    if "*" in record_id:
        reason = f"{record_id} stands for all {change.entity} records"
        return change.parked(reason, _anew(change.entity, committed_at), record_id)
    if not _ID.fullmatch(record_id):
        return change.parked(f"{record_id!r} is no record id", "Compare recordIds with the event.", record_id)
    return Signal(object_type, record_id, committed_at, change.key(record_id), restored_at)


def dedupe_key(event_uuid: str | None, header: Mapping[str, Any], record_id: str) -> str | None:
    """What names one record's change in every repetition of its event; None where the event says too little.

    Never the replayId, which Salesforce may give to another event. Transaction and sequence do not suffice: all gap events have
    the sequence 1, what works past transactions may have one key for long, and the overflows of all entities name one empty
    record. `header` has its names in lower case.
    """
    if event_uuid:
        return f"{event_uuid[:_MAX_KEY_PART]}:{record_id}"
    names = ("transactionkey", "sequencenumber", "entityname", "changetype", "committimestamp")
    parts = [text(header.get(name)) for name in names]
    return ":".join([*(each[:_MAX_KEY_PART] for each in parts if each), record_id]) if all(parts) else None


def _anew(entity: str, at: datetime) -> str:
    return (
        f"Salesforce does not say which records changed. Import the {entity} records that changed around {at:%Y-%m-%d %H:%M} UTC, "
        "or save them again in Salesforce so that each sends an event of its own."
    )
