"""Named queries over executives' pairs and over what is open and at risk by account."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.organisation import visible
from services.deals.accounts.repository import within

_APPEND = text("""
    INSERT INTO cover_entry (entry_id, account_id, ours, theirs, cadence_days, ended, at, author, request_digest, recorded_at)
    VALUES (:entry_id, :account_id, :ours, :theirs, :cadence_days, :ended, :at, :author, :request_digest, :recorded_at)
""")


async def append(session: AsyncSession, row: Mapping[str, Any]) -> None:
    await session.execute(_APPEND, row)


_DIGEST = text("SELECT request_digest FROM cover_entry WHERE entry_id = :entry_id")


async def digest_of(session: AsyncSession, entry_id: UUID) -> str | None:
    """The digest of the request that made an entry; None if there is none."""
    found: str | None = await session.scalar(_DIGEST, {"entry_id": entry_id})
    return found


_PAIRS = """
    SELECT s.account_id, s.ours, s.theirs, s.cadence_days, s.since,
           (SELECT max(t.at) FROM touchpoint t WHERE t.contacts @> ARRAY[s.theirs] AND t.ours @> ARRAY[s.ours]
            AND NOT t.withdrawn AND t.at <= :now) AS last_touch_at
    FROM (
        SELECT DISTINCT ON (e.account_id, e.ours, e.theirs) e.account_id, e.ours, e.theirs, e.cadence_days, e.ended,
               min(e.at) OVER (PARTITION BY e.account_id, e.ours, e.theirs) AS since
        FROM cover_entry e WHERE {condition}
        ORDER BY e.account_id, e.ours, e.theirs, e.at DESC, e.entry_id DESC
    ) s WHERE NOT s.ended
"""
_OF_ACCOUNT = text(_PAIRS.replace("{condition}", "e.account_id = :account_id") + " ORDER BY s.since, s.ours, s.theirs")


async def pairs(session: AsyncSession, account_id: UUID, now: Any) -> list[RowMapping]:
    """The pairs of an account that have not ended, each with the last touchpoint that names both."""
    return list((await session.execute(_OF_ACCOUNT, {"account_id": account_id, "now": now})).mappings())


_KNOWN = (
    """
    WITH lapsed AS (
        SELECT DISTINCT p.account_id FROM ({pairs}) p
        WHERE greatest(p.since, p.last_touch_at) + p.cadence_days * interval '36 hours' < :now
    ), seen AS (
        SELECT d.deal_id, d.account_id, d.amount, d.currency,
               d.close_date >= :closing_from AND d.close_date < :closing_before AS closes,
               (SELECT count(*) FROM jsonb_array_elements_text(coalesce(nullif(d.content -> 'threads_until', 'null'), '[]')) AS t (until)
                WHERE CAST(t.until AS timestamptz) >= :now) AS threads,
               (SELECT max(t.at) FROM touchpoint t WHERE t.deal_id = d.deal_id AND NOT t.withdrawn AND t.at <= :now) AS last_touch_at
        FROM deal d WHERE d.version > 0 AND NOT d.removed AND d.state = 'open' AND d.account_id IS NOT NULL AND {visible}
    ), judged AS (
        SELECT s.*, CASE WHEN s.closes AND :told THEN array_remove(ARRAY[
            CASE WHEN s.threads = 1 THEN 'single_threaded' WHEN s.threads = 0 THEN 'no_thread' END,
            CASE WHEN coalesce(s.last_touch_at < :silent_before, true) THEN 'silent' END,
            CASE WHEN EXISTS (SELECT 1 FROM lapsed l WHERE l.account_id = s.account_id) THEN 'cover_lapsed' END
        ], NULL) ELSE '{}' END AS reasons
        FROM seen s
    ), found AS (
        SELECT a.* FROM account a
        WHERE a.version > 0 AND NOT a.removed AND {within}
          AND (CAST(:q AS text) IS NULL OR position(lower(:q) IN lower(a.name)) > 0)
          AND (CAST(:tier AS text) IS NULL OR a.tier = :tier)
          AND (CAST(:region AS text) IS NULL OR a.region = :region)
          AND (NOT :at_risk OR EXISTS (SELECT 1 FROM judged j WHERE j.account_id = a.account_id AND cardinality(j.reasons) > 0))
          AND (CAST(:parent AS uuid) IS NULL OR a.parent_id = :parent)
    )
