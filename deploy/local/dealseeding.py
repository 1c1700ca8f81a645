"""Many deals with five versions each for a benchmark, made by the database itself.

What took hours were the indices: ids are digests, so that every row of a million changed another page of each index, and every page
went to the write-ahead log. So tables are filled without indices and without log, on two connections; indices are made afterwards.
"""

import asyncio
import time
from collections.abc import Callable, Sequence

from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from deploy.local.postgres import Postgres
from libs.common import clock, migrations
from libs.common.db import Database
from services.deals.config import Settings

AT_ONCE = 20_000
CONNECTIONS = 2
TABLES = ("deal", "deal_version")
Say = Callable[[str], None]

_PEOPLE = """
    WITH team AS (SELECT t, md5('team' || t)::uuid AS id FROM generate_series(0, :teams - 1) t), made AS (
        INSERT INTO org_unit (unit_id, parent_id, name, kind, version, valid_from)
        SELECT id, (SELECT unit_id FROM org_unit WHERE kind = 'company'), 'Team ' || t, 'team', 1, now() FROM team
    ), closed AS (
        INSERT INTO org_closure SELECT id, id FROM team UNION ALL
        SELECT (SELECT unit_id FROM org_unit WHERE kind = 'company'), id FROM team
    )
    INSERT INTO org_person (person_id, unit_id, version, valid_from)
    SELECT md5('seller' || n)::uuid, md5('team' || n % :teams)::uuid, 1, now() FROM generate_series(0, :sellers - 1) n
"""
_CONTENT = """jsonb_build_object(
    'connection', 'crm', 'external_id', n::text,
    'name', (ARRAY['Ash','Baker','Cole','Dale','Elm','Frost','Grove','Hill','Ivy','Jade'])[1 + n % 10] || ' '
            || (ARRAY['Mills','Works','Foods','Group','Tools','Power','Water'])[1 + n / 10 % 7] || ' ' || n,
    'state', state, 'pipeline', 'default', 'stage', stage, 'stage_entered_at', to_jsonb(born), 'stage_probability', '0.5',
    'category', CASE WHEN state = 'open' THEN (ARRAY['pipeline','best_case','commit'])[1 + n % 3] END, 'category_by_person', false,
    'gate', 'not_applicable', 'amount', CASE WHEN n % 23 > 0 THEN (1000 + n % 90000)::text || '.00' END, 'currency', 'EUR',
    'amount_from', 'crm', 'quote_id', NULL, 'close_date', to_jsonb(closes), 'close_date_provisional', false,
    'closed_on', CASE WHEN state <> 'open' THEN to_jsonb(closes) END, 'created_at', to_jsonb(born),
    'owner_id', md5('seller' || n % :sellers), 'account_id', md5('account' || n / 8), 'lead_id', NULL, 'region', 'EMEA',
    'market', 'Food', 'segment', 'smb', 'product', 'P' || n % 9, 'source', 'web', 'deal_type', 'new', 'value_basis', 'one_off',
    'term_months', NULL, 'loss_reason', NULL, 'next_step', CASE WHEN n % 5 > 0 THEN 'Call the board' END, 'next_step_known', true,
    'last_activity_at', NULL, 'activity_known', false, 'pushes', 0, 'provisional', false, 'absorbed_into', NULL, 'removed', false)"""
_MADE = """(
    SELECT n, md5('deal' || n)::uuid AS id, CASE WHEN n % 10 < 3 THEN 'open' WHEN n % 10 < 5 THEN 'won' ELSE 'lost' END AS state,
           CASE WHEN n % 10 < 3 THEN (ARRAY['Qualify','Discover','Propose','Negotiate'])[1 + n / 10 % 4]
                WHEN n % 10 < 5 THEN 'Won' ELSE 'Lost' END AS stage,
           cast(:now AS timestamptz) - make_interval(days => n % 700) AS born,
           (cast(:now AS timestamptz) + make_interval(days => n % 400 - 40))::date AS closes
    FROM generate_series(cast(:first AS integer), cast(:last AS integer)) n) made"""
