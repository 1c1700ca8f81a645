"""The append-only versions of deals, and the deals as they stood at any pair of instants."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import organisation
from libs.common.calendar import FiscalCalendar
from libs.common.events.deals import DealState

KEPT = tuple(DealState.model_fields)
"""What the forecast keeps of a deal's state: all of it."""

_COLUMNS = ", ".join(
    [
        *KEPT,
        *("recorded_at", "event_id", "event_type", "cause_connection", "cause_delivery", "line"),
    ]
)

MONTH = """(
    SELECT CASE WHEN booked.day IS NULL THEN date '1900-01-01'
                WHEN cardinality(cast(:month_starts AS date[])) = 0 THEN date_trunc('month', booked.day::timestamp)::date
                ELSE (cast(:month_starts AS date[]))[
                    greatest(width_bucket(booked.day, cast(:month_starts AS date[])), 1)] END
    FROM (SELECT CASE WHEN v.state = 'open' THEN v.close_date ELSE coalesce(v.closed_on, v.close_date) END AS day) booked
)"""
"""The fiscal month of a row `v` of deals or versions: the set-based twin of `rollup.standing.month_of`. Needs `month_parameters`.

Versions do not keep it: they are never rewritten, and the fiscal calendar may change.
"""


def month_parameters(calendar: FiscalCalendar) -> dict[str, Any]:
    """The parameters of `MONTH`."""
    return {"month_starts": list(calendar.month_starts())}


APPEND = f"""
    INSERT INTO deal_version ({_COLUMNS})
    SELECT {_COLUMNS} FROM jsonb_populate_recordset(NULL::deal_version, cast(cast(:versions AS text) AS jsonb))
    ON CONFLICT DO NOTHING
"""  # noqa: S608 - our names
"""Append versions; one that is there already stays as it was."""


def as_json(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows for `jsonb_populate_recordset`: decimals as text, so that no digit is lost."""
    return orjson.dumps(rows, default=str).decode()


async def versions(
    session: AsyncSession, deal_id: UUID, *, as_of: datetime, known_at: datetime, calendar: FiscalCalendar
) -> list[dict[str, Any]]:
    """All versions of a deal valid by `as_of` and recorded by `known_at`, in the order of its timeline."""
    found = await session.execute(
        text(
            f"""
            SELECT v.*, nullif({MONTH}, date '1900-01-01') AS month FROM deal_version v
            WHERE v.deal_id = :deal_id AND v.valid_from <= :as_of AND v.recorded_at <= :known_at
            ORDER BY v.valid_from, v.version
            """  # noqa: S608 - constant
        ),
        {"deal_id": deal_id, "as_of": as_of, "known_at": known_at, **month_parameters(calendar)},
    )
    return [dict(row) for row in found.mappings()]


async def entries(session: AsyncSession, names: Sequence[tuple[UUID, int]]) -> dict[tuple[UUID, int], dict[str, Any]]:
    """Entries of deals' timelines, by deal and version."""
    found = await session.execute(
        text(
            """
            SELECT v.* FROM deal_version v
            JOIN unnest(cast(:deals AS uuid[]), cast(:versions AS integer[])) AS n (deal_id, version)
              ON v.deal_id = n.deal_id AND v.version = n.version
            """
        ),
        {"deals": [name[0] for name in names], "versions": [name[1] for name in names]},
    )
    return {(row["deal_id"], row["version"]): dict(row) for row in found.mappings()}


async def recorded_to(session: AsyncSession, topic: str, partitions: int) -> datetime | None:
    """Up to which recording time all versions have arrived here; None while a partition has not been heard of."""
    row = (
        await session.execute(
            text(
                """
                SELECT min(recorded_to) AS recorded_to, count(recorded_to) AS known FROM consumer_position
                WHERE topic = :topic
                """
            ),
            {"topic": topic},
        )
    ).one()
    return row.recorded_to if row.known == partitions else None


async def behind(session: AsyncSession, topic: str, partitions: int, at: datetime) -> dict[int, int]:
    """The partitions of which not everything recorded by an instant has arrived, with their positions.

    None of them while a partition has not been heard of: then nobody knows what is missing.
    """
    rows = await session.execute(
        text("SELECT partition, next_offset, recorded_to FROM consumer_position WHERE topic = :topic"), {"topic": topic}
    )
    known = rows.all()
    if sum(row.recorded_to is not None for row in known) < partitions:
        return {}
    return {row.partition: row.next_offset for row in known if row.recorded_to < at}


async def is_visible(session: AsyncSession, deal_id: UUID, scope: dict[str, Any]) -> bool:
    """True if there is such a deal within scope."""
    found = await session.scalar(
        text(
            f"SELECT EXISTS (SELECT 1 FROM deal_current d WHERE d.deal_id = :deal_id AND {organisation.visible('d.owner_id')})"  # noqa: S608
        ),
        {"deal_id": deal_id, **scope},
    )
    return bool(found)
