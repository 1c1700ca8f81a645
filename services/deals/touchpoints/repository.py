"""Named queries over touchpoints: what was stated of each, and what stands."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.organisation import visible
from services.deals.relationship import Seniority, Touch

_LOCK = text("""
    SELECT pg_advisory_xact_lock(hashtextextended('touchpoint ' || n.id, 0))
    FROM (SELECT id FROM unnest(CAST(:ids AS text[])) AS given (id) ORDER BY id) n
""")
_STANDING = text("SELECT * FROM touchpoint WHERE touchpoint_id = ANY(CAST(:ids AS uuid[]))")


async def lock(session: AsyncSession, ids: Collection[UUID]) -> dict[UUID, RowMapping]:
    """Keep others from stating something of these touchpoints; returns what stands of those that are known."""
    await session.execute(_LOCK, {"ids": sorted({str(each) for each in ids})})
    rows = (await session.execute(_STANDING, {"ids": list(ids)})).mappings()
    return {row["touchpoint_id"]: row for row in rows}


_STATE = text("""
    WITH stated AS (
        INSERT INTO touchpoint_entry
        SELECT n.* FROM json_populate_recordset(NULL::touchpoint_entry, CAST(CAST(:rows AS text) AS json)) n
    )
    INSERT INTO touchpoint (touchpoint_id, stated_at, entry_id, at, kind, direction, deal_id, account_id, contacts, ours, withdrawn)
    SELECT DISTINCT ON (n.touchpoint_id) n.touchpoint_id, n.stated_at, n.entry_id, n.at, n.kind, n.direction, n.deal_id, n.account_id,
           n.contacts, n.ours, n.withdrawn
    FROM json_populate_recordset(NULL::touchpoint_entry, CAST(CAST(:rows AS text) AS json)) n
    ORDER BY n.touchpoint_id, n.stated_at DESC, n.entry_id DESC
    ON CONFLICT (touchpoint_id) DO UPDATE
    SET stated_at = excluded.stated_at, entry_id = excluded.entry_id, at = excluded.at, kind = excluded.kind,
        direction = excluded.direction, deal_id = excluded.deal_id, account_id = excluded.account_id,
        contacts = excluded.contacts, ours = excluded.ours, withdrawn = excluded.withdrawn
    WHERE (touchpoint.stated_at, touchpoint.entry_id) < (excluded.stated_at, excluded.entry_id)
""")


async def state(session: AsyncSession, rows: Sequence[Mapping[str, Any]]) -> None:
    """Append statements; of each touchpoint the one with the greatest (stated_at, entry_id) stands afterwards."""
    await session.execute(_STATE, {"rows": orjson.dumps(list(rows), default=str).decode()})


_DIGEST = text("SELECT request_digest FROM touchpoint_entry WHERE entry_id = :entry_id")


async def digest_of(session: AsyncSession, entry_id: UUID) -> str | None:
    """The digest of the request that made a statement; None if there is none."""
    found: str | None = await session.scalar(_DIGEST, {"entry_id": entry_id})
    return found


_SEEN_DEALS = text(
    "SELECT d.deal_id FROM deal d WHERE d.deal_id = ANY(CAST(:deals AS uuid[])) AND d.version > 0 AND {visible}".replace(
        "{visible}", visible("d.owner_id")
    )
)


async def seen_deals(session: AsyncSession, deals: Collection[UUID], scope: Mapping[str, Any]) -> set[UUID]:
    """Those of the deals that are known and within scope."""
    return set((await session.scalars(_SEEN_DEALS, {"deals": list(deals), **scope})).all())


@dataclass(frozen=True, slots=True)
class Of:
    """A deal or an account with its deals; one of the ids is null."""

    deal_id: UUID | None = None
    account_id: UUID | None = None


_OF = text(
    """
    WITH named AS (
        SELECT e.touchpoint_id FROM touchpoint_entry e
        WHERE e.deal_id = :deal_id OR e.account_id = :account_id
           OR e.deal_id IN (SELECT d.deal_id FROM deal d WHERE d.account_id = :account_id)
    ), standing AS (
        SELECT DISTINCT ON (e.touchpoint_id) e.* FROM touchpoint_entry e
        WHERE e.touchpoint_id IN (SELECT touchpoint_id FROM named) AND e.recorded_at <= :known_at
        ORDER BY e.touchpoint_id, e.stated_at DESC, e.entry_id DESC
    )
    SELECT s.* FROM standing s LEFT JOIN deal d ON d.deal_id = s.deal_id
    WHERE NOT s.withdrawn AND s.at <= :as_of
      AND (s.deal_id = :deal_id OR s.account_id = :account_id OR d.account_id = :account_id)
      AND (s.deal_id IS NULL OR {visible})
    ORDER BY s.at DESC, s.touchpoint_id LIMIT :limit
    """.replace("{visible}", visible("d.owner_id"))
)


async def of(
    session: AsyncSession, what: Of, scope: Mapping[str, Any], *, as_of: datetime, known_at: datetime, limit: int | None
) -> list[RowMapping]:
    """The touchpoints of a deal, or of an account and its deals, that are within scope; the newest first."""
    values = {
        "deal_id": what.deal_id,
        "account_id": what.account_id,
        "as_of": as_of,
        "known_at": known_at,
        "limit": limit,
    }
    return list((await session.execute(_OF, values | dict(scope))).mappings())


def touch(row: RowMapping) -> Touch:
    """A touchpoint as the reckoning of relationships takes it."""
    return Touch(row["touchpoint_id"], row["at"], row["direction"], tuple(row["contacts"]))


_SENIORITY = text("""
    SELECT DISTINCT ON (contact_id) contact_id, seniority FROM contact_entry
    WHERE contact_id = ANY(CAST(:contacts AS uuid[])) AND at <= :as_of AND recorded_at <= :known_at
    ORDER BY contact_id, at DESC, entry_id DESC
