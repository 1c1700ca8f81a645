"""Readings of attainment as the forecast answers them, of a company that exists only here."""

from typing import Any
from uuid import UUID

from services.forecast.attainment.schemas import AttainmentReading
from tests.support.outlooks import HEAD, UNIT, period

NORTH, ADA, BEN = UUID(int=71), UUID(int=72), UUID(int=73)
NOTHING: dict[str, Any] = dict.fromkeys(
    ("quota", "source", "said_by", "parts", "unallocated", "over_assigned", "attainment", "gap", "chance")
)


def node(identifier: UUID, kind: str = "unit", label: str | None = None, depth: int = 1, **told: Any) -> dict[str, Any]:
    """A node; without more it has no quota and nothing closed."""
    named = {"kind": kind, "id": identifier, "label": label, "unit_kind": "team" if kind == "unit" else None}
    above = {"parent_id": UNIT if depth else None, "depth": depth}
    return {"node": named, **above, **NOTHING, "state": "blank", "closed_won": "0.00"} | told


def month(key: str, label: str, quota: str | None, closed: str, to_date: str | None, **told: Any) -> dict[str, Any]:
    """A month with what it lacks given by the amounts."""
    number = int(key[-2:])
    variance = None if quota is None else f"{float(closed) - float(quota):.2f}"
    return {
        "key": key, "label": label, "start": f"2026-{number}-01", "end": f"2026-{number}-28", "is_over": number < 11,
        "quota": quota, "source": None if quota is None else "even", "closed_won": closed, "variance": variance,
        "quota_to_date": quota, "closed_to_date": closed, "variance_to_date": to_date,
    } | told  # fmt: skip


def attainment(**changes: Any) -> dict[str, Any]:
    """A quarter under way: north has a quota, Ada has one of nothing, Ben none; `changes` replace whole fields."""
    reading = {
        **HEAD,
        "metric": "attainment-1",
        "period": period(),
        "deal_type": None,
        "value_basis": "one_off",
        "is_over": False,
        "node": node(
            UNIT, label="Northwind", depth=0, state="set", source="own", quota="4500000.00", parts="3000000.00",
            unallocated="1500000.00", over_assigned="-0.3333", closed_won="2140500.25", attainment="0.4757",
            gap="2359499.75", chance=0.412345,
        ),
        "below": [
            node(
                NORTH, label="North", state="set", source="below", quota="3000000.00", parts="3000000.00",
                unallocated="0.00", over_assigned="0.0000", closed_won="2140500.25", attainment="0.7135",
                gap="859499.75", chance=0.731,
            ),
            node(ADA, kind="person", state="zero", source="own", quota="0.00", gap="0.00"),
            node(BEN, kind="person", state="unassigned"),
        ],
        "months": [
            month("2026-10", "October 2026", "1500000.00", "2140500.25", "640500.25"),
            month("2026-11", "November 2026", "1500000.00", "0.00", "-859499.75"),
            month("2026-12", "December 2026", "1500000.00", "0.00", "-2359499.75"),
        ],
        "months_unallocated": "0.00",
        "needed": {
            "metric_version": "required_open-2", "required_open": "5230000.00", "open": "4100000.00",
            "coverage": 0.7839, "conversion": 0.31, "reason": None,
        },
        "quotas_without_rate": 0,
        "plans": [],
        **changes,
    }  # fmt: skip
    return AttainmentReading.model_validate(reading).model_dump(mode="json")
