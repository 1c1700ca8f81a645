"""What is broken and critical in the plans in force: what a review is opened from."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.calendar import local_date
from libs.common.web.auth import Principal
from services.forecast.assumptions import repository
from services.forecast.assumptions.measures import MEASURES, Metric
from services.forecast.config import settings_of


@dataclass(frozen=True, slots=True)
class Break:
    """A critical assumption that is broken, in words, since a lock."""

    plan_id: UUID
    assumption_id: UUID
    text: str
    since: datetime


async def critical_breaks(session: AsyncSession, *, principal: Principal | None = None) -> list[Break]:
    """Of the plans that are in force today and within scope (without a principal: of all), the longest broken first."""
    rows = await repository.broken(
        session,
        on=local_date(clock.now(), settings_of(session).org_timezone),
        principal=principal or Principal.system("forecast"),
    )
    return [
        Break(row["plan_id"], row["assumption_id"], said(row), row["broken_since"])
        for row in rows
        if row["criticality"] == "critical"
    ]


def said(row: dict[str, Any]) -> str:
    """A break as a sentence: what, of whom, seen and expected."""
    measure = MEASURES[row["metric"]]
    seen = "unknown" if row["value"] is None else number(row["metric"], row["value"], row["currency"])
    expected = number(row["metric"], row["expected"], row["currency"])
    return (
        f"{measure.label} of {row['label']} is {row['broken']} what plan {row['plan_name']!r} assumes: "
        f"{seen} seen of {row['cases']} cases in {row['weeks']} weeks, {expected} ± {float(row['tolerance']):.0%} expected."
    )


def number(metric: Metric, found: Decimal | float, currency: str) -> str:
    """A figure of a metric in words."""
    measure, value = MEASURES[metric], float(found)
    written = {
        "share": f"{value:.1%}",
        "a_month": f"{value:,.1f} a month",
        "money": f"{value:,.0f} {currency}",
        "days": f"{value:,.0f} days",
    }
    return written[measure.unit]
