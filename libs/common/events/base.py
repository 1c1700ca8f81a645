"""What all events share: immutability, tolerance for unknown fields, and the envelope around them."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from libs.common.messaging.topics import Topic

REHEARSED_AT_ONCE = 500
"""Events of one rehearsal, which tries what they would do: it holds the locks of what it touches."""


class Payload(BaseModel):
    """A part of an event. Frozen; ignores fields it does not know, so that producers may add some."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class EventData(Payload):
    """The payload of one event type: the state a consumer needs, not only the difference."""

    TYPE: ClassVar[str]
    TOPIC: ClassVar[Topic]


class Cause(Payload):
    """What led to an event: the connection and delivery of a CRM change, or the event that was consumed."""

    connection: str | None = None
    delivery: UUID | None = None
    event: UUID | None = None


E = TypeVar("E", bound=EventData)


@dataclass(frozen=True, slots=True)
class Received(Generic[E]):
    """An event as a handler gets it."""

    data: E
    id: UUID
    type: str
    key: UUID
    occurred_at: datetime
    recorded_at: datetime
    aggregate_version: int
    topic: str
    partition: int
    cause: Cause = field(default_factory=Cause)
    actor: str | None = None
    traceparent: str | None = None
