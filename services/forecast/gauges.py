"""What the forecast says of itself to those who watch it: how old it is, whether locks are made, and the quarter's numbers."""

import math
from datetime import datetime
from typing import cast

import numpy as np
from prometheus_client import Gauge
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.calendar import local_date
from libs.common.messaging import position
from libs.common.messaging.topics import DEAL_EVENTS
from libs.common.observe.metrics import measured
from libs.common.runtime import Runtime
from services.forecast.config import Settings
from services.forecast.locks import repository as locks
from services.forecast.locks.service import timetable
from services.forecast.outlook.service import Projected
from services.forecast.rollup.standing import FORECAST_LINES

DATA_AGE = measured(
    Gauge("forecast_data_age_seconds", "Since the arrival up to which every delivery is in the forecast")
)
LOCK_OVERDUE = measured(
    Gauge("forecast_lock_overdue_seconds", "Since the oldest lock was due that is not made; 0 when none")
)
DEALS = measured(Gauge("forecast_quarter_deals", "Deals of the current quarter, by line of the call", ["line"]))
AMOUNT = measured(
    Gauge("forecast_quarter_amount", "Amount of the current quarter's deals, by line of the call", ["line", "currency"])
)
PROJECTED = Gauge(
    "forecast_quarter_projected_amount",
    "What this process projects the current quarter to close at",
    ["share", "currency"],
)
PROJECTION_MOVED = Gauge(
    "forecast_projection_moved_timestamp_seconds", "When this process last moved the projection on that it answers from"
)
PROJECTION_MOVED.set(math.nan)

SHARES = (0.1, 0.5, 0.9)
LINES = (*FORECAST_LINES, "held_back")


async def measure(runtime: Runtime) -> None:
    """Set what the leader measures, from one snapshot."""
    settings = cast("Settings", runtime.settings)
    now = clock.now()
    async with runtime.database.reading() as session:
        watermark = await position.watermark(session, (DEAL_EVENTS,))
        if watermark is not None:
            DATA_AGE.set(max(0.0, (now - watermark).total_seconds()))
        since = await locks.checked_to(session)
        due = timetable(settings).due(since, now) if since is not None else []
        LOCK_OVERDUE.set((now - due[0].at).total_seconds() if due else 0.0)
        await _measure_quarter(session, settings, now)


async def _measure_quarter(session: AsyncSession, settings: Settings, now: datetime) -> None:
    calendar = settings.calendar
    months = calendar.months(calendar.quarter(local_date(now, settings.org_timezone)))
    rows = await session.execute(
        text(
            """
            SELECT line, sum(deal_count) AS deals, sum(amount) AS amount FROM (
                SELECT line, month, deal_count, amount FROM rollup_cell WHERE dim = 'total'
                UNION ALL
                SELECT line, month, count(DISTINCT deal_id), coalesce(sum(amount_base), 0) FROM deal_credit GROUP BY 1, 2
            ) counted
            WHERE month = ANY(:months) GROUP BY line
            """
        ),
        {"months": [each.start for each in months]},
    )
    found = {row.line: row for row in rows}
    for line in LINES:
        row = found.get(line)
        DEALS.labels(line).set(row.deals if row else 0)
        AMOUNT.labels(line, settings.base_currency).set(row.amount if row else 0)


def show(found: Projected, settings: Settings) -> None:
    """What this process answers from, now that it has moved it on."""
    for share, amount in zip(SHARES, found.landing.quantile(np.array(SHARES)).tolist(), strict=True):
        PROJECTED.labels(str(share), settings.base_currency).set(amount)
    PROJECTION_MOVED.set(clock.now().timestamp())
