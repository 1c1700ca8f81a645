"""The deals as they stand and the cells they add up to: what the event path writes.

`ANY(ARRAY(SELECT unnest(...)))` instead of `ANY(...)`: the planner then expects the same number of ids whatever it is given,
so PostgreSQL plans the statement once per connection, and it looks ids up by index although a recordset may be joined to them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.calendar import FiscalCalendar
from libs.common.sql import Query
from services.forecast.history.repository import APPEND, KEPT, MONTH, as_json, month_parameters
from services.forecast.rates.conversion import Rates
from services.forecast.rates.repository import VALUE, VERSION, value_parameters
from services.forecast.rollup.cells import DIMENSIONS, NOBODY, TOTAL, Key, Measures

_LOCK = Query(
    f"""
    WITH locked AS MATERIALIZED (
        SELECT deal_id, version, valid_from, line, month, {", ".join(DIMENSIONS)}, owner_id, deal_type, value_basis, slot,
               closed_on, amount_base, weighted_base
        FROM deal_current WHERE deal_id = ANY(ARRAY(SELECT unnest(cast(:ids AS uuid[])))) ORDER BY deal_id FOR UPDATE
    )
    SELECT r.*, locked.*, EXISTS (SELECT FROM deal_credit k WHERE k.deal_id = locked.deal_id) AS is_split
    FROM (SELECT {VERSION} AS rates, (SELECT name FROM rollup_calendar) AS calendar) r LEFT JOIN locked ON true
    """  # noqa: S608 - constants
)


@dataclass(frozen=True, slots=True)
class Locked:
    """What moves cells of locked rows of deals, and what rates and which calendar those cells are made with."""

    rates: str
    calendar: str
    deals: dict[UUID, dict[str, Any]]


async def lock(session: AsyncSession, deal_ids: Sequence[UUID]) -> Locked:
    """Lock the rows of these deals, as far as there are any, in id order."""
    rows = await _LOCK.rows(session, {"ids": deal_ids})
    deals = {row.deal_id: row._asdict() for row in rows if row.deal_id is not None}
    return Locked(rows[0].rates, rows[0].calendar, deals)


async def calendar_of_cells(session: AsyncSession) -> str:
    """The name of the fiscal calendar whose months the cells have."""
    return str(await session.scalar(text("SELECT name FROM rollup_calendar")))


_INSERT_NEW = Query(
    """
    INSERT INTO deal_current
    SELECT * FROM jsonb_populate_recordset(NULL::deal_current, cast(cast(:rows AS text) AS jsonb)) ORDER BY deal_id
    ON CONFLICT DO NOTHING RETURNING deal_id
    """
)


async def insert_new(session: AsyncSession, rows: Sequence[Mapping[str, Any]]) -> set[UUID]:
    """Insert deals seen for the first time; returns those that nobody else had inserted meanwhile."""
    return set(await _INSERT_NEW.column(session, {"rows": as_json(rows)})) if rows else set()


_COLUMNS = (
    *(name for name in KEPT if name != "deal_id"),
    *("recorded_at", "event_id", "event_type", "cause_connection", "cause_delivery"),
    *("line", "month", "slot", "amount_base", "weighted_base"),
)
"""The columns of `deal_current` but its key."""

_WRITE = Query(
    f"""
    WITH appended AS ({APPEND}),
    replaced AS (
        UPDATE deal_current c SET ({", ".join(_COLUMNS)}) = ROW({", ".join(f"n.{name}" for name in _COLUMNS)})
        FROM jsonb_populate_recordset(NULL::deal_current, cast(cast(:replaced AS text) AS jsonb)) n
        WHERE c.deal_id = n.deal_id AND c.deal_id = ANY(ARRAY(SELECT unnest(cast(:ids AS uuid[]))))
    ),
    noted AS (
        INSERT INTO freshness
        SELECT * FROM jsonb_populate_recordset(NULL::freshness, cast(cast(:freshness AS text) AS jsonb))
        ON CONFLICT (slot) DO UPDATE SET
            newest_delivery_at = greatest(freshness.newest_delivery_at, excluded.newest_delivery_at),
            newest_change_at = greatest(freshness.newest_change_at, excluded.newest_change_at),
            newest_imported_at = greatest(freshness.newest_imported_at, excluded.newest_imported_at)
    )
    INSERT INTO rollup_cell
    SELECT * FROM jsonb_populate_recordset(NULL::rollup_cell, cast(cast(:cells AS text) AS jsonb))
    ON CONFLICT (dim, month, line, dim_value, owner_id, deal_type, value_basis, slot) DO UPDATE SET
        deal_count = rollup_cell.deal_count + excluded.deal_count,
        amount = rollup_cell.amount + excluded.amount,
        weighted = rollup_cell.weighted + excluded.weighted,
        unpriced = rollup_cell.unpriced + excluded.unpriced,
        unweighted = rollup_cell.unweighted + excluded.unweighted
    """  # noqa: S608 - our names
)
"""Four tables, none of which another part reads. The cells come first and the freshness after them, in every transaction."""


async def write(
    session: AsyncSession,
    versions: Sequence[Mapping[str, Any]],
    replaced: Sequence[Mapping[str, Any]],
    moved: Mapping[Key, Measures],
) -> None:
    """Append versions, put `replaced` in the place of locked rows and add differences to the cells.

    Cells and freshness are written in the order of their keys, so that two writers never wait for each other in a ring.
    """
    cells = [
        {
            **key._asdict(),
            "deal_count": moved[key].deal_count,
            "amount": moved[key].amount,
            "weighted": moved[key].weighted,
            "unpriced": moved[key].unpriced,
            "unweighted": moved[key].unweighted,
        }
        for key in sorted(moved)
    ]
    await _WRITE.run(
        session,
        {
            "versions": as_json(versions),
            "replaced": as_json(replaced),
            "ids": [row["deal_id"] for row in replaced],
            "cells": as_json(cells),
            "freshness": as_json(_freshness(versions)),
        },
    )


def _freshness(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Per slot the newest live delivery and the newest change, live and imported."""
    newest: dict[int, dict[str, Any]] = {}
    for row in rows:
        kept = newest.setdefault(
            row["slot"], {"newest_delivery_at": None, "newest_change_at": None, "newest_imported_at": None}
        )
        if row["reconstructed"]:
            _later(kept, "newest_imported_at", row["valid_from"])
        else:
            _later(kept, "newest_delivery_at", row["delivery_received_at"])
            _later(kept, "newest_change_at", row["valid_from"])
    return [{"slot": slot, **newest[slot]} for slot in sorted(newest)]


