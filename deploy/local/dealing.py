"""`make bench-deals`: how long reading one deal and a page of a filtered list takes among many deals with five versions each.

Deals and their versions are made in the database by a few statements; requests go over HTTP to a process of the service, one after
the other on one connection. A deal is all that the deals service adds to the page of one: the deal, its timeline, its edits and its
row of the grid. Lists are read by somebody who sees everything and by a manager of one team of fifty.
"""

import asyncio
import hashlib
import itertools
import json
import random
import time
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import numpy as np
from pydantic import SecretStr
from sqlalchemy import text

from deploy.local.postgres import Postgres
from deploy.local.scratch import scratch_postgres
from deploy.local.serving import Caller, serving
from libs.common import clock, migrations
from libs.common.db import Database
from libs.common.web.auth import Principal
from services.deals.config import Settings

READINGS = 100
TEAMS = 50
SELLERS = 500
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
_DEALS = f"""
    INSERT INTO deal (deal_id, version, valid_from, recorded_at, folded_to, content, name, state, pipeline, stage, category, gate, amount,
                      currency, close_date, closed_on, owner_id, account_id, provisional, removed)
    SELECT id, 5, born, born, born, content, content->>'name', state, 'default', stage, content->>'category', 'not_applicable',
           (content->>'amount')::numeric, 'EUR', closes, CASE WHEN state <> 'open' THEN closes END, (content->>'owner_id')::uuid,
           (content->>'account_id')::uuid, false, false
    FROM (SELECT *, {_CONTENT} AS content FROM {_MADE}) full_deal
"""  # noqa: S608
_VERSIONS = """
    INSERT INTO deal_version (deal_id, version, valid_from, recorded_at, reconstructed, event, cause, content)
    SELECT d.deal_id, v, d.valid_from + make_interval(days => v), d.valid_from + make_interval(days => v), false,
           'deals.deal.changed.v1', '{}', d.content || jsonb_build_object('pushes', v)
    FROM (SELECT md5('deal' || n)::uuid AS id FROM generate_series(cast(:first AS integer), cast(:last AS integer)) n) made
    JOIN deal d ON d.deal_id = made.id, generate_series(1, 5) v
"""
AT_ONCE = 50_000
LISTS = {
    "open": "",
    "owner": "owner={seller}",
    "stage_and_category": "stage=Propose&category=commit",
    "words": "q=bak+fo",
    "one": "q={number}",
    "largest": "sort=-amount",
    "no_next_step": "check=no_next_step",
    "overdue": "check=overdue&sort=close_date",
    "by_name": "sort=name",
    "closes_by": "closes_until=2027-01-31&stage=Negotiate",
}
"""Filters that are timed, by name."""


def main(*, deals: int) -> int:
    """Print what is done and, as the last line, one JSON object."""
    found = run(deals=deals, say=lambda said: print(f"deals     | {said}", flush=True))
    print(json.dumps(found, separators=(",", ":")), flush=True)
    return 0


def run(*, deals: int, say: Say, readings: int = READINGS) -> dict[str, Any]:
    """Make the deals, read some and lists of them: milliseconds (p50, p95)."""
    with scratch_postgres("deals") as (postgres, home):
        begun = time.monotonic()
        asyncio.run(_fill(postgres, deals, say))
        say(f"{deals:,} deals with five versions each are there after {time.monotonic() - begun:.0f} s")
        found: dict[str, Any] = {"name": "deals", "deals": deals}
        with serving("deals", postgres, home) as caller:
            found |= _one(caller, deals, readings, say)
            found |= _lists(caller, deals, readings, "list", say)
        team = Principal("bench", frozenset({"manager"}), (_md5("team0"),))
        with serving("deals", postgres, home, principal=team) as caller:
            return found | _lists(caller, deals, readings, "team_list", say)


async def _fill(postgres: Postgres, deals: int, say: Say) -> None:
    owner_url = postgres.url("deals", owner=True)
    await migrations.upgrade("services.deals", owner_url)
    owner = Database(Settings(database_url=SecretStr(owner_url)))
    try:
        async with owner.transaction() as session:
            await session.execute(text(_PEOPLE), {"teams": TEAMS, "sellers": SELLERS})
        now = clock.now()
        for first in range(1, deals + 1, AT_ONCE):
            part = {"first": first, "last": min(deals, first + AT_ONCE - 1)}
            async with owner.transaction() as session:
                await session.execute(text(_DEALS), part | {"now": now, "sellers": SELLERS})
                await session.execute(text(_VERSIONS), part)
            if first % 200_000 == 1 and first > 1:
                say(f"{first - 1:,} deals")
        async with owner.direct() as connection:
            await connection.execute(text("VACUUM ANALYZE deal"))
            await connection.execute(text("ANALYZE"))
    finally:
        await owner.close()


def _one(caller: Caller, deals: int, readings: int, say: Say) -> dict[str, Any]:
    picked = random.Random(7)  # noqa: S311 - which deals are read is no secret
    taken = []
    for _ in range(2 * readings):
        deal_id = _md5(f"deal{picked.randint(1, deals)}")
        paths = (f"{deal_id}", f"{deal_id}/timeline", f"{deal_id}/edits", f"worklist?deal={deal_id}")
        taken.append(sum(caller.took_ms("GET", f"/v1/deals/{path}") for path in paths))
    return _told("deal", taken[readings:], say)


def _lists(caller: Caller, deals: int, readings: int, prefix: str, say: Say) -> dict[str, Any]:
    picked = random.Random(8)  # noqa: S311 - as above
    by_name: dict[str, list[float]] = {name: [] for name in LISTS}
    for _, (name, query) in itertools.product(range(2 * readings // len(LISTS) + 2), LISTS.items()):
        seller = _md5(f"seller{picked.randrange(SELLERS)}")
        asked = query.format(seller=seller, number=picked.randint(1, deals))
        by_name[name].append(caller.took_ms("GET", f"/v1/deals/worklist?{asked}"))
    warm = {name: taken[len(taken) // 2 :] for name, taken in by_name.items()}
    for name, taken in warm.items():
        say(f"{prefix} {name}: {np.quantile(taken, 0.5):.1f} ms, worst {max(taken):.1f} ms")
    slowest = max(warm, key=lambda name: float(np.quantile(warm[name], 0.95)))
    return _told(prefix, [each for taken in warm.values() for each in taken], say) | {
        f"{prefix}_slowest": slowest,
        f"{prefix}_slowest_p95_ms": round(float(np.quantile(warm[slowest], 0.95)), 2),
    }


def _told(name: str, taken: Sequence[float], say: Say) -> dict[str, float]:
    p50, p95 = np.quantile(taken, (0.5, 0.95))
    say(f"{name}: {p50:.1f} ms, in 95 % of {len(taken)} requests within {p95:.1f} ms")
    return {f"{name}_p50_ms": round(float(p50), 2), f"{name}_p95_ms": round(float(p95), 2)}


def _md5(name: str) -> UUID:
    """The id that the database makes of a name by `md5(name)::uuid`."""
    return UUID(hashlib.md5(name.encode(), usedforsecurity=False).hexdigest())
