"""`make bench-deals`: how long reading one deal and a page of a filtered list takes among many deals with five versions each.

Deals and their versions are made in the database (`dealseeding`); requests go over HTTP to a process of the service, one after
the other on one connection. A deal is the deal, its timeline, its edits and its row of the grid; what stands beside it (splits,
lines, competitors) and the closed deals that are like it are timed apart, as the page asks for all of them at once. Lists are read by somebody who sees everything and by a manager of one team of fifty.
"""

import asyncio
import hashlib
import itertools
import json
import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

import numpy as np

from deploy.local.dealseeding import fill
from deploy.local.scratch import scratch_postgres
from deploy.local.serving import Caller, serving
from libs.common.web.auth import Principal

READINGS = 100
TEAMS = 50
SELLERS = 500
Say = Callable[[str], None]

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
ONE = {
    "deal": ("{deal}", "{deal}/timeline", "{deal}/edits", "worklist?deal={deal}"),
    "beside": ("{deal}/splits", "{deal}/lines", "{deal}/competitors"),
    "nearest": ("{deal}/nearest",),
}
"""What is asked for the page of one deal, by name."""


def main(*, deals: int) -> int:
    """Print what is done and, as the last line, one JSON object."""
    found = run(deals=deals, say=lambda said: print(f"deals     | {said}", flush=True))
    print(json.dumps(found, separators=(",", ":")), flush=True)
    return 0


def run(*, deals: int, say: Say, readings: int = READINGS) -> dict[str, Any]:
    """Make the deals, read some and lists of them: milliseconds (p50, p95)."""
    with scratch_postgres("deals") as (postgres, home):
        begun = time.monotonic()
        asyncio.run(fill(postgres, deals, say, teams=TEAMS, sellers=SELLERS))
        say(f"{deals:,} deals with five versions each are there after {time.monotonic() - begun:.0f} s")
        found: dict[str, Any] = {"name": "deals", "deals": deals}
        with serving("deals", postgres, home) as caller:
            found |= _of_one(caller, ONE, range(1, deals + 1), readings, "", say)
            found |= _lists(caller, deals, readings, "list", say)
        team = Principal("bench", frozenset({"manager"}), (_md5("team0"),))
        with serving("deals", postgres, home, principal=team) as caller:
            theirs = range(TEAMS, deals + 1, TEAMS)
            found |= _of_one(caller, {"nearest": ONE["nearest"]}, theirs, readings, "team_", say)
            return found | _lists(caller, deals, readings, "team_list", say)


def _of_one(
    caller: Caller, asked: Mapping[str, Sequence[str]], numbers: range, readings: int, prefix: str, say: Say
) -> dict[str, Any]:
    """One deal after the other, out of those of the numbers."""
    found: dict[str, Any] = {}
    for name, paths in asked.items():
        picked = random.Random(7)  # noqa: S311 - which deals are read is no secret
        taken = []
        for _ in range(2 * readings):
            deal_id = _md5(f"deal{picked.choice(numbers)}")
            taken.append(sum(caller.took_ms("GET", f"/v1/deals/{path.format(deal=deal_id)}") for path in paths))
        found |= _told(f"{prefix}{name}", taken[readings:], say)
    return found


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
