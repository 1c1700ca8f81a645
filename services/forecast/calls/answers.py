"""From rows and landings to what goes out."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from services.forecast.calls.schemas import (
    AdjustmentOut,
    Base,
    Composition,
    JudgementOut,
    NodeOut,
    PeriodRef,
    StalenessOut,
    SubmissionOut,
)
from services.forecast.calls.staleness import staleness
from services.forecast.calls.steps import Landing

Row = Mapping[str, Any]

_SAME = (
    *("submission_id", "person", "deal_type", "value_basis", "currency", "mode", "amount", "best", "worst", "notes"),
    *("from_above", "imported", "made_at", "recorded_at"),
)
"""Fields of a call that are columns as they are."""


def submission_out(
    row: Row,
    landing: Landing | None,
    *,
    label: str | None = None,
    unit_kind: str | None = None,
    today: date,
    now: datetime,
) -> SubmissionOut:
    """A call; with the landing of its node as it is now it has staleness and to-go, else both are null."""
    return SubmissionOut(
        **{name: row[name] for name in _SAME},
        node=_node(row, label, unit_kind),
        period=_period(row),
        composition=_composition(row),
        base=_base(row),
        to_go=None if landing is None else row["amount"] - landing.closed_won,
        staleness=None if landing is None else _staleness(row, landing, today, now),
        is_current=row.get("is_current", True),
    )


def adjustment_out(row: Row) -> AdjustmentOut:
    state = row.get("state", "in_force")
    return AdjustmentOut(
        **{name: row[name] for name in ("adjustment_id", "deal_type", "value_basis", "currency", "delta", "reason")},
        version=1 if state == "in_force" else 2,
        node=_node(row, None, None),
        period=_period(row),
        expires_at=row["expires_at"],
        base_landing=row["base_landing"],
        state=state,
        made_by=row["made_by"],
        made_at=row["at"],
        ended_at=row.get("ended_at"),
        ended_by=row.get("ended_by"),
        imported=row["imported"],
    )


def judgement_out(row: Row) -> JudgementOut:
    kept = ("judgement_id", "person", "deal_id", "owner_id", "verdict", "amount", "currency", "close_date", "note")
    return JudgementOut(
        **{name: row[name] for name in kept},
        deal_name=row["name"],
        made_at=row["made_at"],
        crm_line=row["line"],
        crm_amount=row["crm_amount"],
        crm_close_date=row["crm_close_date"],
        crm_category=row["crm_category"],
        counts=row["verdict"] == "in" and bool(row["is_open"]),
    )


def _node(row: Row, label: str | None, unit_kind: str | None) -> NodeOut:
    return NodeOut(kind=row["node_kind"], id=row["node_id"], label=label, unit_kind=unit_kind)


def _period(row: Row) -> PeriodRef:
    return PeriodRef(key=row["period_key"], start=row["period_start"], end=row["period_end"] - timedelta(days=1))


def _composition(row: Row) -> Composition | None:
    if row["parts_kind"] is None:
        return None
    return Composition(
        parts=row["parts_kind"],
        parts_amount=row["parts_amount"],
        plug=row["amount"] - row["parts_amount"],
        from_crm=row["parts_from_crm"],
        of=row["parts_of"],
    )


def _base(row: Row) -> Base | None:
    if row["base_closed_won"] is None:
        return None
    return Base(closed_won=row["base_closed_won"], commit=row["base_commit"], weighted=row["base_weighted"])


def _staleness(row: Row, landing: Landing, today: date, now: datetime) -> StalenessOut:
    then: Decimal | None = None if row["base_closed_won"] is None else row["base_closed_won"] + row["base_commit"]
    found = staleness(
        made_at=row["made_at"],
        base_then=then,
        base_now=landing.crm,
        last_day=row["period_end"] - timedelta(days=1),
        today=today,
        now=now,
    )
    moved = found.base_moved_by
    return StalenessOut(
        is_stale=found.is_stale,
        reasons=list(found.reasons),
        age_days=found.age_days,
        base_moved_by=None if moved is None else moved.quantize(Decimal("0.0001")),
    )
