"""Named queries over deals and the splits that stand for them, within scope."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.organisation import visible
from services.deals.credit.rest import Rest, as_said, shares_in

_BOOKED = """LEAST(CAST(:as_of AS timestamptz), coalesce(
    (d.closed_on + 1)::timestamp AT TIME ZONE :zone - interval '1 microsecond', 'infinity'))"""
"""The instant whose statements count for a deal, as `statements.service.booked_until`."""

_DEALS = f"""
    FROM deal d
    WHERE d.state = :state AND d.version > 0 AND NOT d.removed
      AND (CAST(:closes_from AS date) IS NULL OR coalesce(d.closed_on, d.close_date) >= :closes_from)
      AND (CAST(:closes_until AS date) IS NULL OR coalesce(d.closed_on, d.close_date) <= :closes_until)
      AND {visible("d.owner_id")}
"""
_TOLD = "EXISTS (SELECT 1 FROM deal_said s WHERE s.heir = d.deal_id AND s.part IN ('revenue', 'overlay'))"

_WHOLE = text(
    f"""
    SELECT d.owner_id, d.currency, count(*) AS deals, coalesce(sum(d.amount), 0) AS amount, count(*) FILTER (WHERE d.amount IS NULL) AS unpriced
    {_DEALS} AND NOT {_TOLD} GROUP BY 1, 2
    """
)
_SPLIT = text(
    f"""
    SELECT d.deal_id, d.owner_id, d.amount, d.currency,
           (SELECT s.said FROM deal_said s WHERE s.heir = d.deal_id AND s.part = 'revenue' AND s.recorded_at <= :known_at
              AND s.at <= {_BOOKED} ORDER BY s.at DESC, s.version DESC, s.entry_id LIMIT 1) AS revenue,
           (SELECT s.said FROM deal_said s WHERE s.heir = d.deal_id AND s.part = 'overlay' AND s.recorded_at <= :known_at
              AND s.at <= {_BOOKED} ORDER BY s.at DESC, s.version DESC, s.entry_id LIMIT 1) AS overlay
    {_DEALS} AND {_TOLD} ORDER BY d.deal_id
    """  # noqa: S608
)


async def whole(session: AsyncSession, values: Mapping[str, Any]) -> list[RowMapping]:
    """Deals of whose splits nobody ever said anything, summed by owner and currency."""
    return list((await session.execute(_WHOLE, values)).mappings())


async def split(session: AsyncSession, values: Mapping[str, Any]) -> list[RowMapping]:
    """The other deals one by one, with the splits that count for each."""
    return list((await session.execute(_SPLIT, values)).mappings())


_COUNTING = text("""
    SELECT DISTINCT ON (n.deal_id) n.deal_id, s.said
    FROM unnest(CAST(:deals AS uuid[]), CAST(:instants AS timestamptz[])) AS n (deal_id, at)
    JOIN deal_said s ON s.heir = n.deal_id AND s.part = 'revenue' AND s.at <= n.at
    ORDER BY n.deal_id, s.at DESC, s.version DESC, s.entry_id
""")


async def counting(session: AsyncSession, instants: Mapping[UUID, datetime]) -> list[RowMapping]:
    """The revenue split that counts for each deal at its instant; the caller found them within scope."""
    values = {"deals": list(instants), "instants": list(instants.values())}
    return list((await session.execute(_COUNTING, values)).mappings())


_KNOWN = text("SELECT person_id FROM org_person WHERE person_id = ANY(CAST(:people AS uuid[]))")


async def known(session: AsyncSession, people: Collection[UUID]) -> set[UUID]:
    """Those of the people whom the organisation has, wherever they stand in it."""
    return set((await session.scalars(_KNOWN, {"people": list(people)})).all())


_UNTOLD = text("""
    WITH said AS (
        SELECT s.heir AS deal_id, string_agg(s.entry_id::text, ' ' ORDER BY s.part, s.at, s.version, s.entry_id DESC) AS entries
        FROM deal_said s
        WHERE s.part IN ('revenue', 'overlay') AND s.heir = ANY(CAST(:deals AS uuid[]))
        GROUP BY 1
    ),
    told AS (
        SELECT DISTINCT ON (deal_id) deal_id, version, entries FROM split_told
        WHERE deal_id = ANY(CAST(:deals AS uuid[]))
        ORDER BY deal_id, version DESC
    )
    SELECT deal_id, coalesce(told.version, 0) AS told, md5(said.entries) AS entries
    FROM said FULL JOIN told USING (deal_id)
    WHERE coalesce(md5(said.entries), '') <> coalesce(told.entries, '')
    ORDER BY deal_id
""")
_MARKED = text("SELECT deal_id, mark_id FROM split_mark ORDER BY deal_id, mark_id LIMIT :limit")
_MARKS_OF = text("SELECT deal_id, mark_id FROM split_mark WHERE deal_id = ANY(CAST(:deals AS uuid[]))")
_UNMARK = text("""
    DELETE FROM split_mark m USING unnest(CAST(:deals AS uuid[]), CAST(:marks AS bigint[])) AS seen (deal_id, mark_id)
    WHERE m.deal_id = seen.deal_id AND m.mark_id = seen.mark_id
""")
_EVERYTHING_SAID = text("""
    SELECT heir AS deal_id, part, at, said FROM deal_said
    WHERE heir = ANY(CAST(:deals AS uuid[])) AND part IN ('revenue', 'overlay')
    ORDER BY heir, part, at, version, entry_id DESC
