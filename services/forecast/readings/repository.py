"""Sums over cells, and the deals behind them, as one population: the deals as they stand now."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import organisation
from libs.common.calendar import Period
from libs.common.ids import ROOT_UNIT, UNASSIGNED_UNIT
from services.forecast.readings.asked import Asked
from services.forecast.readings.counting import MAY_COUNT, added, counted_deals, credited_deals, deal_count, together
from services.forecast.rollup.cells import DIMENSIONS, NOBODY, TOTAL
from services.forecast.rollup.standing import OPEN_LINES, UNDATED

_OPEN = ", ".join(f"'{line}'" for line in OPEN_LINES)

MANY_PUSHES = 3
"""A deal that was put off so often is a promise without weight."""

PLACES = """
    LEFT JOIN org_person p ON p.person_id = r.owner_id
    LEFT JOIN org_unit u ON u.unit_id = p.unit_id
    LEFT JOIN (
        SELECT k.descendant, child.unit_id FROM org_unit child JOIN org_closure k ON k.ancestor = child.unit_id
        WHERE child.parent_id = :org OR (
            :whole AND child.unit_id <> :root
            AND NOT EXISTS (SELECT 1 FROM org_unit parent WHERE parent.unit_id = child.parent_id))
    ) branch ON branch.descendant = coalesce(u.unit_id, :unassigned)
"""
"""Where a row's owner stands: `u` is the own unit, `branch` the child of the asked unit that leads there."""

BUCKET = f"""
    CASE WHEN r.line NOT IN ({_OPEN}, 'held_back') THEN r.line
         WHEN r.month = :undated THEN 'undated'
         WHEN r.month < :quarter_start THEN 'carried_over'
         ELSE r.line END
"""
"""The set-based twin of `rollup.standing.bucket_of`."""

IN_PERIOD = f"""
    ((r.counted >= :start AND r.counted < :until)
     OR (r.line IN ({_OPEN}, 'held_back') AND r.month < :quarter_start))
"""

IN_ORG = """
    (:whole OR coalesce(u.unit_id, :unassigned) IN (SELECT descendant FROM org_closure WHERE ancestor = :org))
"""

CUTS = (*DIMENSIONS, "stage")
"""Properties of a deal by which it can be cut and chosen. Cells know all but the stage."""

VACANT = "(p.is_active IS FALSE AND r.line NOT IN ('closed_won', 'lost'))"
"""Open, and its owner has left: it stands in the vacant line of the unit left."""

PARTS = {
    "none": "NULL::text",
    "month": "CASE WHEN r.month < :quarter_start AND r.line NOT IN ('closed_won', 'lost', 'omitted') THEN NULL "
    "ELSE r.counted::text END",
    "owner": f"CASE WHEN {VACANT} THEN 'vacant:' || coalesce(u.unit_id, :unassigned) ELSE r.owner_id::text END",
    "team": "coalesce(u.unit_id, :unassigned)::text",
    "unit": "CASE WHEN branch.unit_id IS NOT NULL THEN 'unit:' || branch.unit_id "
    f"WHEN coalesce(u.unit_id, :unassigned) = :org THEN CASE WHEN {VACANT} THEN 'vacant:' || :org "
    "ELSE 'owner:' || r.owner_id END ELSE 'unit:' || :unassigned_text END",
    **dict.fromkeys(CUTS, "nullif(r.dim_value, '')"),
}
"""How rows are cut. `unit`: by the children of the asked unit, and by owner for those who stand in it directly.

What is open of people who have left is no part of theirs but the vacant line of their unit.
"""


async def sums(session: AsyncSession, asked: Asked, by: str, period: Period | None = None) -> list[dict[str, Any]]:
    """Rows `part, bucket, count, amount, weighted, unpriced_count, unweighted_count` of the asked population."""
    dim = by if by in CUTS else TOTAL
    statement = f"""
        SELECT {PARTS[by]} AS part, {BUCKET} AS bucket, {added(asked, "n")} AS count, sum(r.amount) AS amount,
               sum(r.weighted) AS weighted, {added(asked, "unpriced")} AS unpriced_count,
               {added(asked, "unweighted")} AS unweighted_count
        FROM ({_cells(asked, dim)}) r {PLACES}
        WHERE {IN_PERIOD} AND {IN_ORG} AND {organisation.visible("r.owner_id")} {filters(asked)}
        GROUP BY 1, 2 HAVING sum(r.n) <> 0
    """  # noqa: S608 - fragments of this module
    found = await session.execute(text(statement), parameters(asked, period or asked.period) | {"dim": dim})
    return [dict(row) for row in found.mappings()]


