"""`make bench-plans`: how long the attainment of a part of a plan takes, of a plan with thousands of parts over twelve months.

The history is that of `make bench-history`; the plan is drafted from it by the service. Readings are asked over HTTP from a process
of the service, one after the other on one connection, each of another part with those right below it; all of it shares this
machine's cores.
"""

import asyncio
import json
import os
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import numpy as np
from pydantic import SecretStr

from deploy.local.past import fill
from deploy.local.postgres import Postgres
from deploy.local.scratch import scratch_postgres
from deploy.local.serving import serving
from libs.common import clock, migrations
from libs.common.db import Database
from libs.common.web.auth import Principal
from services.forecast.config import Settings
from services.forecast.plans import drafting, editing, service
from services.forecast.plans.schemas import DraftIn, EditIn, NodeIn, PlanIn

READINGS: Final = 200
SYSTEM: Final = Principal.system("bench")
DIMENSIONS: Final = ("unit", "person", "product", "segment")
Say = Callable[[str], None]


def main(*, nodes: int, deals: int) -> int:
    """Print what is done and, as the last line, one JSON object."""
    found = run(nodes=nodes, deals=deals, say=lambda said: print(f"plans     | {said}", flush=True))
    print(json.dumps(found, separators=(",", ":")), flush=True)
    return 0


def run(*, nodes: int, deals: int, say: Say, readings: int = READINGS) -> dict[str, Any]:
    """Draft a plan with at least so many nodes, and read the attainment of its parts: milliseconds, p50 and p95."""
    with scratch_postgres("forecast") as (postgres, home):
        plan, parts, drafted_s = asyncio.run(_drafted(postgres, nodes, deals, say))
        took = _read(postgres, home, plan, parts, readings)
        p50, p95 = np.quantile(took, (0.5, 0.95))
        say(f"attainment read in {p50:.0f} ms, in 95 % of {readings} readings within {p95:.0f} ms")
        return {
            "name": "plans",
            "nodes": len(parts),
            "months": 12,
            "deals": deals,
            "drafted_s": round(drafted_s, 1),
            "read_p50_ms": round(float(p50), 1),
            "read_p95_ms": round(float(p95), 1),
            "load": round(os.getloadavg()[0], 1),
        }


async def _drafted(postgres: Postgres, nodes: int, deals: int, say: Say) -> tuple[UUID, Sequence[UUID], float]:
    """The plan, its parts (those with others below first), and how long drafting took."""
    owner_url = postgres.url("forecast", owner=True)
    await migrations.upgrade("services.forecast", owner_url)
    settings = Settings(database_url=SecretStr(postgres.url("forecast")), owner_database_url=SecretStr(owner_url))
    owner, database = Database(settings.model_copy(update={"database_url": SecretStr(owner_url)})), Database(settings)
    now = clock.now()
    try:
        await fill(owner, deals, now, say)
        begun = time.monotonic()
        year = settings.calendar.year(now.date())
        async with database.transaction() as session:
            made = await service.make(
                session, PlanIn(name="Large", period=year.key), idempotency_key=None, principal=SYSTEM
            )
            plan = made.row["plan_id"]
            wanted = DraftIn.model_validate({"growth": "0.1", "dimensions": DIMENSIONS})
            found = await drafting.draft(session, plan, wanted, if_match=None, principal=SYSTEM)
        drafted_s = time.monotonic() - begun
        async with database.transaction() as session:
            content = await service.content(session, found, "bookings", principal=SYSTEM)
            leaves = [at for at in range(len(content.tree)) if at not in content.tree.children]
            more = [
                NodeIn(parent_id=content.tree.nodes[leaf].node_id, dimension="market", value=f"Market {number}")
                for number in range(4)
                for leaf in leaves
            ][: max(0, nodes - len(content.tree))]
            for at in range(0, len(more), 2000):
                found = await editing.edit(
                    session, plan, EditIn(nodes=more[at : at + 2000]), if_match=None, principal=SYSTEM
                )
        async with database.reading() as session:
            found = await service.find(session, plan, principal=SYSTEM)
            tree = (await service.content(session, found, "bookings", principal=SYSTEM)).tree
        say(f"a plan with {len(tree):,} parts drafted in {drafted_s:.1f} s")
        parents = sorted(tree.children)
        rest = sorted(set(range(len(tree))) - set(parents))
        return plan, [tree.nodes[at].node_id for at in (*parents, *rest)], drafted_s
    finally:
        await owner.close()
        await database.close()


def _read(postgres: Postgres, home: Path, plan: UUID, parts: Sequence[UUID], readings: int) -> list[float]:
    """Milliseconds of each reading of the second half; the first warms up. Every tenth is of the root."""
    chance = random.Random(7)  # noqa: S311 - which parts are read is no secret
    with serving("forecast", postgres, home) as caller:

        def asked(number: int) -> str:
            node = "" if number % 10 == 0 else f"?node={parts[chance.randrange(max(2, len(parts) // 3))]}"
            return f"/v1/plans/{plan}/attainment{node}"

        took = [caller.took_ms("GET", asked(number)) for number in range(2 * readings)]
    return took[readings:]
