"""Deliveries as sales ops see them."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from gateway.deliveries.asked import Selection
from libs.common.web.schemas import In, Out

State = Literal["accepted", "pending", "processed", "parked"]
OutcomeName = Literal["pending", "applied", "superseded", "duplicate", "ignored", "parked"]


class DeliveryOut(Out):
    """`state`: accepted (stored, not read), pending (waits for a fetch), processed, parked (an item needs a person)."""

    id: UUID
    connection: str
    received_at: datetime
    settled_at: datetime | None
    state: State
    body_bytes: int
    item_count: int | None
    outcomes: dict[str, int]
    objects: list[str]
    """The object types of its items, sorted."""
    reason: str | None
    """Why the first parked item is parked."""
    latency_s: float | None
    """From arrival until every item had its outcome; null before that."""


class Latency(Out):
    """Seconds from arrival until every item had its outcome, over `settled` deliveries; null where there are none.

    Of one that was read again it is the time until it was understood at last.
    """

    settled: int
    p50_s: float | None
    p95_s: float | None


class DeliveryPage(Out):
    items: list[DeliveryOut]
    next_cursor: str | None
    latency: Latency
    """Of the newest 1,000 settled deliveries that were asked for, on every page the same."""


class EditShown(Out):
    """What somebody changed in a parked record: a JSON merge patch over the record as read."""

    patch: dict[str, Any]
    reason: str
    actor: str
    at: datetime


class ItemOut(Out):
    position: int
    object_type: str | None
    external_id: str | None
    outcome: OutcomeName
    reason: str | None
    field: str | None
    value: str | None
    advice: str | None
    crm_time: datetime | None
    settled_at: datetime | None
    event_id: UUID | None
    """The canonical change that left for the services."""
    entity_id: UUID | None
    edit: EditShown | None
    """The newest one."""


class DeliveryDetail(DeliveryOut):
    headers: dict[str, str]
    body: str | None
    """The raw body, credentials blanked; null once it has been forgotten (30 days)."""
    items: list[ItemOut]


class Arrivals(Out):
    """What has come from one connection. `accepted`, `pending`, `processed` and `parked` add up to the deliveries since an instant.

    `all_parked` and `waiting` (accepted, not yet effective) are of any age.
    """

    connection: str
    last_at: datetime | None
    accepted: int
    pending: int
    processed: int
    parked: int
    all_parked: int
    waiting: int
    oldest_waiting_at: datetime | None


class ConnectionSummary(Out):
    """Conservation: `items` = applied + superseded + duplicate + ignored + parked + pending; `unread` deliveries come on top."""

    connection: str
    deliveries: int
    unread: int
    items: int
    applied: int
    superseded: int
    duplicate: int
    ignored: int
    parked: int
    pending: int
    is_conserved: bool
    oldest_waiting_at: datetime | None
    oldest_waiting_age_s: float | None
    latency: Latency


class Summary(Out):
    since: datetime
    origin: datetime
    connections: list[ConnectionSummary]


class ReplayOut(Out):
    deliveries: int
    items: int


class ReplayIn(In):
    """Which parked deliveries to read again: all that meet what is given."""

    connection: str | None = Field(default=None, max_length=63)
    external_id: str | None = Field(default=None, max_length=200)
    text: str | None = Field(default=None, max_length=200)
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    dry_run: bool = False

    def selection(self) -> Selection:
        return Selection(**self.model_dump(exclude={"dry_run"}))


class ParkedReason(Out):
    connection: str
    reason: str | None
    items: int
    deliveries: int


class ReplayPlan(Out):
    """What is read again, or would be by as many replays as it takes (`dry_run`).

    `remaining` parked deliveries are too many for one replay: ask again. Of `forgotten` ones the raw body is gone.
    """

    dry_run: bool
    deliveries: int
    items: int
    remaining: int
    forgotten: int
    reasons: list[ParkedReason]
    """Of the items that are read again, the most frequent first; at most 50."""


class WaitingOut(Out):
    """A delivery that nobody has read, or an item of one that waits for a fetch."""

    delivery_id: UUID
    connection: str
    received_at: datetime
    age_s: float
    state: State
    position: int | None
    object_type: str | None
    external_id: str | None
    reason: str
    attempts: int
    next_attempt_at: datetime | None


class WaitingList(Out):
    """Accepted, not yet effective; the oldest first, empty when all is well."""

    items: list[WaitingOut]
    is_complete: bool


class FieldOut(Out):
    """A canonical field and where its value is known from: the version since which it has been so.

    `actor` is the id of who changed the record then, as the CRM tells it. The value may have come up to `unobserved_since`
    earlier: what the record held from then until `crm_time` nobody saw.
    """

    name: str
    value: Any
    actor: str | None
    crm_time: datetime
    unobserved_since: datetime | None
    received_at: datetime
    mapping_version: int
    delivery_id: UUID
    event_id: UUID | None


class RecordDelivery(Out):
    """An item of a delivery that spoke of a record."""

    delivery_id: UUID
    position: int
    received_at: datetime
    settled_at: datetime | None
    crm_time: datetime | None
    outcome: OutcomeName
    reason: str | None


class RecordOut(Out):
    """A deal or lead as the connection's CRM has it. `is_complete`: all versions that left were looked at."""

    connection: str
    object_type: str
    external_id: str
    entity_id: UUID
    deleted: bool
    merged_into: str | None
    versions: int
    is_complete: bool
    fields: list[FieldOut]
    deliveries: list[RecordDelivery]
    """The newest 20."""


class EditIn(In):
    """A JSON merge patch (RFC 7396) over the record as read: objects are merged, null removes a field, anything else replaces."""

    patch: dict[str, Any] = Field(min_length=1)
    reason: str = Field(min_length=3, max_length=500)


class EditOut(Out):
    """`changed` is false where the item has this edit already: then nothing is done."""

    changed: bool
    delivery: DeliveryDetail


class ItemRecord(Out):
    """A parked item's record as it was read, and as it is with the newest edit; null where it is fetched when it is read again."""

    position: int
    as_read: dict[str, Any] | None
    as_edited: dict[str, Any] | None