async def flagged(session: AsyncSession, asked: Asked, flag: str) -> dict[str, Any]:
    """The sum of the open deals of the period, inside its lines, that have a flag."""
    statement = f"""
        SELECT {deal_count(asked)} AS count, coalesce(sum(r.amount_base), 0) AS amount,
               coalesce(sum(r.weighted_base), 0) AS weighted,
               {deal_count(asked)} FILTER (WHERE r.amount_base IS NULL) AS unpriced_count,
               {deal_count(asked)} FILTER (WHERE r.weighted_base IS NULL) AS unweighted_count
        FROM ({counted_deals(asked)}) r {PLACES}
        WHERE {FLAGS[flag]} AND r.month >= :start AND r.month < :until
          AND {IN_ORG} AND {organisation.visible("r.owner_id")} {filters(asked)}
    """  # noqa: S608 - fragments of this module
    return dict((await session.execute(text(statement), parameters(asked, asked.period))).mappings().one())


_IS_OPEN = f"r.line IN ({_OPEN}) AND r.month >= :quarter_start"
FLAGS = {
    "overdue": f"({_IS_OPEN} AND r.close_date < :day)",
    "unpriced": f"({_IS_OPEN} AND r.amount_base IS NULL)",
    "pushed": f"({_IS_OPEN} AND r.pushes >= {MANY_PUSHES})",
}
"""What of an open deal needs care."""

KNOWN = {
    "priced": "r.amount_base IS NOT NULL",
    "no_amount": "r.amount IS NULL",
    "rate_missing": "(r.amount IS NOT NULL AND r.amount_base IS NULL)",
    "date_confirmed": "(r.month IS NOT NULL AND NOT r.close_date_provisional)",
    "date_provisional": "(r.month IS NOT NULL AND r.close_date_provisional)",
    "undated": "r.month IS NULL",
}
"""What is known of a deal, or not: conditions on its row."""


async def ages(session: AsyncSession, asked: Asked, zone: str) -> list[dict[str, Any]]:
    """Rows `part, median_days, longest_days, probability` of the open deals of the period by stage, inside its lines.

    Days are local ones from the entry into the stage to the business date; `probability` is the mean of the stage's.
    """
    days = "greatest(cast(:day AS date) - (r.stage_entered_at AT TIME ZONE :zone)::date, 0)"
    once = "DISTINCT ON (r.deal_id)" if asked.splits else ""
    statement = f"""
        SELECT nullif(r.stage, '') AS part, percentile_disc(0.5) WITHIN GROUP (ORDER BY {days}) AS median_days,
               max({days}) AS longest_days, avg(r.stage_probability) AS probability
        FROM (
            SELECT {once} r.stage, r.stage_entered_at, r.stage_probability FROM ({counted_deals(asked)}) r {PLACES}
            WHERE {_IS_OPEN} AND r.month >= :start AND r.month < :until
              AND {IN_ORG} AND {organisation.visible("r.owner_id")} {filters(asked)}
        ) r
        GROUP BY 1
    """  # noqa: S608 - fragments of this module
    found = await session.execute(text(statement), parameters(asked, asked.period) | {"zone": zone})
    return [dict(row) for row in found.mappings()]


