"""The current rows of accounts."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.organisation import visible
from libs.common.sql import Query
from libs.common.web.auth import ROLES
from libs.common.web.paging import decode_cursor, encode_cursor
from services.deals.record_history import Version

READERS = ROLES


def within(account_column: str) -> str:
    """SQL condition that what is known of an account's people is within scope: of an account with live deals, one of them is.

    `account_column` is written by us; needs the parameters of `scope_parameters`.
    """
    live = f"SELECT 1 FROM deal seen_deal WHERE seen_deal.account_id = {account_column} AND seen_deal.version > 0 AND NOT seen_deal.removed"  # noqa: S608 - the column's name is a literal of the code
    return f"(:sees_everything OR EXISTS ({live} AND {visible('seen_deal.owner_id')}) OR NOT EXISTS ({live}))"


_TURN = Query("""
    UPDATE account SET valid_from = n.valid_from, name = n.name, region = n.region, market = n.market,
        segment = n.segment, tier = n.tier, parent_id = n.parent_id, absorbed_into = n.absorbed_into, removed = n.removed
    FROM json_populate_recordset(NULL::account, CAST(CAST(:rows AS text) AS json)) n WHERE account.account_id = n.account_id
""")


async def turn(session: AsyncSession, heads: Sequence[Version[Any]]) -> None:
    """Write the current rows from the heads of their histories."""
    rows = [
        {"account_id": head.identifier, "valid_from": head.moment.valid_from, **asdict(head.moment.content)}
        for head in heads
    ]
    if rows:
        await _TURN.run(session, {"rows": orjson.dumps(rows, default=str).decode()})


_ONE = text("SELECT * FROM account WHERE account_id = :account_id AND version > 0")


async def account(session: AsyncSession, account_id: UUID) -> RowMapping | None:
    return (await session.execute(_ONE, {"account_id": account_id})).mappings().one_or_none()


_WITHIN = text(f"""
    SELECT a.account_id FROM account a
    WHERE a.account_id = ANY(CAST(:accounts AS uuid[])) AND a.version > 0 AND {within("a.account_id")}
""")  # noqa: S608 - conditions of the code


async def of_sight(session: AsyncSession, accounts: Collection[UUID], scope: Mapping[str, Any]) -> set[UUID]:
    """Those of the accounts that are known and whose people are within scope."""
    return set((await session.scalars(_WITHIN, {"accounts": list(accounts), **scope})).all())


_PAGE = text("""
    SELECT * FROM account
    WHERE version > 0 AND NOT removed
      AND (CAST(:q AS text) IS NULL OR position(lower(:q) IN lower(name)) > 0)
      AND (CAST(:region AS text) IS NULL OR region = :region)
      AND (CAST(:after_name AS text) IS NULL OR (lower(name), account_id) > (:after_name, CAST(:after_id AS uuid)))
    ORDER BY lower(name), account_id LIMIT :limit
""")


async def page(
    session: AsyncSession, *, q: str | None, region: str | None, cursor: str | None, limit: int
) -> tuple[list[RowMapping], str | None]:
    """Rows by name and the cursor of the next page."""
    after = decode_cursor(cursor, 2) or [None, None]
    values = {"q": q, "region": region, "after_name": after[0], "after_id": after[1], "limit": limit + 1}
    rows = list((await session.execute(_PAGE, values)).mappings())
    last = rows[limit - 1] if len(rows) > limit else None
    return rows[:limit], encode_cursor(str(last["name"]).lower(), last["account_id"]) if last else None
