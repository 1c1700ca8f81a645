"""Identifiers: stable ones from what the CRM calls a record, time-ordered ones for what happens here."""

import os
import time
from datetime import UTC, datetime
from uuid import UUID, uuid5

NAMESPACE = UUID("6f0e7a52-5d0c-5b7e-9a53-0c1d6a8b7f11")
"""Root of all name-based identifiers. Never change it: every stored id depends on it."""

ROOT_UNIT = uuid5(NAMESPACE, "unit:root")
"""The organisation's root; a principal whose scope is this unit sees everything."""

UNASSIGNED_UNIT = uuid5(NAMESPACE, "unit:unassigned")
"""Where deals and people stand whose owner or team is unknown."""


def normalise_external_id(external_id: str) -> str:
    """Strip white space and bring 15-character Salesforce ids to their 18-character form."""
    text = external_id.strip()
    if len(text) == 15 and text.isalnum() and text[:3].isalnum() and any(c.isdigit() for c in text[:3]):
        return text + _salesforce_suffix(text)
    return text


def _salesforce_suffix(text: str) -> str:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
    return "".join(
        alphabet[sum(1 << bit for bit, char in enumerate(text[part : part + 5]) if char.isupper())]
        for part in (0, 5, 10)
    )


def entity_id(connection: str, object_type: str, external_id: str) -> UUID:
    """Our id of a CRM record; the same whatever arrives first. `connection` is the connection's key."""
    return uuid5(NAMESPACE, f"{connection}:{object_type}:{normalise_external_id(external_id)}")


def provisional_deal_id(lead_id: UUID) -> UUID:
    """The deal that a qualified lead opens before the CRM has an opportunity for it."""
    return uuid5(NAMESPACE, f"provisional-deal:{lead_id}")


def unit_id(path: str) -> UUID:
    """Our id of an organisation unit named by its path, such as `EMEA/Enterprise North`."""
    return uuid5(NAMESPACE, f"unit:{path.strip()}")


def new_id(at: datetime | None = None) -> UUID:
    """A UUIDv7: 48 bits of milliseconds, then random. `at` sets the time (imports, tests); default is now."""
    millis = int(at.timestamp() * 1000) if at else time.time_ns() // 1_000_000
    raw = bytearray(millis.to_bytes(6, "big") + os.urandom(10))
    raw[6] = 0x70 | (raw[6] & 0x0F)
    raw[8] = 0x80 | (raw[8] & 0x3F)
    return UUID(bytes=bytes(raw))


def new_id_floor(at: datetime) -> UUID:
    """The smallest UUIDv7 of an instant: the bound of a partition."""
    return UUID(bytes=int(at.timestamp() * 1000).to_bytes(6, "big") + b"\0" * 10)


def time_of(identifier: UUID) -> datetime:
    """The instant inside a UUIDv7."""
    return datetime.fromtimestamp(int.from_bytes(identifier.bytes[:6], "big") / 1000, UTC)
