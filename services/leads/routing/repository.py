"""Named queries of the queue."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.organisation import scope_parameters, visible
from libs.common.web.auth import Principal
from services.leads.assignment.repository import RULE
from services.leads.register.models import LeadRow
from services.leads.register.repository import ANSWERED, lead_row
from services.leads.responses.repository import NEWEST, STARTED


@dataclass(frozen=True, slots=True)
class Asked:
    """What is shown: leads of a standing on a local date, narrowed."""

    standing: str
    on: date
    as_of: datetime
    fit: str | None = None
    engagement: int | None = None
    source: str | None = None
    region: str | None = None
    campaign: str | None = None
    late_only: bool = False


@dataclass(frozen=True, slots=True)
class Queued:
    """A lead with its place, when it arrived, when it was first answered, and with how many others it may be one.

    `due_at` is null until the clock that began at `started_at` was made. `team_id`: of its owner, else by the rules.
    """

    row: LeadRow
    place: int
    arrived_at: datetime
    responded_at: datetime | None
    started_at: datetime
    due_at: datetime | None
    team_id: UUID | None
    duplicates: int


STANDING = """
    CASE verdict WHEN 'qualified' THEN 'qualified' WHEN 'rejected' THEN 'rejected'
    ELSE CASE WHEN recycled_until > :today THEN 'recycled' ELSE 'waiting' END END
"""
_LATE = f"(clock.due_at < cast(:as_of AS timestamptz) AND {ANSWERED} IS NULL)"
_COLUMNS = f"""
    lead.lead_id, version, captured, merged_into, connection, external_id, first_at, state::text AS state, place,
    {ANSWERED} AS responded_at, {STARTED} AS started_at, clock.due_at, clock.started_at AS clocked_at,
    (SELECT p.unit_id FROM org_person p WHERE p.person_id = lead.owner_id) AS owner_unit_id, rule.unit_id AS rule_unit_id,
    (SELECT count(*) FROM lead_pair p JOIN lead a ON a.lead_id = p.one AND NOT a.deleted
     JOIN lead b ON b.lead_id = p.other AND NOT b.deleted
     WHERE lead.lead_id IN (p.one, p.other)
       AND NOT EXISTS (SELECT 1 FROM lead_apart x WHERE x.one = p.one AND x.other = p.other)) AS duplicates
"""  # noqa: S608
_NARROWED = f"""
    version > 0 AND NOT deleted AND {STANDING} = :standing
    AND (cast(:campaign AS text) IS NULL OR state ->> 'first_campaign' = :campaign OR state ->> 'last_campaign' = :campaign)
    AND (cast(:source AS text) IS NULL OR state ->> 'source' = :source)
    AND (cast(:region AS text) IS NULL OR region = :region)
    AND (NOT :late_only OR {_LATE})
    AND {visible("lead.owner_id")}
