"""A change of a record, and the request that tells of it."""

import hashlib
import json
from dataclasses import dataclass
from typing import Literal

from simulator.config import SimConnection
from simulator.records import AccountRecord, DealRecord, LeadRecord

Event = Literal["created", "changed", "deleted", "restored", "merged"]
Changeable = DealRecord | LeadRecord | AccountRecord


@dataclass(frozen=True)
class Request:
    """One HTTP request, ready to send as it stands: the signature covers exactly these bytes."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Change:
    """A record's new state with what happened to it.

    `previous` tells which properties changed; without it the usual ones are named. `merged_into` is the external id of the
    record that lives on (event `merged`: this record has gone into that one).
    """

    record: Changeable
    event: Event = "changed"
    previous: Changeable | None = None
    merged_into: str | None = None

    @property
    def kind(self) -> Literal["deal", "lead", "account"]:
        match self.record:
            case DealRecord():
                return "deal"
            case LeadRecord():
                return "lead"
            case AccountRecord():
                return "account"


def identifier(connection: SimConnection, change: Change, extra: str = "") -> int:
    """A stable 120-bit number of this change: a redelivery has the same one, another change at the same instant has not."""
    parts = (connection.key, change.kind, change.event, repr(change.record), extra)
    return int.from_bytes(hashlib.sha256("|".join(parts).encode()).digest()[:15], "big")


def json_bytes(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