""".replace("{visible}", visible("d.owner_id"))
    .replace("{within}", within("a.account_id"))
    .replace("{pairs}", _PAIRS.replace("{condition}", "true"))
)

_PAGE = text(
    """
    {known}
    SELECT f.account_id, f.name, f.tier, f.segment, f.region, f.market, f.parent_id,
           (SELECT count(*) FROM judged j WHERE j.account_id = f.account_id) AS open_deals,
           (SELECT count(*) FROM judged j WHERE j.account_id = f.account_id AND cardinality(j.reasons) > 0) AS at_risk_deals,
           ARRAY(SELECT DISTINCT r FROM judged j, unnest(j.reasons) AS r WHERE j.account_id = f.account_id ORDER BY r) AS reasons,
           greatest((SELECT max(j.last_touch_at) FROM judged j WHERE j.account_id = f.account_id),
                    (SELECT max(t.at) FROM touchpoint t WHERE t.account_id = f.account_id AND NOT t.withdrawn AND t.at <= :now)
           ) AS last_touch_at
    FROM found f
    WHERE CAST(:after_name AS text) IS NULL OR (lower(f.name), f.account_id) > (:after_name, CAST(:after_id AS uuid))
    ORDER BY lower(f.name), f.account_id LIMIT :limit
    """.replace("{known}", _KNOWN)
)
_SUMS = text(
    """
    {known}
    SELECT CASE WHEN j.account_id = ANY(CAST(:page AS uuid[])) THEN j.account_id END AS account_id, j.currency,
           sum(j.amount) AS open, sum(j.amount) FILTER (WHERE cardinality(j.reasons) > 0) AS at_risk
    FROM judged j JOIN found f ON f.account_id = j.account_id
    WHERE j.amount IS NOT NULL AND j.currency IS NOT NULL
    GROUP BY 1, 2 ORDER BY 2
    """.replace("{known}", _KNOWN)
)
_COUNT = text("{known} SELECT count(*) FROM found".replace("{known}", _KNOWN))


async def page(session: AsyncSession, values: Mapping[str, Any]) -> list[RowMapping]:
    """Accounts by name, one more than `limit` where there are more. `values` are those of `_KNOWN` and the place to go on."""
    return list((await session.execute(_PAGE, values)).mappings())


async def sums(session: AsyncSession, values: Mapping[str, Any], accounts: list[UUID]) -> list[RowMapping]:
    """Open and at-risk amounts by currency of each of `accounts`, and of all others that the filters leave under no id."""
    return list((await session.execute(_SUMS, dict(values) | {"page": accounts})).mappings())


async def count(session: AsyncSession, values: Mapping[str, Any]) -> int:
    """How many accounts the filters leave."""
    return int(await session.scalar(_COUNT, values) or 0)


_COUNTED = text(
    """
    {known}
    SELECT j.account_id, j.currency, sum(j.amount) AS open,
           coalesce(sum(j.amount) FILTER (WHERE cardinality(j.reasons) > 0), 0) AS at_risk,
           coalesce(sum(j.amount) FILTER (WHERE 'cover_lapsed' = ANY(j.reasons)), 0) AS lapsed
    FROM judged j JOIN found f ON f.account_id = j.account_id
    WHERE j.amount IS NOT NULL AND j.currency IS NOT NULL
    GROUP BY 1, 2 ORDER BY 1, 2
    """.replace("{known}", _KNOWN)
)
_COVERED = text(
    "SELECT DISTINCT p.account_id FROM ({pairs}) p".replace("{pairs}", _PAIRS.replace("{condition}", "true"))
)
_TOLD_LAST = text(
    "SELECT DISTINCT ON (account_id) account_id, version, content FROM cover_told ORDER BY account_id, version DESC"
)
_KEEP_TOLD = text(
    """
    INSERT INTO cover_told (account_id, version, content, recorded_at)
    VALUES (:account_id, :version, cast(:content AS jsonb), :recorded_at)
    """
)
_TELL_LOCK = 0x436F7672


async def lock_telling(session: AsyncSession) -> None:
    """Let one transaction at a time tell how accounts are covered."""
    await session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _TELL_LOCK})


async def counted(session: AsyncSession, values: Mapping[str, Any]) -> list[RowMapping]:
    """Open, at-risk and lapsed amounts by account and currency. `values` are those of `_KNOWN`."""
    return list((await session.execute(_COUNTED, values)).mappings())


async def with_executive(session: AsyncSession, now: Any) -> set[UUID]:
    """The accounts at which one of our executives looks after one of theirs."""
    return set((await session.execute(_COVERED, {"now": now})).scalars())


async def told(session: AsyncSession) -> dict[UUID, tuple[int, dict[str, Any]]]:
    """Version and content of what was told last, by account."""
    return {row.account_id: (row.version, row.content) for row in await session.execute(_TOLD_LAST)}


async def keep_told(session: AsyncSession, rows: Sequence[Mapping[str, Any]]) -> None:
    """Append what is told now, under the lock."""
    await session.execute(_KEEP_TOLD, list(rows))
