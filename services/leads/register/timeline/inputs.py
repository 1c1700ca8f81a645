"""What may be said about a lead: a full record (from a CRM or captured here), a person's verdict or merge, an assignment."""

import hashlib
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from libs.common.events.base import Payload
from libs.common.events.crm import CrmLeadChanged
from libs.common.events.leads import Verdict

_PROVENANCE = {"received_at", "source_recorded_at", "reconstructed", "unobserved_since", "clock"}
"""Not content: a redelivered record differs in nothing but these."""


class PersonVerdict(Payload):
    """A person judged a lead at `at`; `pending` takes an earlier verdict back, with `recycled_until` until that day.

    `carried_from`: the verdict came with a lead that was merged into this one, and goes with it when that is undone.
    """

    lead_id: UUID
    at: datetime
    verdict: Verdict
    by: str
    reason: str
    recycled_until: date | None = None
    carried_from: UUID | None = None


class PersonMerge(Payload):
    """A person said at `at` that the lead is the same as `into`; null takes that back. Nothing of either lead is changed."""

    lead_id: UUID
    at: datetime
    into: UUID | None = None
    by: str
    reason: str


class Assignment(Payload):
    """The lead was given to `owner_id` at `at`, by the rules (`routed`) or by a person."""

    lead_id: UUID
    at: datetime
    owner_id: UUID
    by: str
    reason: str
    routed: bool = False


Input = CrmLeadChanged | PersonVerdict | PersonMerge | Assignment
Kind = Literal["record", "verdict", "merge", "assignment"]

_CLASSES: dict[Kind, type[Input]] = {
    "record": CrmLeadChanged,
    "verdict": PersonVerdict,
    "merge": PersonMerge,
    "assignment": Assignment,
}


def kind_of(given: Input) -> Kind:
    return next(kind for kind, known in _CLASSES.items() if isinstance(given, known))


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
    if isinstance(given, PersonMerge):
        return f"merge:{given.at.isoformat()}:{_digest(given.into, given.by, given.reason)}"
    if isinstance(given, Assignment):
        return f"assignment:{given.at.isoformat()}:{_digest(given.owner_id, given.by, given.reason)}"
    further = [extra for extra in (given.recycled_until, given.carried_from) if extra is not None]
    return f"verdict:{given.at.isoformat()}:{_digest(given.verdict, given.by, given.reason, *further)}"


def _digest(*words: object) -> str:
    return hashlib.sha256("\0".join(map(str, words)).encode()).hexdigest()


def parse_input(kind: Kind, payload: dict[str, Any]) -> Input:
    """An input as it was stored."""
    return _CLASSES[kind].model_validate(payload)
