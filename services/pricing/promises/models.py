"""Promised parts as they are kept."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from services.pricing.promises.standing import Standing

DUE: dict[str, timedelta] = {
    "earlier_signature": timedelta(days=14),
    "earlier_payment": timedelta(days=60),
    "longer_term": timedelta(days=30),
    "volume": timedelta(days=365),
    "reference": timedelta(days=180),
    "other": timedelta(days=90),
}
"""After how long it is asked whether a part was kept, counted from the acceptance; a seller moves it."""


@dataclass(frozen=True, slots=True)
class Part:
    """What a customer promised by accepting a quote: `got` in return for `given`; `due` is the first day that was set."""

    part_id: UUID
    quote_id: UUID
    revision: int
    position: int
    given: str
    given_note: str
    got: str
    got_note: str
    value: Decimal | None
    currency: str
    due: date
    agreed_at: datetime
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Followed:
    """A part with its deal and how it stands; `author` is who answered last, None where nobody did."""

    part: Part
    deal_id: UUID
    deal: str
    standing: Standing
    author: str | None
    note: str
