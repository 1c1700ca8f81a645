"""Pipedrive's activities, as its webhooks bring them: who, when and which kind. Subject and note are left out."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from gateway.connectors.items import FullRecord
from gateway.mapping.values import optional_instant

KINDS: Final[Mapping[str, str]] = {"call": "call", "email": "mail", "meeting": "meeting", "lunch": "meeting"}
"""Pipedrive's own types; those that a company adds, and tasks and deadlines, touch nobody."""


def is_touch(content: Mapping[str, Any]) -> bool:
    return content.get("type") in KINDS


def activity(record: FullRecord) -> FullRecord:
    """The record with what is kept of it. Raises MappingError."""
    content = record.record or {}
    people = [each.get("person_id") for each in content.get("participants") or () if isinstance(each, Mapping)]
    told = {
        "kind": KINDS[str(content["type"])],
        # Pipedrive does not say which way a mail went; it is noted by who sent it.
        "direction": "ours" if content["type"] == "email" else "both",
        "at": _at(content),
        "done": bool(content.get("done")),
        "deals": _named(content.get("deal_id")),
        "accounts": _named(content.get("org_id")),
        "contacts": _named(*(people or [content.get("person_id")])),
        "owners": _named(content.get("owner_id")),
    }
    return replace(record, record=told)


def _at(content: Mapping[str, Any]) -> str | None:
    """When it was done; else when it was due, in UTC as Pipedrive keeps it."""
    done_at = optional_instant("marked_as_done_time", content.get("marked_as_done_time"))
    due = content.get("due_date") and f"{content['due_date']}T{content.get('due_time') or '00:00'}"
    planned = optional_instant("due_date", due)
    times = [each for each in (planned, done_at) if each is not None]
    return min(times).isoformat() if times else None


def _named(*ids: Any) -> list[str]:
    return sorted({str(each) for each in ids if each})
