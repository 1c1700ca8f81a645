"""What a delivery holds once it is read: signals to fetch by, or full records."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

ObjectType = Literal[
    "deal", "lead", "account", "contact", "user", "product", "lines", "splits", "competitors", "activity"
]
Part = Literal["lines", "splits", "competitors"]
PARTS: Final[tuple[Part, ...]] = ("lines", "splits", "competitors")
"""What CRMs keep beside a deal in objects of their own: read as one record for each deal, under the deal's id."""

FETCHED = 10**15
"""Sequences of fetched records begin here: above every sequence of a delivery, and exact in JSON."""


class UnreadableBody(ValueError):
    """The whole body cannot be read; the message says why, in words for sales ops."""


@dataclass(frozen=True, slots=True)
class Signal:
    """A record changed; its content must be fetched. `crm_time`: when, if the CRM tells. `restored_at`: it came back from deletion."""

    object_type: ObjectType
    external_id: str
    crm_time: datetime | None
    dedupe_key: str | None
    restored_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class FullRecord:
    """A record as the CRM had it at `crm_time`.

    `record` is None for a tombstone without content. `sequence` orders versions of one `crm_time`. `merged_into` is the
    external id of the record that took this one in. `actor` is the id of who changed it last, as far as the CRM tells;
    `edited_by` who changed here what the CRM sent. `etag` names this version where the CRM takes changes of it alone.
    """

    object_type: ObjectType
    external_id: str
    record: Mapping[str, Any] | None
    crm_time: datetime
    sequence: int = 0
    deleted: bool = False
    merged_into: str | None = None
    dedupe_key: str | None = None
    actor: str | None = None
    edited_by: str | None = None
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class Ignored:
    """Understood, and nothing that Foretell keeps."""

    reason: str
    object_type: str | None = None
    external_id: str | None = None
    dedupe_key: str | None = None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """One item of an otherwise readable body that makes no sense; parked alone."""

    reason: str
    advice: str = "Compare the body with what this CRM documents; replay after a fix."
    object_type: str | None = None
    external_id: str | None = None
    dedupe_key: str | None = None


Item = Signal | FullRecord | Ignored | Unreadable


@dataclass(frozen=True, slots=True)
class StoredDelivery:
    """A delivery as the parser sees it: what was kept of the request, and this connection's settings."""

    headers: Mapping[str, str]
    body: bytes
    received_at: datetime
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of the CRM's live records, and where the next one begins; None after the last."""

    records: Sequence[FullRecord]
    following: str | None = None


@dataclass(frozen=True, slots=True)
class Polled:
    """Records that a CRM says it has since an instant, each with that time of it, and where the next page begins."""

    found: Sequence[tuple[str, datetime]]
    following: str | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """The CRM's answer to a batch read: what it has, and the ids it does not know."""

    records: Sequence[FullRecord]
    absent: frozenset[str] = frozenset()
