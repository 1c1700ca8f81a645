"""What may be said about a lead: a full record (from a CRM or captured here) or a person's verdict."""

import hashlib
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from libs.common.events.base import Payload
from libs.common.events.crm import CrmLeadChanged
from libs.common.events.leads import Verdict

_PROVENANCE = {"received_at", "source_recorded_at", "reconstructed", "unobserved_since", "clock"}
"""Not content: a redelivered record differs in nothing but these."""


class PersonVerdict(Payload):
    """A person judged a lead at `at`; `pending` takes an earlier verdict back."""

    lead_id: UUID
    at: datetime
    verdict: Verdict
    by: str
    reason: str


Input = CrmLeadChanged | PersonVerdict


def kind_of(given: Input) -> Literal["record", "verdict"]:
    return "record" if isinstance(given, CrmLeadChanged) else "verdict"


def time_of(given: Input) -> datetime:
    return given.clock.crm_time if isinstance(given, CrmLeadChanged) else given.at


def content_digest(record: CrmLeadChanged) -> str:
    """The record's own digest, else SHA-256 hex of its content: the same for every redelivery of the same record."""
    if record.clock.digest:
        return record.clock.digest
    return hashlib.sha256(record.model_dump_json(exclude=_PROVENANCE).encode()).hexdigest()


def input_key(given: Input) -> str:
    """Names an input within its lead; the same input always has the same key, whenever and however often it comes."""
    if isinstance(given, CrmLeadChanged):
        clock = given.clock
        return f"record:{clock.crm_time.isoformat()}:{clock.sequence}:{clock.mapping_version}:{content_digest(given)}"
    words = hashlib.sha256(f"{given.verdict}\0{given.by}\0{given.reason}".encode()).hexdigest()
    return f"verdict:{given.at.isoformat()}:{words}"


def parse_input(kind: str, payload: dict[str, Any]) -> Input:
    """An input as it was stored."""
    if kind == "record":
        return CrmLeadChanged.model_validate(payload)
    return PersonVerdict.model_validate(payload)
