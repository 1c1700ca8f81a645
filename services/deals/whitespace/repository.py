"""Named queries over accounts and what was sold, offered and said of products there."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.organisation import visible
from services.deals.accounts.repository import within
from services.deals.whitespace.cells import Pursuit, Statement, Worth

WINS_NEEDED = 5
"""Fewer won deals than that tell no median."""

_APPEND = text("""
    INSERT INTO whitespace_entry (entry_id, account_id, product, says, competitor, amount, currency, at, author, request_digest, recorded_at)
    VALUES (:entry_id, :account_id, :product, :says, :competitor, :amount, :currency, :at, :author, :request_digest, :recorded_at)
""")


async def append(session: AsyncSession, row: Mapping[str, Any]) -> None:
    await session.execute(_APPEND, row)


_DIGEST = text("SELECT request_digest FROM whitespace_entry WHERE entry_id = :entry_id")


async def digest_of(session: AsyncSession, entry_id: UUID) -> str | None:
    """The digest of the request that made an entry; None if there is none."""
    found: str | None = await session.scalar(_DIGEST, {"entry_id": entry_id})
    return found


_PRODUCTS = text("""
    SELECT product FROM (
        SELECT product, count(*) FILTER (WHERE state = 'won') AS won FROM deal
        WHERE version > 0 AND NOT removed AND product IS NOT NULL GROUP BY product
        UNION ALL SELECT DISTINCT product, 0 FROM whitespace_entry
    ) p GROUP BY product ORDER BY sum(won) DESC, product
""")


async def products(session: AsyncSession) -> list[str]:
    """Every product that a deal or a statement names, those won most often first. Names of products are no secret."""
    return list((await session.scalars(_PRODUCTS)).all())


_PAGE = text(
    """
    SELECT a.account_id, a.name, a.tier, a.segment, a.region, a.market FROM account a
    WHERE a.version > 0 AND NOT a.removed AND {within}
      AND (CAST(:account_id AS uuid) IS NULL OR a.account_id = :account_id)
      AND (CAST(:q AS text) IS NULL OR position(lower(:q) IN lower(a.name)) > 0)
      AND (CAST(:tier AS text) IS NULL OR a.tier = :tier)
      AND (CAST(:segment AS text) IS NULL OR a.segment = :segment)
      AND (CAST(:market AS text) IS NULL OR a.market = :market)
      AND (CAST(:after_name AS text) IS NULL OR (lower(a.name), a.account_id) > (:after_name, CAST(:after_id AS uuid)))
    ORDER BY lower(a.name), a.account_id LIMIT :limit
    """.replace("{within}", within("a.account_id"))
)


async def page(session: AsyncSession, values: Mapping[str, Any]) -> list[RowMapping]:
    """Accounts by name whose people are within scope."""
    return list((await session.execute(_PAGE, values)).mappings())


_WORDS = text("""
    SELECT array_agg(DISTINCT tier ORDER BY tier) FILTER (WHERE tier IS NOT NULL) AS tiers,
           array_agg(DISTINCT segment ORDER BY segment) FILTER (WHERE segment IS NOT NULL) AS segments,
           array_agg(DISTINCT market ORDER BY market) FILTER (WHERE market IS NOT NULL) AS markets
    FROM account WHERE version > 0 AND NOT removed
""")


async def words(session: AsyncSession) -> RowMapping:
    """The tiers, segments and markets that accounts have."""
    return (await session.execute(_WORDS)).mappings().one()


Place = tuple[UUID, str]

_PURSUITS = text(
    """
    SELECT d.account_id, d.product, d.deal_id, d.state, d.amount, d.currency, d.closed_on,
           CAST(d.content ->> 'term_months' AS integer) AS term_months
    FROM deal d
    WHERE d.account_id = ANY(CAST(:accounts AS uuid[])) AND d.product IS NOT NULL AND d.version > 0 AND NOT d.removed
      AND d.state IN ('open', 'won') AND {visible}
    """.replace("{visible}", visible("d.owner_id"))
)


async def pursuits(
    session: AsyncSession, accounts: Collection[UUID], scope: Mapping[str, Any]
) -> dict[Place, list[Pursuit]]:
    """Open and won deals of these accounts within scope, by account and product."""
    found: dict[Place, list[Pursuit]] = defaultdict(list)
    for row in await session.execute(_PURSUITS, {"accounts": list(accounts), **scope}):
        found[row.account_id, row.product].append(
            Pursuit(row.deal_id, row.state, row.amount, row.currency, row.closed_on, row.term_months)
        )
    return found


_SAID = text("""
    SELECT DISTINCT ON (account_id, product) * FROM whitespace_entry WHERE account_id = ANY(CAST(:accounts AS uuid[]))
    ORDER BY account_id, product, at DESC, entry_id DESC
""")


async def statements(session: AsyncSession, accounts: Collection[UUID]) -> dict[Place, Statement]:
    """What was said last of each product at these accounts, whose people the caller found within scope."""
    rows = await session.execute(_SAID, {"accounts": list(accounts)})
    return {
        (row.account_id, row.product): Statement(
            row.entry_id, row.says, row.at, row.competitor, row.amount, row.currency
        )
        for row in rows
    }


_WORTH = text("""
    SELECT DISTINCT ON (segment, product) segment, product, currency, n, median FROM (
        SELECT a.segment, d.product, d.currency, count(*) AS n,
               percentile_disc(0.5) WITHIN GROUP (ORDER BY d.amount) AS median
        FROM deal d JOIN account a ON a.account_id = d.account_id
        WHERE d.state = 'won' AND d.version > 0 AND NOT d.removed AND d.amount IS NOT NULL AND d.currency IS NOT NULL
          AND d.product IS NOT NULL AND a.segment IS NOT NULL
        GROUP BY a.segment, d.product, d.currency
    ) m WHERE n >= :needed ORDER BY segment, product, n DESC, currency
""")


async def worth(session: AsyncSession) -> Mapping[tuple[str, str], Worth]:
    """By segment and product the median amount of won deals of the whole company, in the currency of most; names no deal."""
    rows: Sequence[Any] = list(await session.execute(_WORTH, {"needed": WINS_NEEDED}))
    return {(row.segment, row.product): Worth("measured", row.median, row.currency, row.n) for row in rows}
