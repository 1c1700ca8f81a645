"""What is assumed and said of deals, in rows that are only ever appended, and the tiers of accounts as they stand."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import organisation
from libs.common.events.base import Received
from libs.common.events.deals import AccountChanged
from libs.common.events.whitespace import WhitespaceStated
from libs.common.web.auth import Principal
from services.forecast.focus.whitespace import Stated

_NEWEST: Final = "ORDER BY said_at DESC, entry_id DESC LIMIT 1"


async def keep_tiers(session: AsyncSession, accounts: Sequence[AccountChanged]) -> None:
    """Keep the tier that each account has at the end of its timeline, whatever comes first."""
    newest: dict[UUID, AccountChanged] = {}
    for each in sorted(accounts, key=lambda each: (each.valid_from, each.version)):
        newest[each.account_id] = each
    rows = [
        each.model_dump(include={"account_id", "version", "valid_from", "tier", "absorbed_into"})
        for each in newest.values()
    ]
    await session.execute(
        text(
            """
            INSERT INTO account_tier (account_id, version, valid_from, tier, absorbed_into)
            SELECT account_id, version, valid_from, tier, absorbed_into
            FROM jsonb_to_recordset(cast(:rows AS jsonb))
                AS r(account_id uuid, version bigint, valid_from timestamptz, tier text, absorbed_into uuid)
            ORDER BY account_id
            ON CONFLICT (account_id) DO UPDATE
            SET version = excluded.version, valid_from = excluded.valid_from, tier = excluded.tier,
                absorbed_into = excluded.absorbed_into
            WHERE (account_tier.valid_from, account_tier.version) < (excluded.valid_from, excluded.version)
            """
        ),
        {"rows": orjson.dumps(rows).decode()},
    )


async def tiers(session: AsyncSession, accounts: Sequence[UUID], *, principal: Principal) -> dict[UUID, str]:
    """The tiers of accounts that have one, in lower case; an account that was absorbed has that of the one it is now.

    Everybody who is signed in sees accounts: `principal` narrows nothing.
    """
    del principal
    found = await session.execute(
        text(
            """
            SELECT a.account_id, lower(btrim(coalesce(b.tier, a.tier))) AS tier
            FROM account_tier a LEFT JOIN account_tier b ON b.account_id = a.absorbed_into
            WHERE a.account_id = ANY(cast(:accounts AS uuid[])) AND coalesce(b.tier, a.tier) IS NOT NULL
            """
        ),
        {"accounts": list(accounts)},
    )
    return {row.account_id: row.tier for row in found}


async def keep_whitespace(session: AsyncSession, events: Sequence[Received[WhitespaceStated]]) -> None:
    """Keep what was said of products at accounts; what is known already stays as it is."""
    rows = [each.data.model_dump() | {"recorded_at": each.recorded_at} for each in events]
    await session.execute(
        text(
            """
            INSERT INTO whitespace_stated (entry_id, account_id, product, says, at, recorded_at)
            SELECT entry_id, account_id, product, says, at, recorded_at
            FROM jsonb_to_recordset(cast(:rows AS jsonb))
                AS r(entry_id uuid, account_id uuid, product text, says text, at timestamptz, recorded_at timestamptz)
            ORDER BY entry_id ON CONFLICT DO NOTHING
            """
        ),
        {"rows": orjson.dumps(rows).decode()},
    )


async def whitespace(session: AsyncSession, accounts: Sequence[UUID], *, principal: Principal) -> list[Stated]:
    """What stands of products at accounts, of those that were absorbed with what was said of the one they are now, and the reverse.

    Everybody who is signed in sees accounts: `principal` narrows nothing.
    """
    del principal
    found = await session.execute(
        text(
            """
            WITH asked AS (
                SELECT a.account_id, coalesce(t.absorbed_into, a.account_id) AS stands
                FROM unnest(cast(:accounts AS uuid[])) AS a (account_id) LEFT JOIN account_tier t USING (account_id)
            ), said AS (
                SELECT w.*, coalesce(t.absorbed_into, w.account_id) AS stands
                FROM whitespace_stated w LEFT JOIN account_tier t USING (account_id)
            )
            SELECT DISTINCT ON (a.account_id, s.product) a.account_id, s.product, s.says, s.at
            FROM asked a JOIN said s USING (stands)
            ORDER BY a.account_id, s.product, s.at DESC, s.entry_id DESC
            """
        ),
        {"accounts": list(accounts)},
    )
    return [Stated(*row) for row in found if row.says != "unknown"]


async def assumed(session: AsyncSession) -> dict[str, Any] | None:
    """What is assumed now; None: nobody said anything. Everybody sees it."""
    found = await session.execute(text(f"SELECT * FROM focus_assumption {_NEWEST}"))  # noqa: S608
    row = found.mappings().first()
    return dict(row) if row else None


async def said(session: AsyncSession, deal_id: UUID) -> dict[str, Any] | None:
    """What is said of one deal, which the caller has found within its scope."""
    found = await session.execute(
        text(
            "SELECT deal_id, hours, reference, displacement, said_by, said_at FROM focus_statement "  # noqa: S608
            f"WHERE deal_id = :deal_id {_NEWEST}"
        ),
        {"deal_id": deal_id},
    )
    row = found.mappings().first()
    return dict(row) if row else None


async def said_of(session: AsyncSession, *, principal: Principal) -> dict[UUID, dict[str, Any]]:
    """What is said of every deal within scope of which anything is."""
    found = await session.execute(
        text(
            f"""
            SELECT DISTINCT ON (s.deal_id) s.deal_id, s.hours, s.reference, s.displacement
            FROM focus_statement s JOIN deal_current d USING (deal_id)
            WHERE {organisation.visible("d.owner_id")}
            ORDER BY s.deal_id, s.said_at DESC, s.entry_id DESC
            """  # noqa: S608
        ),
        organisation.scope_parameters(principal),
    )
    return {row["deal_id"]: dict(row) for row in found.mappings()}


async def digest(session: AsyncSession, table: str, entry_id: UUID) -> str | None:
    """What was sent for an entry, for finding a repetition."""
    found: str | None = await session.scalar(
        text(f"SELECT request_digest FROM {table} WHERE entry_id = :id"),  # noqa: S608 - one of two names in this package
        {"id": entry_id},
    )
    return found


async def append(session: AsyncSession, table: str, row: Mapping[str, Any]) -> None:
    """Append an entry; one that is there already stays as it was."""
    await session.execute(
        text(
            f"INSERT INTO {table} SELECT * FROM jsonb_populate_record(NULL::{table}, cast(:row AS jsonb)) ON CONFLICT DO NOTHING"  # noqa: S608
        ),
        {"row": orjson.dumps(row, default=str).decode()},
    )