def _later(kept: dict[str, Any], name: str, at: datetime | None) -> None:
    if at is not None and (kept[name] is None or at > kept[name]):
        kept[name] = at


SETTLED = -1
"""The slot into which the cells of all other slots are folded. Nobody else writes it while deals change."""

_EXPECTED = f"""
    SELECT v.dim, d.month, d.line, v.value AS dim_value, coalesce(d.owner_id, '{NOBODY}') AS owner_id, d.deal_type,
           d.value_basis, {SETTLED}::smallint AS slot, count(*) AS deal_count, coalesce(sum(d.amount_base), 0) AS amount,
           coalesce(sum(d.weighted_base), 0) AS weighted, count(*) FILTER (WHERE d.amount_base IS NULL) AS unpriced,
           count(*) FILTER (WHERE d.weighted_base IS NULL) AS unweighted
    FROM deal_current d
    CROSS JOIN LATERAL (
        VALUES ('{TOTAL}', ''), {", ".join(f"('{dim}', coalesce(d.{dim}, ''))" for dim in DIMENSIONS)}
    ) AS v (dim, value)
    WHERE d.line IS NOT NULL AND NOT EXISTS (SELECT FROM deal_credit k WHERE k.deal_id = d.deal_id)
    GROUP BY 1, 2, 3, 4, 5, 6, 7
"""  # noqa: S608 - constants
"""The cells as the deals make them, from nothing, all folded. Deals in which several people share stand in none."""


async def rebuild(session: AsyncSession) -> None:
    """Make the cells anew from the deals. The caller keeps deals from being valued meanwhile."""
    await session.execute(text("DELETE FROM rollup_cell"))
    await session.execute(text(f"INSERT INTO rollup_cell {_EXPECTED}"))


async def differences(session: AsyncSession) -> list[dict[str, Any]]:
    """Cells that are not what the deals make them; a cell of zeros equals none. Empty when all is well."""
    found = await session.execute(
        text(
            f"""
            WITH expected AS ({_EXPECTED}),
            held AS (
                SELECT dim, month, line, dim_value, owner_id, deal_type, value_basis, sum(deal_count) AS deal_count,
                       sum(amount) AS amount, sum(weighted) AS weighted, sum(unpriced) AS unpriced,
                       sum(unweighted) AS unweighted
                FROM rollup_cell GROUP BY 1, 2, 3, 4, 5, 6, 7
            )
            SELECT dim, month, line, dim_value, owner_id, deal_type, value_basis,
                   c.deal_count, c.amount, c.weighted, c.unpriced, c.unweighted,
                   e.deal_count AS expected_count, e.amount AS expected_amount, e.weighted AS expected_weighted
            FROM held c
            FULL JOIN expected e USING (dim, month, line, dim_value, owner_id, deal_type, value_basis)
            WHERE (coalesce(c.deal_count, 0), coalesce(c.amount, 0), coalesce(c.weighted, 0),
                   coalesce(c.unpriced, 0), coalesce(c.unweighted, 0))
               <> (coalesce(e.deal_count, 0), coalesce(e.amount, 0), coalesce(e.weighted, 0),
                   coalesce(e.unpriced, 0), coalesce(e.unweighted, 0))
            ORDER BY 1, 2, 3, 4, 5, 6, 7
            """  # noqa: S608 - constant
        )
    )
    return [dict(row) for row in found.mappings()]