""")
_TOLD_LAST = text("""
    SELECT DISTINCT ON (deal_id) deal_id, version, recorded_at FROM split_told
    WHERE deal_id = ANY(CAST(:deals AS uuid[])) ORDER BY deal_id, version DESC
""")
_KEEP_TOLD = text("INSERT INTO split_told VALUES (:deal_id, :version, :entries, :recorded_at)")
_TELL_LOCK = 0x53706C74


async def lock_telling(session: AsyncSession) -> None:
    """Let one transaction at a time tell of splits."""
    await session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _TELL_LOCK})


async def marked(session: AsyncSession, deals: Collection[UUID] | None, *, limit: int) -> list[tuple[UUID, int]]:
    """Marks of these deals, or of any: deal, and which mark."""
    if deals is None:
        rows = await session.execute(_MARKED, {"limit": limit})
    else:
        rows = await session.execute(_MARKS_OF, {"deals": list(deals)})
    return [(row.deal_id, row.mark_id) for row in rows]


async def unmark(session: AsyncSession, marks: Sequence[tuple[UUID, int]]) -> None:
    """Take away the marks that were seen, under the lock: what was said after them has marks of its own."""
    await session.execute(_UNMARK, {"deals": [deal for deal, _ in marks], "marks": [mark for _, mark in marks]})


async def untold(session: AsyncSession, deals: Collection[UUID]) -> list[Any]:
    """Rows `deal_id, told, entries` of deals of which something else holds than was told: version told last, digest of now."""
    return list(await session.execute(_UNTOLD, {"deals": list(deals)}))


async def everything_said(session: AsyncSession, deals: Collection[UUID]) -> list[Any]:
    """Rows `deal_id, part, at, said` of splits, in the order in which they hold."""
    return list(await session.execute(_EVERYTHING_SAID, {"deals": list(deals)}))


async def told_last(session: AsyncSession, deals: Collection[UUID]) -> list[Any]:
    """Rows `deal_id, version, recorded_at` of what was told last of these deals."""
    return list(await session.execute(_TOLD_LAST, {"deals": list(deals)}))


async def keep_told(session: AsyncSession, rows: Collection[Mapping[str, Any]]) -> None:
    """Append what is told now, under the lock."""
    await session.execute(_KEEP_TOLD, list(rows))


_RESTS = text("SELECT deal_id, at, author, version, said FROM split_rest WHERE deal_id = ANY(CAST(:deals AS uuid[]))")


async def rests(session: AsyncSession, deals: Collection[UUID]) -> dict[UUID, Rest]:
    """What a CRM told last of the revenue of each of the deals of which it ever told shares that leave a rest."""
    rows = await session.execute(_RESTS, {"deals": list(deals)})
    return {row.deal_id: Rest(row.at, row.author, row.version, shares_in(row.said)) for row in rows}


_PUT_RESTS = text("""
    INSERT INTO split_rest SELECT * FROM json_populate_recordset(NULL::split_rest, CAST(CAST(:rows AS text) AS json))
    ON CONFLICT (deal_id) DO UPDATE SET
        at = excluded.at, author = excluded.author, version = excluded.version, said = excluded.said
""")


async def put_rests(session: AsyncSession, now: Mapping[UUID, Rest]) -> None:
    """Keep what CRMs tell now, the caller having locked the deals."""
    rows = [
        {"deal_id": deal, "at": rest.at, "author": rest.author, "version": rest.version, "said": as_said(rest.shares)}
        for deal, rest in sorted(now.items())
    ]
    if rows:
        await session.execute(_PUT_RESTS, {"rows": orjson.dumps(rows, default=str).decode()})


_OWNERS = text("""
    SELECT DISTINCT ON (deal_id, valid_from) deal_id, valid_from,
           CASE WHEN NOT CAST(content ->> 'removed' AS boolean) THEN CAST(content ->> 'owner_id' AS uuid) END AS owner_id
    FROM deal_version WHERE deal_id = ANY(CAST(:deals AS uuid[])) ORDER BY deal_id, valid_from, version DESC
""")


async def owners(session: AsyncSession, deals: Collection[UUID]) -> dict[UUID, list[tuple[datetime, UUID | None]]]:
    """Who owned each deal from which instant on, as it is known now, in order of time."""
    found: dict[UUID, list[tuple[datetime, UUID | None]]] = {}
    for row in await session.execute(_OWNERS, {"deals": list(deals)}):
        found.setdefault(row.deal_id, []).append((row.valid_from, row.owner_id))
    return found


_REVENUE_SAID = text("""
    SELECT heir, deal_id, at, version, author, said FROM deal_said
    WHERE heir = ANY(CAST(:deals AS uuid[])) AND part = 'revenue' ORDER BY heir, at, version, entry_id DESC
""")


async def revenue_said(session: AsyncSession, deals: Collection[UUID]) -> dict[UUID, list[Any]]:
    """Rows `heir, deal_id, at, version, author, said` of revenue splits by heir; of what it absorbed the `deal_id` is another."""
    found: dict[UUID, list[Any]] = {}
    for row in await session.execute(_REVENUE_SAID, {"deals": list(deals)}):
        found.setdefault(row.heir, []).append(row)
    return found
