"""Queries on comparisons."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.events.base import Received
from libs.common.events.deals import DealsCompared
from services.forecast.completeness.share import Amount, Known, Made

_APPEND = text(
    """
    INSERT INTO comparison (
        comparison_id, connection, recorded_at, begun_at, outcome, reason, our_count, crm_count, equal_count, under_way, amounts
    ) VALUES (
        :comparison_id, :connection, :recorded_at, :begun_at, :outcome, :reason, :our_count, :crm_count, :equal_count, :under_way,
        cast(:amounts AS jsonb)
    ) ON CONFLICT DO NOTHING
    """
)
_MEET = text("INSERT INTO compared_connection (connection) VALUES (:connection) ON CONFLICT DO NOTHING")
_FIELDS = ("connection", "comparison_id", "begun_at", "outcome", "reason", "our_count", "crm_count", "equal_count")


async def append(session: AsyncSession, events: Sequence[Received[DealsCompared]]) -> None:
    """Keep comparisons; one that is known already stays as it is."""
    await session.execute(_MEET, [{"connection": each} for each in sorted({event.data.connection for event in events})])
    await session.execute(
        _APPEND,
        [
            {name: getattr(each.data, name) for name in (*_FIELDS, "under_way")}
            | {
                "recorded_at": each.recorded_at,
                "amounts": orjson.dumps([amount.model_dump(mode="json") for amount in each.data.amounts]).decode(),
            }
            for each in events
        ],
    )


_KNOWN = text(
    """
    SELECT c.connection, l.our_count AS last_count, l.outcome, l.reason, m.begun_at, m.crm_count, m.our_count, m.equal_count,
           m.under_way, m.amounts
    FROM compared_connection c
    CROSS JOIN LATERAL (
        SELECT our_count, outcome, reason FROM comparison
        WHERE connection = c.connection AND recorded_at <= :known_at ORDER BY begun_at DESC LIMIT 1
    ) l
    LEFT JOIN LATERAL (
        SELECT * FROM comparison
        WHERE connection = c.connection AND recorded_at <= :known_at AND outcome = 'compared' ORDER BY begun_at DESC LIMIT 1
    ) m ON true
    ORDER BY c.connection
    """
)


async def known(session: AsyncSession, *, known_at: datetime) -> list[Known]:
    """What was known by an instant of each connection of which anything was."""
    return [
        Known(
            row.connection,
            row.last_count,
            None
            if row.begun_at is None
            else Made(
                row.begun_at,
                row.crm_count,
                row.our_count,
                row.equal_count,
                row.under_way,
                [
                    Amount(each["currency"], Decimal(each["crm"]), Decimal(each["ours"]), Decimal(each["equal"]))
                    for each in row.amounts
                ],
            ),
            None if row.outcome == "compared" else row.reason,
        )
        for row in await session.execute(_KNOWN, {"known_at": known_at})
    ]