async def deals(
    session: AsyncSession,
    asked: Asked,
    *,
    buckets: Sequence[str],
    flag: str | None,
    only: str | None,
    after: tuple[Decimal, UUID] | None,
    limit: int,
) -> list[dict[str, Any]]:
    """The deals behind a number, greatest amount first, unknown amounts last; each with `bucket`, `is_overdue`, `rank`.

    Of a split deal the amounts are what is credited to those who are asked for, together with their share of it. A deal whose
    owner the principal does not see is left out.
    """
    once, seen = ("DISTINCT ON (r.deal_id)", organisation.visible("d.answers_id")) if asked.splits else ("", "true")
    statement = f"""
        SELECT * FROM (
            SELECT {once} r.*, {together(asked)}, {BUCKET} AS bucket, coalesce({FLAGS["overdue"]}, false) AS is_overdue,
                   coalesce({FLAGS.get(flag or "", "true")} AND {KNOWN.get(only or "", "true")}, false) AS is_wanted
            FROM ({counted_deals(asked)}) r {PLACES}
            WHERE {IN_PERIOD} AND {IN_ORG} AND {organisation.visible("r.owner_id")} {filters(asked)}
        ) d
        WHERE {seen} AND (d.bucket = ANY(cast(:buckets AS text[]))) AND d.is_wanted
          AND (:after_id = cast(:nobody AS uuid) OR (d.rank, d.deal_id) < (cast(:after_rank AS numeric), :after_id))
        ORDER BY d.rank DESC, d.deal_id DESC LIMIT :limit
    """  # noqa: S608 - fragments of this module
    given = parameters(asked, asked.period) | {
        "buckets": list(buckets),
        "after_rank": after[0] if after else Decimal(),
        "after_id": after[1] if after else NOBODY,
        "limit": limit,
    }
    rows = [dict(row) for row in (await session.execute(text(statement), given)).mappings()]
    if not asked.splits:
        return rows
    return [
        row | {"owner_id": row["answers_id"], "amount_base": row["credited"], "weighted_base": row["credited_weighted"]}
        for row in rows
    ]


def _cells(asked: Asked, dim: str) -> str:
    """The population as cells. What the cells do not know (stages, several dimensions at once) is added up from deals."""
    if dim != "stage" and not any(getattr(asked.filters, name) is not None for name in CUTS):
        value = "''" if dim == TOTAL else f"coalesce(x.{dim}, '')"
        cells = """
            SELECT dim_value, owner_id, month, month AS counted, line, deal_type, value_basis, deal_count AS n, amount,
                   weighted, unpriced, unweighted
            FROM rollup_cell WHERE dim = :dim
        """
        if asked.splits:
            cells = f"""
                SELECT c.*, NULL::uuid AS split_id FROM ({cells}) c
                UNION ALL
                SELECT {value}, x.owner_id, x.month, x.counted, x.line, x.deal_type, x.value_basis, 1, coalesce(x.amount_base, 0),
                       coalesce(x.weighted_base, 0), (x.amount_base IS NULL)::integer, (x.weighted_base IS NULL)::integer, x.deal_id
                FROM ({credited_deals(asked, "JOIN")} AND {MAY_COUNT}) x
            """  # noqa: S608 - fragments of this module
        if not asked.late:
            return cells
        whole, none = ("AND x.share IS NULL", ", NULL::uuid") if asked.splits else ("", "")
        return f"""
            {cells}
            UNION ALL
            SELECT {value}, coalesce(x.owner_id, '{NOBODY}'), x.month, s.counted, x.line, x.deal_type, x.value_basis, s.sign,
                   s.sign * coalesce(x.amount_base, 0), 0, s.sign * (x.amount_base IS NULL)::integer, 0{none}
            FROM ({counted_deals(asked)}) x CROSS JOIN LATERAL (VALUES (x.month, -1), (x.counted, 1)) AS s (counted, sign)
            WHERE x.deal_id = ANY(cast(:late AS uuid[])) AND x.line = 'closed_won' {whole}
        """  # noqa: S608 - fragments of this module
    value = f"coalesce(x.{dim}, '')" if dim in CUTS else "''"
    return f"""
        SELECT {value} AS dim_value, coalesce(x.owner_id, '{NOBODY}') AS owner_id, x.month, x.counted, x.line, x.deal_type,
               x.value_basis, 1 AS n, coalesce(x.amount_base, 0) AS amount, coalesce(x.weighted_base, 0) AS weighted,
               (x.amount_base IS NULL)::integer AS unpriced, (x.weighted_base IS NULL)::integer AS unweighted,
               x.region, x.market, x.product, x.segment, x.stage, {"x.deal_id" if asked.splits else "NULL::uuid"} AS split_id
        FROM ({counted_deals(asked)}) x
    """  # noqa: S608 - fragments of this module


def filters(asked: Asked) -> str:
    """Conditions on rows `r`: what the reading was narrowed to."""
    given = [name for name, value in asdict(asked.filters).items() if value is not None]
    conditions = {"owner": f"coalesce(r.owner_id, '{NOBODY}') = :owner"}
    return "".join(f" AND {conditions.get(name, f'coalesce(r.{name}, {chr(39) * 2}) = :{name}')}" for name in given)


