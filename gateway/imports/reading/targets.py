"""What a mapping can fill: for each object its canonical event, its fields, and how a text becomes each of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from libs.common.events.crm import (
    Category,
    CrmAccountChanged,
    CrmDealChanged,
    CrmLeadChanged,
    CrmProductChanged,
    CrmRecord,
    CrmUserChanged,
    DealType,
    ValueBasis,
)

Kind = Literal["text", "decimal", "integer", "boolean", "instant", "date", "stage", "currency", "choice", "reference"]


@dataclass(frozen=True)
class Target:
    """How a text becomes a field: `choices` for a choice, `refers_to` for the id of another record."""

    kind: Kind = "text"
    choices: tuple[str, ...] = ()
    refers_to: str = ""


@dataclass(frozen=True)
class Canonical:
    """One kind of object: its event and the event's field that holds the record's own id."""

    event: type[CrmRecord]
    id_field: str
    required: frozenset[str] = field(default_factory=frozenset)


OBJECTS: Mapping[str, Canonical] = {
    "user": Canonical(CrmUserChanged, "user_id"),
    "account": Canonical(CrmAccountChanged, "account_id"),
    "product": Canonical(CrmProductChanged, "product_id", frozenset({"code"})),
    "lead": Canonical(CrmLeadChanged, "lead_id"),
    "deal": Canonical(CrmDealChanged, "deal_id", frozenset({"stage"})),
}

TEXT = Target()
DECIMAL = Target("decimal")
INTEGER = Target("integer")
BOOLEAN = Target("boolean")
INSTANT = Target("instant")
DATE = Target("date")
CURRENCY = Target("currency")


def _reference(refers_to: str) -> Target:
    return Target("reference", refers_to=refers_to)


def _choice(*choices: str) -> Target:
    return Target("choice", choices=choices)


_COMMON = {"created_at": INSTANT, "deleted": BOOLEAN, "source_recorded_at": INSTANT}
_DIMENSIONS = {"region": TEXT, "market": TEXT, "segment": TEXT}

TARGETS: Mapping[str, Mapping[str, Target]] = {
    "user": _COMMON | {"is_active": BOOLEAN, "team_path": TEXT, "manager_id": _reference("user")},
    "account": _COMMON
    | _DIMENSIONS
    | {"name": TEXT, "tier": TEXT, "parent_id": _reference("account"), "merged_into": _reference("account")},
    "product": _COMMON
    | {"code": TEXT, "name": TEXT, "line": TEXT, "list_price": DECIMAL, "cost": DECIMAL, "currency": CURRENCY},
    "lead": _COMMON
    | _DIMENSIONS
    | {
        "company": TEXT,
        "owner_id": _reference("user"),
        "status": _choice("new", "working", "qualified", "disqualified", "converted"),
        "source": TEXT,
        "campaign": TEXT,
        "product": TEXT,
        "amount": DECIMAL,
        "currency": CURRENCY,
        "employees": INTEGER,
        "industry": TEXT,
        "role": TEXT,
        "engagement_count": INTEGER,
        "last_activity_at": INSTANT,
        "converted_deal_id": _reference("deal"),
        "merged_into": _reference("lead"),
    },
    "deal": _COMMON
    | _DIMENSIONS
    | {
        "name": TEXT,
        "amount": DECIMAL,
        "currency": CURRENCY,
        "close_date": DATE,
        "close_date_by_machine": BOOLEAN,
        "pipeline": TEXT,
        "stage": Target("stage"),
        "category": _choice(*get_args(Category)),
        "owner_id": _reference("user"),
        "account_id": _reference("account"),
        "lead_id": _reference("lead"),
        "product": TEXT,
        "source": TEXT,
        "deal_type": _choice(*get_args(DealType)),
        "value_basis": _choice(*get_args(ValueBasis)),
        "term_months": INTEGER,
        "closed_on": DATE,
        "loss_reason": TEXT,
        "next_step": TEXT,
        "last_activity_at": INSTANT,
        "changed_by": _reference("user"),
        "merged_into": _reference("deal"),
    },
}
