"""`make bench-history`: how long readings of the present, of any instant and of movement take over a large history.

The history is made in the database by one statement: deals that move through stages for two years, pushed, re-priced, won, lost,
one in fifty corrected in the past. Readings are those of the service behind the REST API, each at instants not asked for before,
in one process; the database shares this machine's cores.
"""

import asyncio
import json
import random
import resource
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from deploy.local.postgres import Postgres
from deploy.local.scratch import scratch_postgres
from libs.common import clock, migrations
from libs.common.db import Database
from libs.common.web.auth import Principal
from services.forecast.config import Settings
from services.forecast.movement import service as movement
from services.forecast.movement.service import Asking
from services.forecast.past import service as past
from services.forecast.readings import call
from services.forecast.readings.asked import Question
from services.forecast.rollup import service as rollup

READINGS = 200
SPAN_DAYS = 720
Say = Callable[[str], None]

_PEOPLE = """
    INSERT INTO org_unit (unit_id, parent_id, name, kind, version, valid_from)
    SELECT md5('unit' || n)::uuid, (SELECT unit_id FROM org_unit WHERE parent_id IS NULL), 'Team ' || n, 'team', 1, '2000-01-01Z'
    FROM generate_series(1, 20) n;
    INSERT INTO org_closure SELECT unit_id, unit_id FROM org_unit ON CONFLICT DO NOTHING;
    INSERT INTO org_closure SELECT r.unit_id, u.unit_id FROM org_unit r, org_unit u WHERE r.parent_id IS NULL ON CONFLICT DO NOTHING;
    INSERT INTO org_person (person_id, unit_id, version, valid_from)
    SELECT md5('person' || n)::uuid, md5('unit' || 1 + n % 20)::uuid, 1, '2000-01-01Z' FROM generate_series(1, 400) n;
    INSERT INTO unit_version SELECT unit_id, version, valid_from, valid_from, parent_id, name, kind, removed FROM org_unit ON CONFLICT DO NOTHING;
    INSERT INTO placement_version SELECT person_id, version, valid_from, valid_from, unit_id, manager_id, is_active FROM org_person
"""
_VERSIONS = """
    INSERT INTO deal_version (
        deal_id, version, valid_from, recorded_at, reconstructed, event_id, event_type, name, state, pipeline, stage,
        stage_entered_at, stage_probability, category, category_by_person, gate, amount, currency, amount_from, close_date,
        close_date_provisional, closed_on, created_at, owner_id, region, market, segment, product, source, deal_type, value_basis,
        pushes, provisional, removed, line
    )
    SELECT md5('deal' || d)::uuid, v, at, CASE WHEN d % 50 = 0 AND v = 3 THEN at + interval '30 days' ELSE at END, false,
           md5('event' || d || '/' || v)::uuid, 'deals.deal.changed.v1', 'Deal ' || d, state, 'default', 'Stage ' || v, at,
           0.1 * v, CASE WHEN state = 'open' THEN (ARRAY['pipeline', 'best_case', 'most_likely', 'commit'])[1 + (d + v) % 4] END,
           false, 'not_applicable', round((1000 + (d::bigint * 7919 % 90000) + 100 * v)::numeric * 1.07, 2),
           (ARRAY['EUR', 'EUR', 'EUR', 'USD', 'GBP'])[1 + d % 5], 'crm',
           (at + make_interval(days => 10 + (d * 31 + v * 17) % 80))::date, false,
           CASE WHEN state <> 'open' THEN at::date END, born, md5('person' || 1 + d % 400)::uuid,
           (ARRAY['EMEA', 'North America', 'LATAM', 'APAC', 'Nordics'])[1 + d % 5],
           (ARRAY['Food', 'Retail', 'Public', 'Industry'])[1 + d / 5 % 4], (ARRAY['Small', 'Mid', 'Large'])[1 + d / 20 % 3],
           'Product ' || d / 60 % 9, (ARRAY['Inbound', 'Referral', 'Fair'])[1 + d / 540 % 3],
           CASE WHEN d % 6 = 0 THEN 'renewal' ELSE 'new' END, 'one_off', v / 3, false, false, 'x'
    FROM (
        SELECT d, v, born, born + make_interval(days => (v - 1) * (8 + d % 20), secs => d % 86400) AS at,
               CASE WHEN v < 5 OR d % 10 < 2 THEN 'open' WHEN d % 10 < 5 THEN 'won' ELSE 'lost' END AS state
        FROM (SELECT d, cast(:start AS timestamptz) + make_interval(mins => (d::bigint * 104729 % :minutes)::integer) AS born
              FROM generate_series(1, :deals) d) made, generate_series(1, 5) v
    ) steps
"""
_GIVEN_UP = """
    UPDATE deal_version SET state = 'lost', category = NULL, closed_on = valid_from::date
    WHERE version = 5 AND state = 'open' AND created_at < :before
"""
_CURRENT = """
    INSERT INTO deal_current
    SELECT d.* FROM (SELECT DISTINCT ON (deal_id) * FROM deal_version ORDER BY deal_id, valid_from DESC, version DESC) v
    CROSS JOIN LATERAL jsonb_populate_record(NULL::deal_current, to_jsonb(v) || jsonb_build_object(
        'slot', abs(hashtext(v.deal_id::text)) % 6, 'month', date_trunc('month', coalesce(v.closed_on, v.close_date))::date,
        'line', CASE v.state WHEN 'won' THEN 'closed_won' WHEN 'lost' THEN 'lost' ELSE v.category END)) d
"""


