"""Deliveries as sales ops see them."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from libs.common.web.schemas import Out

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


class DeliveryPage(Out):
    items: list[DeliveryOut]
    next_cursor: str | None


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


class DeliveryDetail(DeliveryOut):
    headers: dict[str, str]
    body: str | None
    """The raw body, credentials blanked; null once it has been forgotten (30 days)."""
    items: list[ItemOut]


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


class Summary(Out):
    since: datetime
    origin: datetime
    connections: list[ConnectionSummary]


class ReplayOut(Out):
    deliveries: int
    items: int
