"""What the simulated CRMs keep beside their deals, and the activities; none until somebody puts some."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Literal

from simulator.config import Provider

Kept = Literal["lines", "splits", "competitors", "activities"]


@dataclass(frozen=True, kw_only=True)
class LineKept:
    """A product of a deal. `amount` is after discounts."""

    line_id: str
    name: str
    code: str | None = None
    quantity: Decimal
    price: Decimal
    amount: Decimal
    currency: str = "EUR"
    term_months: int | None = None
    changed_at: datetime


@dataclass(frozen=True, kw_only=True)
class SplitKept:
    """What a user is credited with, of 1."""

    split_id: str
    owner_id: str
    share: Decimal
    overlay: bool = False
    changed_at: datetime


@dataclass(frozen=True, kw_only=True)
class CompetitorKept:
    competitor_id: str
    name: str
    changed_at: datetime


@dataclass(frozen=True, kw_only=True)
class ActivityKept:
    """A call, mail or meeting. `state` is in the provider's words, None where it has none."""

    activity_id: str
    kind: Literal["call", "mail", "meeting"]
    at: datetime
    changed_at: datetime
    incoming: bool = False
    state: str | None = None
    deal_ids: Sequence[str] = ()
    account_ids: Sequence[str] = ()
    contact_ids: Sequence[str] = ()
    owner_id: str | None = None
    subject: str = ""
    deleted: bool = False


@dataclass
class Beside:
    """By provider and deal. `forbidden`: what the token may not read; the interface refuses it."""

    lines: dict[tuple[Provider, str], Sequence[LineKept]] = field(default_factory=dict)
    splits: dict[tuple[Provider, str], Sequence[SplitKept]] = field(default_factory=dict)
    competitors: dict[tuple[Provider, str], Sequence[CompetitorKept]] = field(default_factory=dict)
    activities: dict[tuple[Provider, str], ActivityKept] = field(default_factory=dict)
    forbidden: set[Kept] = field(default_factory=set)
