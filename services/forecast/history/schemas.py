"""A deal's timeline as the forecast knows it."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from libs.common.web.schemas import Out


class VersionOut(Out):
    """One entry: valid from `valid_from` (the CRM's time), known since `recorded_at` (ours).

    `reconstructed` entries come from an import that lacks recording times. What held from `unobserved_since` until `valid_from`
    is unknown: the CRM told of a change and was asked too late to see its state. `line` is null when the deal stands in none.
    `changed_by`: who made the change in the CRM, by its key of users; null where it does not tell. Next step and last activity are
    unknown, not missing, where they are not known.
    """

    version: int
    name: str
    connection: str | None
    external_id: str | None
    valid_from: datetime
    recorded_at: datetime
    source_recorded_at: datetime | None
    reconstructed: bool
    unobserved_since: datetime | None
    event_type: str
    cause_connection: str | None
    cause_delivery: UUID | None
    line: str | None
    month: date | None
    state: str
    stage: str
    category: str | None
    gate: str
    amount: Decimal | None
    currency: str | None
    stage_probability: Decimal | None
    stage_entered_at: datetime
    close_date: date | None
    closed_on: date | None
    owner_id: UUID | None
    changed_by: UUID | None
    next_step: str | None
    next_step_known: bool
    last_activity_at: datetime | None
    activity_known: bool
    pushes: int
    removed: bool
    absorbed_into: UUID | None


class HistoryReading(Out):
    """The entries valid by `as_of` and known by `known_at`, in timeline order; `current` is the newest of them."""

    deal_id: UUID
    as_of: datetime
    known_at: datetime
    current: VersionOut | None
    versions: list[VersionOut]