_OPEN = '{"state": "open", "stage": "Propose", "closed_on": null}'
"""How earlier versions stand: every deal was open before it closed."""
_FILLED = f"""
    WITH full_deal AS (SELECT *, {_CONTENT} AS content FROM {_MADE}), deals AS (
        INSERT INTO deal (deal_id, version, valid_from, recorded_at, folded_to, content, name, state, pipeline, stage, category, gate,
                          amount, currency, close_date, closed_on, owner_id, account_id, region, market, segment, product, provisional,
                          removed)
        SELECT id, 5, born, born, born, content, content->>'name', state, 'default', stage, content->>'category', 'not_applicable',
               (content->>'amount')::numeric, 'EUR', closes, CASE WHEN state <> 'open' THEN closes END, (content->>'owner_id')::uuid,
               (content->>'account_id')::uuid, 'EMEA', 'Food', 'smb', content->>'product', false, false
        FROM full_deal
    )
    INSERT INTO deal_version (deal_id, version, valid_from, recorded_at, reconstructed, event, cause, content)
    SELECT id, v, born + make_interval(days => v), born + make_interval(days => v), false, 'deals.deal.changed.v1', '{{}}',
           content || jsonb_build_object('pushes', v) || CASE WHEN v = 5 THEN '{{}}'::jsonb ELSE '{_OPEN}'::jsonb END
    FROM full_deal, generate_series(1, 5) v
"""  # noqa: S608
_INDICES = text("""
    SELECT c.conrelid::regclass::text AS owner, format('ALTER TABLE %s DROP CONSTRAINT %I', c.conrelid::regclass, c.conname) AS without,
           format('ALTER TABLE %s ADD CONSTRAINT %I %s', c.conrelid::regclass, c.conname, pg_get_constraintdef(c.oid)) AS made
    FROM pg_constraint c WHERE c.conrelid = ANY(CAST(CAST(:tables AS text[]) AS regclass[])) AND c.contype IN ('p', 'u')
    UNION ALL
    SELECT i.indrelid::regclass::text, format('DROP INDEX %s', i.indexrelid::regclass), pg_get_indexdef(i.indexrelid)
    FROM pg_index i WHERE i.indrelid = ANY(CAST(CAST(:tables AS text[]) AS regclass[]))
      AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = i.indexrelid AND c.contype IN ('p', 'u'))
    ORDER BY 1, 3
""")


async def fill(postgres: Postgres, deals: int, say: Say, *, teams: int, sellers: int) -> None:
    """Make so many deals in an empty database, with their people and all indices."""
    owner_url = postgres.url("deals", owner=True)
    await migrations.upgrade("services.deals", owner_url)
    owner = Database(Settings(database_url=SecretStr(owner_url)))
    begun = time.monotonic()
    try:
        async with owner.transaction() as session:
            await session.execute(text(_PEOPLE), {"teams": teams, "sellers": sellers})
        async with owner.direct() as connection:
            indices = (await connection.execute(_INDICES, {"tables": list(TABLES)})).all()
            await _each(connection, [f"ALTER TABLE {table} SET UNLOGGED" for table in TABLES])
            await _each(connection, [index.without for index in indices])
        parts = [(first, min(deals, first + AT_ONCE - 1)) for first in range(1, deals + 1, AT_ONCE)]
        now = {"now": clock.now(), "sellers": sellers}
        await asyncio.gather(*(_rows(owner, parts[place::CONNECTIONS], now) for place in range(CONNECTIONS)))
        say(f"rows after {time.monotonic() - begun:.0f} s")
        groups: dict[str, list[str]] = {}
        for index in indices:
            groups.setdefault(index.owner, []).append(index.made)
        await asyncio.gather(*(_made(owner, group) for group in groups.values()))
        say(f"indices after {time.monotonic() - begun:.0f} s")
        async with owner.direct() as connection:
            await _each(connection, ["VACUUM ANALYZE deal", "VACUUM ANALYZE deal_version", "ANALYZE"])
    finally:
        await owner.close()


async def _rows(owner: Database, parts: Sequence[tuple[int, int]], values: dict[str, object]) -> None:
    for first, last in parts:
        async with owner.transaction() as session:
            await session.execute(text(_FILLED), values | {"first": first, "last": last})


async def _made(owner: Database, indices: Sequence[str]) -> None:
    async with owner.direct() as connection:
        await _each(connection, ["SET maintenance_work_mem = '512MB'", *indices])


async def _each(connection: AsyncConnection, statements: Sequence[str]) -> None:
    for statement in statements:
        await connection.execute(text(statement.replace(":", "\\:")))