def parameters(asked: Asked, period: Period) -> dict[str, Any]:
    """The parameters of this module's fragments."""
    return {
        "org": asked.org.unit_id,
        "root": ROOT_UNIT,
        "whole": asked.org.unit_id == ROOT_UNIT,
        "unassigned_text": str(UNASSIGNED_UNIT),
        "undated": UNDATED,
        "quarter_start": asked.quarter.start,
        "start": period.start,
        "until": period.end,
        "day": asked.business_date.day,
        "nobody": NOBODY,
        "late": [each.win.deal_id for each in asked.late],
        "late_counted": [each.counted.month.start for each in asked.late],
        **asked.scope,
        **{name: value for name, value in asdict(asked.filters).items() if value is not None},
    }


async def freshness(session: AsyncSession) -> dict[str, Any]:
    """The newest live delivery, and the newest change live and imported; null where there is none."""
    found = await session.execute(
        text(
            """
            SELECT max(newest_delivery_at) AS newest_delivery_at, max(newest_change_at) AS newest_change_at,
                   max(newest_imported_at) AS newest_imported_at
            FROM freshness
            """
        )
    )
    return dict(found.mappings().one())


async def months_with_deals(session: AsyncSession) -> tuple[date, date] | None:
    """The first and the last month in which anything stands; None when nothing does."""
    row = (
        await session.execute(
            text(
                """
                SELECT min(month) AS first, max(month) AS last FROM (
                    SELECT month FROM rollup_cell WHERE dim = 'total' AND month > :undated AND deal_count <> 0
                    UNION ALL
                    SELECT month FROM deal_credit WHERE month > :undated
                ) m
                """
            ),
            {"undated": UNDATED},
        )
    ).one()
    return (row.first, row.last) if row.first else None


async def unit(session: AsyncSession, unit_id: UUID) -> dict[str, Any] | None:
    found = await session.execute(
        text("SELECT unit_id, name, kind FROM org_unit WHERE unit_id = :unit"), {"unit": unit_id}
    )
    row = found.mappings().one_or_none()
    return dict(row) if row else None


async def units(session: AsyncSession) -> dict[str, dict[str, Any]]:
    """Every unit by its id as text."""
    found = await session.execute(text("SELECT unit_id, name, kind, parent_id FROM org_unit"))
    return {str(row["unit_id"]): dict(row) for row in found.mappings()}


async def ancestors(session: AsyncSession, unit_id: UUID) -> list[dict[str, Any]]:
    """The units above and including this one, the company first."""
    found = await session.execute(
        text(
            """
            SELECT u.unit_id, u.name, u.kind FROM org_closure k JOIN org_unit u ON u.unit_id = k.ancestor
            WHERE k.descendant = :unit
            ORDER BY (SELECT count(*) FROM org_closure d WHERE d.ancestor = k.ancestor) DESC, u.name
            """
        ),
        {"unit": unit_id},
    )
    return [dict(row) for row in found.mappings()]


async def children(session: AsyncSession, asked: Asked) -> list[dict[str, Any]]:
    """The units right below the asked one of which the principal may see something."""
    found = await session.execute(
        text(
            """
            SELECT child.unit_id, child.name, child.kind FROM org_unit child
            WHERE NOT child.removed
              AND (child.parent_id = :org OR (:whole AND child.unit_id <> :root AND NOT EXISTS (
                    SELECT 1 FROM org_unit parent WHERE parent.unit_id = child.parent_id)))
              AND (:sees_everything OR EXISTS (
                    SELECT 1 FROM org_closure k
                    WHERE (k.ancestor = ANY(cast(:scope AS uuid[])) AND k.descendant = child.unit_id)
                       OR (k.descendant = ANY(cast(:scope AS uuid[])) AND k.ancestor = child.unit_id)))
            ORDER BY child.kind = 'unassigned', child.name, child.unit_id
            """
        ),
        parameters(asked, asked.period),
    )
    return [dict(row) for row in found.mappings()]


async def is_within(session: AsyncSession, unit_id: UUID, scope: Sequence[UUID]) -> bool:
    """True if the unit lies below one of `scope`, or above (then the reading shows only what lies below scope)."""
    found = await session.scalar(
        text(
            """
            SELECT EXISTS (
                SELECT 1 FROM org_closure
                WHERE (ancestor = ANY(cast(:scope AS uuid[])) AND descendant = :unit) OR (descendant = ANY(cast(:scope AS uuid[])) AND ancestor = :unit))
            """
        ),
        {"unit": unit_id, "scope": list(scope)},
    )
    return bool(found)
