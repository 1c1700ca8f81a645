"""`make bench-leads`: how long it takes to score every waiting lead anew, and to read one lead with its chance.

Past leads and waiting ones are made in the database by a few statements; a model is learnt from the past by the service itself.
A night's work is the second scoring, by a model that was learnt anew: every waiting lead has a chance already. Leads are read
over HTTP from a process of the service, one after the other on one connection; all of it shares this machine's cores.
"""

import asyncio
import json
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
from pydantic import SecretStr
from sqlalchemy import text

from deploy.local.postgres import Postgres
from deploy.local.scratch import scratch_postgres
from deploy.local.serving import serving
from libs.common import clock, migrations
from libs.common.db import Database
from libs.common.web.auth import Principal
from services.leads.config import Settings
from services.leads.conversion import service

READINGS = 200
PAST_LEADS = 2_000
SYSTEM = Principal.system("leads")
Say = Callable[[str], None]

_FACTS = """jsonb_build_object(
    'source', (ARRAY['web', 'partner', 'event', 'referral'])[1 + n % 4], 'region', (ARRAY['EMEA', 'Americas', 'APAC'])[1 + n % 3],
    'market', (ARRAY['Food', 'Retail', 'Public', 'Industry', 'Health'])[1 + n % 5], 'segment', (ARRAY['enterprise', 'smb'])[1 + n % 2],
    'product', 'P' || n % 9, 'industry', (ARRAY['banking', 'retail', 'software', 'education'])[1 + n / 7 % 4],
    'role', (ARRAY['CEO', 'Head of IT', 'Manager', 'Analyst', 'Student'])[1 + n / 3 % 5],
    'employees', 5 + n * 7919::bigint % 4000, 'engagement_count', n * 31::bigint % 17,
    'last_activity_at', cast(:now AS timestamptz) - make_interval(days => n % 50))"""
_PAST = f"""
    INSERT INTO lead_input (lead_id, input_key, kind, at, payload, cause, recorded_at)
    SELECT md5('past' || n)::uuid, step::text, 'record', born + make_interval(days => 20 * step), {_FACTS} || CASE WHEN step = 0
        THEN jsonb_build_object('status', 'new', 'last_activity_at', born) ELSE jsonb_build_object('status', 'converted') END, '{{}}', born
    FROM (SELECT n, cast(:now AS timestamptz) - make_interval(days => 100 + n % 300) AS born FROM generate_series(1, :leads) n) made,
         generate_series(0, 1) step
    WHERE step = 0 OR n % 4 = 1 AND n % 3 > 0 OR n % 7 = 0
"""  # noqa: S608
_PAST_LEADS = """
    INSERT INTO lead (lead_id, version, captured, first_at, state)
    SELECT lead_id, 1, true, min(at), '{"verdict": "rejected", "deleted": false}' FROM lead_input GROUP BY lead_id
"""
_WAITING = f"""
    INSERT INTO lead (lead_id, version, captured, connection, external_id, first_at, state)
    SELECT id, 1, true, 'crm', n::text, born, {_FACTS} || jsonb_build_object('lead_id', id, 'version', 1, 'valid_from', born,
        'verdict', 'pending', 'deleted', false, 'fit', 'B', 'engagement', 2, 'created_at', born)
    FROM (SELECT n, md5('lead' || n)::uuid AS id, cast(:now AS timestamptz) - make_interval(secs => n % 4000000) AS born
          FROM generate_series(1, :leads) n) made
"""  # noqa: S608


def main(*, leads: int) -> int:
    """Print what is done and, as the last line, one JSON object."""
    found = run(leads=leads, say=lambda said: print(f"leads     | {said}", flush=True))
    print(json.dumps(found, separators=(",", ":")), flush=True)
    return 0


def run(*, leads: int, say: Say, readings: int = READINGS) -> dict[str, Any]:
    """Make the leads, score them, read some. Seconds for all, milliseconds (p50, p95) for one."""
    with scratch_postgres("leads") as (postgres, home):
        found = asyncio.run(_measure(postgres, leads, say))
        p50, p95 = np.quantile(_readings(postgres, home, asyncio.run(_some(postgres, readings))), (0.5, 0.95))
        say(f"a lead read in {p50:.1f} ms, in 95 % of {readings} requests within {p95:.1f} ms")
        return found | {"one_lead_p50_ms": round(float(p50), 2), "one_lead_p95_ms": round(float(p95), 2)}


async def _measure(postgres: Postgres, leads: int, say: Say) -> dict[str, Any]:
    owner_url = postgres.url("leads", owner=True)
    await migrations.upgrade("services.leads", owner_url)
    settings = Settings(database_url=SecretStr(postgres.url("leads")), owner_database_url=SecretStr(owner_url))
    owner, database = Database(settings.model_copy(update={"database_url": SecretStr(owner_url)})), Database(settings)
    try:
        await _fill(owner, leads)
        say(f"{PAST_LEADS:,} past leads and {leads:,} waiting ones are there")
        begun = time.monotonic()
        row = await service.learn(database, principal=SYSTEM)
        learnt_s = time.monotonic() - begun
        say(f"learnt in {learnt_s:.1f} s: {row.method}, {row.why}")
        scored, scored_s = await _scored(database)
        say(f"{scored:,} leads scored for the first time in {scored_s:.1f} s")
        await service.learn(database, principal=SYSTEM)
        scored, rescored_s = await _scored(database)
        say(f"{scored:,} leads scored anew in {rescored_s:.1f} s")
        return {
            "name": "leads",
            "leads": leads,
            "scored": scored,
            "method": row.method,
            "learnt_s": round(learnt_s, 1),
            "first_scored_s": round(scored_s, 1),
            "rescored_s": round(rescored_s, 1),
        }
    finally:
        await owner.close()
        await database.close()


async def _fill(owner: Database, leads: int) -> None:
    async with owner.transaction() as session:
        now = clock.now()
        await session.execute(text(_PAST), {"now": now, "leads": PAST_LEADS})
        await session.execute(text(_PAST_LEADS))
        await session.execute(text(_WAITING), {"now": now, "leads": leads})
    async with owner.direct() as connection:
        await connection.execute(text("VACUUM ANALYZE"))


async def _scored(database: Database) -> tuple[int, float]:
    begun = time.monotonic()
    scored = await service.score_waiting(database, only_changed=False, principal=SYSTEM)
    return scored, time.monotonic() - begun


async def _some(postgres: Postgres, readings: int) -> list[UUID]:
    """Waiting leads in no order, twice as many as are read: the first half warms up."""
    database = Database(Settings(database_url=SecretStr(postgres.url("leads"))))
    try:
        async with database.reading() as session:
            rows = await session.execute(
                text("SELECT lead_id FROM lead WHERE verdict = 'pending' ORDER BY lead_id LIMIT :most"),
                {"most": 100 * readings},
            )
            known = [row.lead_id for row in rows]
    finally:
        await database.close()
    return random.Random(7).choices(known, k=2 * readings)  # noqa: S311 - which leads are read is no secret


def _readings(postgres: Postgres, home: Path, asked: list[UUID]) -> list[float]:
    """Milliseconds of each request of the second half."""
    with serving("leads", postgres, home) as caller:
        taken = [caller.took_ms("GET", f"/v1/leads/{lead_id}") for lead_id in asked]
    return taken[len(asked) // 2 :]
