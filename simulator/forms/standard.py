"""Foretell's own webhook body: `{"type": "deal.updated", "timestamp": ..., "data": {...}}`, fields named as in the export."""

from typing import Any

from simulator.records import AccountRecord, DealRecord, LeadRecord, UserRecord, as_json


def data(record: DealRecord | LeadRecord | AccountRecord | UserRecord) -> dict[str, Any]:
    """The full record; `version_time` is its clock and repeats `changed_at`."""
    document: dict[str, Any] = as_json(record)
    return document | {"version_time": document["changed_at"]}
