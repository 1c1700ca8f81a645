"""CloudEvents 1.0 in Kafka's binary mode: headers around the payload, and the relay's ticks."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from pydantic import ValidationError

from libs.common.events.base import Cause, EventData, Received
from libs.common.events.catalogue import BY_TYPE

TICK_TYPE = "foretell.relay.ticked.v1"
MAX_EVENT_BYTES = 512 * 1024


class UnreadableEvent(ValueError):
    """A record whose headers or payload break the contract; it belongs in the dead letters."""


@dataclass(frozen=True, slots=True)
class Tick:
    """The relay's word that all it recorded up to `recorded_to` (and all below `applied_txid`) has been sent."""

    recorded_to: datetime
    origin: datetime | None
    applied_txid: int


def headers_of(row: Mapping[str, Any], *, source: str, log: str) -> list[tuple[str, bytes]]:
    """Kafka headers of an outbox row."""
    attributes = row["attributes"]
    pairs = [
        ("ce_specversion", "1.0"),
        ("ce_id", str(row["id"])),
        ("ce_source", source),
        ("ce_type", row["type"]),
        ("ce_subject", row["subject"] or str(row["key"])),
        ("ce_time", row["occurred_at"].isoformat()),
        ("ce_recordedat", row["recorded_at"].isoformat()),
        ("ce_aggregateversion", str(row["aggregate_version"])),
        ("content-type", "application/json"),
        ("ft_log", log),
    ]
    if attributes.get("cause"):
        pairs.append(("ce_cause", orjson.dumps(attributes["cause"]).decode()))
    if attributes.get("actor"):
        pairs.append(("ce_actor", attributes["actor"]))
    if attributes.get("traceparent"):
        pairs.append(("ce_traceparent", attributes["traceparent"]))
    return [(name, value.encode()) for name, value in pairs]


def tick_headers(tick: Tick, *, source: str, log: str) -> list[tuple[str, bytes]]:
    pairs = [
        ("ce_specversion", "1.0"),
        ("ce_type", TICK_TYPE),
        ("ce_source", source),
        ("ce_recordedat", tick.recorded_to.isoformat()),
        ("ft_origin", tick.origin.isoformat() if tick.origin else ""),
        ("ft_txid", str(tick.applied_txid)),
        ("ft_log", log),
    ]
    return [(name, value.encode()) for name, value in pairs]


def header(record: Any, name: str) -> str | None:
    for key, value in record.headers:
        if key == name:
            return str(value.decode())
    return None


def log_of(record: Any) -> str:
    """The relay's name of the log that the record stands in; empty for a foreign record."""
    return header(record, "ft_log") or ""


def log_start(log: str) -> int:
    """Below which transaction of the owner nothing stands in a log: the part after the colon of its name."""
    _, _, start = log.partition(":")
    return int(start) if start.isdigit() else 0


def is_tick(record: Any) -> bool:
    return header(record, "ce_type") == TICK_TYPE


def read_tick(record: Any) -> Tick:
    headers = {key: value.decode() for key, value in record.headers}
    return Tick(
        recorded_to=datetime.fromisoformat(headers["ce_recordedat"]),
        origin=datetime.fromisoformat(headers["ft_origin"]) if headers.get("ft_origin") else None,
        applied_txid=int(headers["ft_txid"]),
    )


def event_id(record: Any) -> UUID:
    """The event's id. Raises UnreadableEvent when the record has none."""
    try:
        return UUID(header(record, "ce_id") or "")
    except ValueError:
        raise UnreadableEvent("the record has no valid ce_id header") from None


def type_of(record: Any) -> str:
    return header(record, "ce_type") or ""


def read(record: Any) -> Received[EventData] | None:
    """The record as an event; None for a type that this version does not know. Raises UnreadableEvent."""
    headers = {key: value.decode() for key, value in record.headers}
    event_class = BY_TYPE.get(headers.get("ce_type", ""))
    if event_class is None:
        return None
    try:
        return Received(
            data=event_class.model_validate_json(record.value),
            id=UUID(headers["ce_id"]),
            type=headers["ce_type"],
            key=UUID(record.key.decode()),
            occurred_at=datetime.fromisoformat(headers["ce_time"]),
            recorded_at=datetime.fromisoformat(headers["ce_recordedat"]),
            aggregate_version=int(headers["ce_aggregateversion"]),
            topic=record.topic,
            partition=record.partition,
            cause=Cause.model_validate_json(headers["ce_cause"]) if "ce_cause" in headers else Cause(),
            actor=headers.get("ce_actor"),
            traceparent=headers.get("ce_traceparent"),
        )
    except (ValidationError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise UnreadableEvent(f"{headers.get('ce_type')}: {_short(error)}") from error


def _short(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_input=False, include_url=False)[0]
        return f"{'.'.join(map(str, first['loc'])) or 'payload'}: {first['msg']}"
    return f"{type(error).__name__}: {error}"