"""
_PAGE = text(
    f"""
    SELECT {_COLUMNS} FROM lead {NEWEST} {RULE}
    WHERE {_NARROWED}
      AND (cast(:fit AS text) IS NULL OR fit = :fit)
      AND (cast(:engagement AS text) IS NULL OR state ->> 'engagement' = :engagement)
      AND (cast(:after_place AS smallint) IS NULL OR place > :after_place
           OR (place = :after_place
               AND (first_at, lead.lead_id) < (cast(:after_at AS timestamptz), cast(:after_id AS uuid))))
    ORDER BY place, first_at DESC, lead.lead_id DESC
    LIMIT :limit
    """  # noqa: S608
)
_GRADES = text(
    f"""
    SELECT fit, (state ->> 'engagement')::integer AS engagement, count(*) AS leads,
           count(*) FILTER (WHERE {_LATE}) AS late
    FROM lead {NEWEST} WHERE {_NARROWED} GROUP BY 1, 2 ORDER BY 1, 2
    """  # noqa: S608
)
_STANDINGS = text(
    f"""
    SELECT {STANDING} AS standing, count(*) AS leads FROM lead
    WHERE version > 0 AND NOT deleted AND {visible("lead.owner_id")} GROUP BY 1
    """  # noqa: S608
)
_ONE = text(
    f"""
    SELECT {_COLUMNS}, {STANDING} AS standing FROM lead {NEWEST} {RULE}
    WHERE lead.lead_id = :lead_id AND version > 0
    """  # noqa: S608
)


def _given(asked: Asked, principal: Principal) -> dict[str, Any]:
    return {
        "standing": asked.standing,
        "today": asked.on.isoformat(),
        "as_of": asked.as_of,
        "source": asked.source,
        "region": asked.region,
        "campaign": asked.campaign,
        "late_only": asked.late_only,
        **scope_parameters(principal),
    }


async def page(
    session: AsyncSession, asked: Asked, *, after: tuple[int, datetime, UUID] | None, limit: int, principal: Principal
) -> list[Queued]:
    """Leads within the principal's scope, in the order of the queue, after the sort key `after`."""
    place, at, lead_id = after or (None, None, None)
    rows = await session.execute(
        _PAGE,
        {
            **_given(asked, principal),
            "fit": asked.fit,
            "engagement": str(asked.engagement) if asked.engagement else None,
            "after_place": place,
            "after_at": at,
            "after_id": lead_id,
            "limit": limit,
        },
    )
    return [_queued(dict(row)) for row in rows.mappings()]


async def one(session: AsyncSession, lead_id: UUID, *, on: date) -> tuple[Queued, str]:
    """A lead that the caller found within the principal's scope, and its standing."""
    rows = await session.execute(_ONE, {"lead_id": lead_id, "today": on.isoformat()})
    row = dict(rows.mappings().one())
    return _queued({name: value for name, value in row.items() if name != "standing"}), row["standing"]


_OWN = (
    "place",
    "responded_at",
    "started_at",
    "due_at",
    "clocked_at",
    "owner_unit_id",
    "rule_unit_id",
    "duplicates",
)
"""What the queue adds to a lead's own columns."""


def _queued(row: Mapping[str, Any]) -> Queued:
    fields = dict(row)
    own = {name: fields.pop(name) for name in _OWN}
    return Queued(
        row=lead_row(fields),
        place=own["place"],
        arrived_at=fields["first_at"],
        responded_at=own["responded_at"],
        started_at=own["started_at"],
        due_at=own["due_at"] if own["clocked_at"] == own["started_at"] else None,
        team_id=own["owner_unit_id"] or own["rule_unit_id"],
        duplicates=own["duplicates"],
    )


async def grades(
    session: AsyncSession, asked: Asked, *, principal: Principal
) -> list[tuple[str | None, int | None, int, int]]:
    """(fit, engagement, leads, late ones) of the shown standing, whatever grade is shown."""
    rows = await session.execute(_GRADES, _given(asked, principal))
    return [(row.fit, row.engagement, row.leads, row.late) for row in rows]


async def standings(session: AsyncSession, *, on: date, principal: Principal) -> dict[str, int]:
    """Leads within the principal's scope by standing."""
    rows = await session.execute(_STANDINGS, {"today": on.isoformat(), **scope_parameters(principal)})
    return {row.standing: row.leads for row in rows}


async def words(session: AsyncSession, *, principal: Principal) -> tuple[list[str], list[str]]:
    """The sources and regions of leads within the principal's scope, at most 200 each."""
    found = []
    for column in ("state ->> 'source'", "region"):
        rows = await session.execute(
            text(
                f"""
                SELECT DISTINCT {column} AS word FROM lead
                WHERE version > 0 AND NOT deleted AND {column} IS NOT NULL AND {visible("lead.owner_id")}
                ORDER BY 1 LIMIT 200
                """  # noqa: S608 - columns of ours
            ),
            scope_parameters(principal),
        )
        found.append([row.word for row in rows])
    return found[0], found[1]