_STANDING = Query(
    """
    SELECT deal_id, line, month, closed_on, amount_base, weighted_base,
           EXISTS (SELECT FROM deal_credit k WHERE k.deal_id = d.deal_id) AS is_split
    FROM deal_current d WHERE deal_id = ANY(cast(:ids AS uuid[])) ORDER BY deal_id
    """
)


async def standing(session: AsyncSession, deal_ids: Sequence[UUID]) -> list[dict[str, Any]]:
    """What decides of deals as they stand how they are split, and whether they are."""
    return [row._asdict() for row in await _STANDING.rows(session, {"ids": deal_ids})]


async def revalue(session: AsyncSession, rates: Rates, calendar: FiscalCalendar) -> None:
    """Give every deal its month and its value. The caller holds the rates alone, and makes parts and cells anew."""
    await session.execute(
        text(
            f"""
            UPDATE deal_current c
            SET month = n.month, amount_base = n.amount_base, weighted_base = n.weighted_base
            FROM (SELECT d.deal_id, d.month, a.amount_base, w.weighted_base
                  FROM (SELECT v.deal_id, v.line, v.amount, v.currency, v.stage_probability, {MONTH} AS month
                        FROM deal_current v WHERE v.line IS NOT NULL) d {VALUE}) n
            WHERE c.deal_id = n.deal_id
              AND (c.month, c.amount_base, c.weighted_base) IS DISTINCT FROM (n.month, n.amount_base, n.weighted_base)
            """  # noqa: S608 - constants
        ),
        value_parameters(rates) | month_parameters(calendar),
    )
    await session.execute(text("UPDATE rollup_calendar SET name = :name"), {"name": calendar.name})


async def unpriced_currencies(session: AsyncSession) -> dict[str, int]:
    """Currencies of standing deals that have an amount but no rate, with their number."""
    rows = await session.execute(
        text(
            """
            SELECT currency, count(*) AS deals FROM deal_current
            WHERE line IS NOT NULL AND amount_base IS NULL AND amount IS NOT NULL AND currency IS NOT NULL
            GROUP BY currency ORDER BY currency
            """
        )
    )
    return {row.currency: row.deals for row in rows}


async def fold(session: AsyncSession, *, limit: int) -> int:
    """Fold up to `limit` cells of all slots into one, so that readings add up fewer; returns how many there were.

    Cells that a writer holds are left for the next time: nobody waits, and what the writer adds later stands in a cell of its own.
    """
    found = await session.execute(
        text(
            """
            WITH chosen AS MATERIALIZED (
                SELECT ctid FROM rollup_cell WHERE slot <> :settled LIMIT :limit FOR UPDATE SKIP LOCKED
            ),
            taken AS (
                DELETE FROM rollup_cell c USING chosen WHERE c.ctid = chosen.ctid RETURNING c.*
            ),
            folded AS (
                INSERT INTO rollup_cell
                SELECT dim, month, line, dim_value, owner_id, deal_type, value_basis, :settled, sum(deal_count), sum(amount),
                       sum(weighted), sum(unpriced), sum(unweighted)
                FROM taken GROUP BY 1, 2, 3, 4, 5, 6, 7
                ON CONFLICT (dim, month, line, dim_value, owner_id, deal_type, value_basis, slot) DO UPDATE SET
                    deal_count = rollup_cell.deal_count + excluded.deal_count,
                    amount = rollup_cell.amount + excluded.amount,
                    weighted = rollup_cell.weighted + excluded.weighted,
                    unpriced = rollup_cell.unpriced + excluded.unpriced,
                    unweighted = rollup_cell.unweighted + excluded.unweighted
            )
            SELECT count(*) FROM taken
            """
        ),
        {"settled": SETTLED, "limit": limit},
    )
    count: int = found.scalar_one()
    return count


async def sweep(session: AsyncSession) -> None:
    """Drop cells in which nothing stands any more."""
    await session.execute(
        text(
            """
            DELETE FROM rollup_cell
            WHERE deal_count = 0 AND amount = 0 AND weighted = 0 AND unpriced = 0 AND unweighted = 0
            """
        )
    )
