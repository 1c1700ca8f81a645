"""What a trial shows."""

from datetime import date
from decimal import Decimal

from libs.common.web.schemas import Out


class Sample(Out):
    """One record for many; `before` and `after` as text, null where there is nothing."""

    external_id: str
    before: str | None
    after: str | None


class FieldChange(Out):
    """A canonical field that would be otherwise."""

    object_type: str
    field: str
    count: int
    samples: list[Sample]


class Refusal(Out):
    """Records that would be parked, by their reason."""

    reason: str
    field: str | None
    value: str | None
    advice: str | None
    count: int
    external_ids: list[str]


class Movement(Out):
    """By how much one line of one month would differ. Undated deals stand in the month 1900-01-01."""

    month: date
    line: str
    deals: int
    amount: Decimal
    weighted: Decimal


class Effect(Out):
    """What would move in the forecast, in `currency`; lines that would not are left out."""

    currency: str
    deals: int
    moved: list[Movement]


class TrialOut(Out):
    """What the records of a connection would be under a document that is not in use.

    `deliveries` that are unread or parked were read again beside the newest record of everything known. `to_be_fetched`: only
    the CRM can say what these are. `forecast` is null when no deal would differ. `complete` is false when there were more
    records or deliveries than one trial looks at.
    """

    connection: str
    records: int
    deliveries: int
    unchanged: int
    changed: dict[str, int]
    added: dict[str, int]
    to_be_fetched: int
    fields: list[FieldChange]
    refused: list[Refusal]
    forecast: Effect | None
    complete: bool