def run(*, deals: int, readings: int = READINGS, say: Say) -> dict[str, Any]:
    """Make the history, read it, and return times in milliseconds (p50, p95), memory in MB and the numbers of rows."""
    with scratch_postgres("forecast") as (postgres, _):
        return asyncio.run(_measure(postgres, deals, readings, say))


async def _measure(postgres: Postgres, deals: int, readings: int, say: Say) -> dict[str, Any]:
    owner_url, url = postgres.url("forecast", owner=True), postgres.url("forecast")
    await migrations.upgrade("services.forecast", owner_url)
    settings = Settings(database_url=SecretStr(url), owner_database_url=SecretStr(owner_url))
    owner, database = Database(settings.model_copy(update={"database_url": SecretStr(owner_url)})), Database(settings)
    now = clock.now()
    try:
        begun = time.monotonic()
        await fill(owner, deals, now, say)
        say(f"{deals:,} deals with {5 * deals:,} versions made in {time.monotonic() - begun:.0f} s")
        return {"name": "history", "deals": deals, **await _times(database, now, readings, say)}
    finally:
        await owner.close()
        await database.close()


async def fill(
    owner: Database, deals: int, now: datetime, say: Say, *, span_days: int = SPAN_DAYS, open_days: int | None = None
) -> None:
    """Make the organisation, so many deals with their versions, and the roll-up of them.

    The deals began so many days ago. `open_days`: those older than that are lost, if it is given.
    """
    start = now - timedelta(days=span_days)
    async with owner.transaction() as session:
        for statement in _PEOPLE.split(";\n"):
            await session.execute(text(statement))
        given = {"deals": deals, "start": start, "minutes": (span_days - 100) * 24 * 60}
        await session.execute(text(_VERSIONS), given)
        if open_days is not None:
            await session.execute(text(_GIVEN_UP), {"before": now - timedelta(days=open_days)})
        say("versions are there; now the deals as they stand")
        await session.execute(text(_CURRENT))
        await rollup.rebuild(session)
        await session.execute(text("INSERT INTO freshness VALUES (0, :now, :now, NULL)"), {"now": now})
    async with owner.direct() as connection:
        await connection.execute(text("VACUUM ANALYZE"))


async def _times(database: Database, now: datetime, readings: int, say: Say) -> dict[str, Any]:
    before, begun = _memory_mb(), time.monotonic()
    async with database.reading() as session:
        versions = len(await past.columns(session))
    figures: dict[str, Any] = {
        "versions": versions,
        "load_s": round(time.monotonic() - begun, 1),
        "memory_mb": round(_memory_mb() - before),
    }
    say(f"columns read in {figures['load_s']} s, {figures['memory_mb']} MB at most meanwhile")
    chance = random.Random(20261122)  # noqa: S311
    principal = Principal.system("bench")

    def instant() -> datetime:
        return now - timedelta(seconds=chance.randrange(86400, (SPAN_DAYS - 60) * 86400))

    async def present(session: AsyncSession) -> None:
        await call.rollup(session, Question(), by="category", principal=principal)

    async def any_instant(session: AsyncSession) -> None:
        at = instant()
        known = at + timedelta(seconds=chance.randrange(86400))
        await call.rollup(session, Question(as_of=at, known_at=known), by="category", principal=principal)

    async def moved(session: AsyncSession, mode: Any) -> None:
        since = instant()
        until = since + timedelta(days=chance.randrange(1, 60))
        question = Question(as_of=until, known_at=until)
        await movement.read(session, Asking(question, since, since, mode), principal=principal)

    kinds: dict[str, Callable[[AsyncSession], Awaitable[None]]] = {
        "current": present,
        "any_instant": any_instant,
        "movement": lambda session: moved(session, "ends"),
        "movement_gross": lambda session: moved(session, "gross"),
    }
    for name, read in kinds.items():
        took = []
        for _ in range(readings):
            begun = time.monotonic()
            async with database.reading() as session:
                await read(session)
            took.append((time.monotonic() - begun) * 1000)
        took.sort()
        figures[f"{name}_p50_ms"], figures[f"{name}_p95_ms"] = (
            round(took[int(len(took) * share)], 1) for share in (0.5, 0.95)
        )
        say(f"{name}: p50 {figures[f'{name}_p50_ms']} ms, p95 {figures[f'{name}_p95_ms']} ms of {readings}")
    return figures


def _memory_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def line(figures: dict[str, Any]) -> str:
    """The last line of the command."""
    return json.dumps(figures)