""")


async def seniority_of(
    session: AsyncSession, contacts: Collection[UUID], *, as_of: datetime, known_at: datetime
) -> dict[UUID, Seniority | None]:
    """How senior each contact is, as far as somebody has said."""
    values = {"contacts": list(contacts), "as_of": as_of, "known_at": known_at}
    return {row.contact_id: row.seniority for row in await session.execute(_SENIORITY, values)}


_ANY = text("SELECT EXISTS (SELECT 1 FROM touchpoint_entry WHERE recorded_at <= :known_at)")


async def are_told(session: AsyncSession, *, known_at: datetime) -> bool:
    """Whether anybody in the company tells touchpoints at all."""
    return bool(await session.scalar(_ANY, {"known_at": known_at}))


_LOCK_ACTIVITIES = text("""
    SELECT pg_advisory_xact_lock(hashtextextended('activity ' || n.id, 0))
    FROM (SELECT id FROM unnest(CAST(:ids AS text[])) AS given (id) ORDER BY id) n
""")
_ACTIVITIES = text("SELECT * FROM activity_told WHERE activity_id = ANY(CAST(:ids AS uuid[]))")


async def lock_activities(session: AsyncSession, ids: Collection[UUID]) -> dict[UUID, Any]:
    """Keep others from telling of these activities; what CRMs told of each last, of those that are known."""
    await session.execute(_LOCK_ACTIVITIES, {"ids": sorted(str(each) for each in ids)})
    return {row.activity_id: row for row in await session.execute(_ACTIVITIES, {"ids": list(ids)})}


_PUT_ACTIVITIES = text("""
    INSERT INTO activity_told (activity_id, told_at, touchpoints)
    SELECT n.* FROM json_populate_recordset(NULL::activity_told, CAST(CAST(:rows AS text) AS json)) n ORDER BY n.activity_id
    ON CONFLICT (activity_id) DO UPDATE SET told_at = excluded.told_at, touchpoints = excluded.touchpoints
""")


async def put_activities(session: AsyncSession, told: Mapping[UUID, tuple[datetime, Collection[UUID]]]) -> None:
    """Keep when each was told of, and the touchpoints that it ever made."""
    rows = [{"activity_id": key, "told_at": at, "touchpoints": sorted(made)} for key, (at, made) in told.items()]
    if rows:
        await session.execute(_PUT_ACTIVITIES, {"rows": orjson.dumps(rows, default=str).decode()})
