"""Named queries over rules, turns, and leads that nobody owns."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import astuple
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.leads.assignment.models import CONDITIONS, Rule, Rules, Turn, Unrouted
from services.leads.capacity.flow import RANKS

_ROUTING_LOCK = 0x726F7574

RULE = f"""
    LEFT JOIN LATERAL (
        SELECT r.position, r.unit_id, r.person_id FROM routing_rule r
        WHERE r.version = (SELECT max(version) FROM routing_rules) AND lead.owner_id IS NULL
          {" ".join(f"AND (r.{name} IS NULL OR r.{name} = lead.state ->> '{name}')" for name in CONDITIONS)}
          AND (r.ranks IS NULL OR (cast('{{{",".join(RANKS)}}}' AS text[]))[lead.place] = ANY(r.ranks))
        ORDER BY r.position LIMIT 1
    ) AS rule ON true
"""  # noqa: S608 - names of ours
"""SQL: the first rule of the newest version that `lead`, if nobody owns it, meets; else nulls."""


async def lock_routing(session: AsyncSession) -> None:
    """Let one transaction at a time take turns or change rules."""
    await session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ROUTING_LOCK})


async def rules(session: AsyncSession) -> Rules:
    """The newest version."""
    heads = await session.execute(
        text("SELECT version, said_by, recorded_at FROM routing_rules ORDER BY version DESC LIMIT 1")
    )
    head = heads.one_or_none()
    if head is None:
        return Rules(0, ())
    rows = await session.execute(
        text(
            """
            SELECT position, market, region, segment, source, product, ranks, unit_id, person_id
            FROM routing_rule WHERE version = :version ORDER BY position
            """
        ),
        {"version": head.version},
    )
    items = tuple(
        Rule(**{**dict(row), "ranks": None if row["ranks"] is None else tuple(row["ranks"])}) for row in rows.mappings()
    )
    return Rules(head.version, items, head.said_by, head.recorded_at)


async def add_rules(session: AsyncSession, new: Rules) -> None:
    """Keep a further version. The caller has locked the routing."""
    await session.execute(
        text("INSERT INTO routing_rules VALUES (:version, :said_by, :at)"),
        {"version": new.version, "said_by": new.said_by, "at": new.recorded_at},
    )
    if not new.items:
        return
    await session.execute(
        text(
            """
            INSERT INTO routing_rule
                (version, position, market, region, segment, source, product, ranks, unit_id, person_id)
            VALUES (:version, :position, :market, :region, :segment, :source, :product, :ranks, :unit_id, :person_id)
            """
        ),
        [
            {
                "version": new.version,
                **dict(zip(Rule.__slots__, astuple(each), strict=True)),
                "ranks": list(each.ranks) if each.ranks else None,
            }
            for each in new.items
        ],
    )


async def unit_names(session: AsyncSession, ids: Iterable[UUID]) -> Mapping[UUID, str]:
    """Names of the units that there are."""
    query = text("SELECT unit_id, name FROM org_unit WHERE unit_id = ANY(:ids) AND NOT removed")
    return {row.unit_id: row.name for row in await session.execute(query, {"ids": list(ids)})}


_UNROUTED = text(
    f"""
    SELECT lead.lead_id, lead.place, lead.state ->> 'source' AS source, rule.position
    FROM lead {RULE}
    WHERE lead.owner_id IS NULL AND lead.verdict = 'pending' AND lead.version > 0 AND NOT lead.deleted
      AND coalesce(lead.recycled_until <= :today, true)
      AND (rule.unit_id = ANY(cast(:units AS uuid[])) OR rule.person_id = ANY(cast(:people AS uuid[])))
      AND NOT EXISTS (SELECT 1 FROM lead_routed d WHERE d.lead_id = lead.lead_id)
    ORDER BY lead.place, lead.first_at DESC, lead.lead_id DESC
    LIMIT :limit
    """  # noqa: S608
)


async def unrouted(
    session: AsyncSession, *, units: Collection[UUID], people: Collection[UUID], on: date, limit: int
) -> list[Unrouted]:
    """Leads that wait without an owner and go to one of the units or people, best first."""
    given = {"units": list(units), "people": list(people), "today": on.isoformat(), "limit": limit}
    return [Unrouted(*row) for row in await session.execute(_UNROUTED, given)]


async def last_turns(session: AsyncSession, units: Collection[UUID]) -> dict[UUID, tuple[int, UUID]]:
    """By unit the number of its last turn and who had it."""
    query = text(
        """
        SELECT DISTINCT ON (unit_id) unit_id, turn, person_id FROM lead_routed
        WHERE unit_id = ANY(:units) ORDER BY unit_id, turn DESC
        """
    )
    return {row.unit_id: (row.turn, row.person_id) for row in await session.execute(query, {"units": list(units)})}


async def add_turns(session: AsyncSession, turns: Sequence[Turn], *, at: datetime) -> None:
    await session.execute(
        text(
            """
            INSERT INTO lead_routed (lead_id, rules, position, unit_id, turn, person_id, recorded_at)
            VALUES (:lead_id, :rules, :position, :unit_id, :turn, :person_id, :at)
            """
        ),
        [{**dict(zip(Turn.__slots__, astuple(each), strict=True)), "at": at} for each in turns],
    )
