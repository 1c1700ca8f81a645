"""The records of the simulated company, as a CRM-neutral state at one instant. Field names are the columns of the export."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Literal, TypeVar, get_args

Stage = Literal["Qualify", "Discover", "Propose", "Negotiate", "Won", "Lost"]
STAGES: tuple[Stage, ...] = get_args(Stage)
OPEN_STAGES: tuple[Stage, ...] = STAGES[:4]
PROBABILITY: Mapping[str, str] = {
    "Qualify": "0.10",
    "Discover": "0.20",
    "Propose": "0.50",
    "Negotiate": "0.80",
    "Won": "1",
    "Lost": "0",
}
STAGE_CATEGORY: Mapping[str, str | None] = {
    "Qualify": "pipeline",
    "Discover": "pipeline",
    "Propose": "best_case",
    "Negotiate": "commit",
    "Won": None,
    "Lost": None,
}
"""The category that a CRM's own map gives a stage; persons set others."""

NEXT_STEPS: Mapping[str, str] = {
    "Qualify": "Find out who decides",
    "Discover": "Workshop with the users",
    "Propose": "Go through the offer",
    "Negotiate": "Answer the lawyers",
}
"""What a seller writes down to come next, by stage."""

LeadStatus = Literal["new", "working", "qualified", "disqualified", "converted"]
LEAD_STATUSES: tuple[LeadStatus, ...] = get_args(LeadStatus)
ObjectType = Literal["deal", "lead", "account", "user", "product"]


@dataclass(frozen=True, kw_only=True)
class DealRecord:
    """A deal as its CRM has it from `changed_at` on. Ids are external ids in that CRM's style."""

    deal_id: str
    changed_at: datetime
    name: str
    amount: Decimal | None
    currency: str
    stage: Stage
    close_date: date | None
    category: str | None
    owner_id: str | None
    account_id: str | None
    lead_id: str | None
    region: str
    market: str
    segment: str
    product: str | None
    source: str | None
    deal_type: str
    value_basis: str
    term_months: int | None
    created_at: datetime
    closed_on: date | None = None
    loss_reason: str | None = None
    next_step: str | None = None
    last_activity_at: datetime | None = None
    changed_by: str | None = None
    """The user who made the change."""
    deleted: bool = False

    @property
    def external_id(self) -> str:
        return self.deal_id

    @property
    def state(self) -> Literal["open", "won", "lost"]:
        return "won" if self.stage == "Won" else "lost" if self.stage == "Lost" else "open"


@dataclass(frozen=True, kw_only=True)
class LeadRecord:
    """A lead as its CRM has it from `changed_at` on."""

    lead_id: str
    changed_at: datetime
    person_name: str
    email: str
    phone: str
    company: str
    status: LeadStatus
    source: str
    region: str
    market: str
    segment: str
    product: str | None
    amount: Decimal | None
    currency: str
    employees: int | None
    industry: str | None
    role: str | None
    engagement_count: int
    last_activity_at: datetime | None
    owner_id: str | None
    converted_deal_id: str | None
    created_at: datetime
    deleted: bool = False

    @property
    def external_id(self) -> str:
        return self.lead_id


@dataclass(frozen=True, kw_only=True)
class AccountRecord:
    account_id: str
    name: str
    region: str
    market: str
    segment: str
    tier: str
    parent_id: str | None
    changed_at: datetime

    @property
    def external_id(self) -> str:
        return self.account_id


@dataclass(frozen=True, kw_only=True)
class UserRecord:
    user_id: str
    name: str
    email: str
    team_path: str
    manager_id: str | None
    active: bool
    changed_at: datetime

    @property
    def external_id(self) -> str:
        return self.user_id


@dataclass(frozen=True, kw_only=True)
class ProductRecord:
    code: str
    name: str
    line: str
    list_price: Decimal
    cost: Decimal
    currency: str

    @property
    def external_id(self) -> str:
        return self.code


Record = DealRecord | LeadRecord | AccountRecord | UserRecord | ProductRecord


def iso(instant: datetime) -> str:
    """UTC with milliseconds and Z, as CRMs write it: 2026-03-01T09:30:00.000Z."""
    utc = instant.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}Z"


def text(value: object) -> str:
    """A value as a CSV cell: empty for unknown, ISO times and dates, true/false."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


def as_json(record: Record) -> dict[str, str | int | bool | None]:
    """A record for JSON: money as string, times ISO, keys as the columns of the export."""
    return {
        f.name: v if isinstance(v := getattr(record, f.name), (bool, int)) or v is None else text(v)
        for f in fields(record)
    }


R = TypeVar("R", DealRecord, LeadRecord)


def from_json(record_type: type[R], document: Mapping[str, Any]) -> R:
    """The record that `as_json` wrote; keys that are no field are ignored."""
    values: dict[str, Any] = {}
    for f in fields(record_type):
        value = document.get(f.name)
        types = get_args(f.type) or (f.type,)
        if value is not None and Decimal in types:
            value = Decimal(value)
        elif value is not None and datetime in types:
            value = datetime.fromisoformat(value)
        elif value is not None and date in types:
            value = date.fromisoformat(value)
        values[f.name] = value
    return record_type(**values)
