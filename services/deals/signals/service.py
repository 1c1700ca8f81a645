"""The rules of signals: measured once a night, on or off when two refits agree, raised and cleared as deals come to have them.

What is measured is of the whole company and names no deal; what stands on a deal is seen by those who see the deal.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.db import Database
from libs.common.events.deals import DealSignalCleared, DealSignalRaised
from libs.common.ids import new_id
from libs.common.messaging import outbox
from libs.common.signals import KEYS
from libs.common.web.auth import Principal, require
from services.deals.config import business_zone
from services.deals.signals import loading, repository
from services.deals.signals.definitions import judged
from services.deals.signals.facts import Deal, Usual
from services.deals.signals.landmarks import Pairs, observed, usual_now, view_of
from services.deals.signals.lift import discoveries, measured
from services.deals.signals.switching import Switch, turned, verdict

MOST_DEALS: Final = 20_000
"""Of more deals the first so many by id, which is a digest, are measured."""
AT_ONCE: Final = 1000
WEEK_BEFORE: Final = timedelta(days=7)

Found = dict[str, Any]


async def measure_nightly(database: Database, *, again: bool = False, principal: Principal) -> bool:
    """Measure once per local day, or `again`; False where today's refit stands already.

    The very first night measures what was known a week ago too, so that a company with a history has two refits to compare.
    """
    require(principal, "system")
    zone, now = business_zone(), clock.now()
    async with database.reading() as session:
        newest = await repository.newest(session)
    if newest is not None and not again and newest["as_of"].astimezone(zone).date() >= now.astimezone(zone).date():
        return False
    if newest is None:
        await measure(database, as_of=now - WEEK_BEFORE, principal=principal)
    await measure(database, as_of=now, principal=principal)
    return True


async def measure(database: Database, *, as_of: datetime, principal: Principal) -> None:
    """Measure every signal on what was known at `as_of`, and register it; nothing is registered before there is a landmark."""
    require(principal, "system")
    async with database.reading() as session:
        deals, pairs = await _sample(session), await loading.pairs(session)
        before = await _switches(session)
    found = await asyncio.to_thread(_measured, deals, pairs, as_of, business_zone(), before)
    if found is None:
        return
    refit, findings = found
    async with database.transaction() as session:
        recorded_at = await outbox.stamp(session)
        await repository.add(session, refit | {"recorded_at": recorded_at}, findings)


async def raise_and_clear(database: Database, *, principal: Principal) -> int:
    """Bring what stands on deals up to date, part by part, each in its transaction; returns how much was raised or cleared.

    What stands afterwards depends on the deals, the newest refit and the time alone, not on when or how often this ran before.
    """
    require(principal, "system")
    after, told = None, 0
    while True:
        async with database.transaction() as session:
            newest = await repository.newest(session)
            if newest is None:
                return 0
            ids = await loading.concerned(session, after=after, limit=AT_ONCE)
            told += await _raise_of(session, ids, newest) if ids else 0
        if len(ids) < AT_ONCE:
            return told
        after = ids[-1]


async def holding(session: AsyncSession, deal: Deal, usual: Usual, *, principal: Principal) -> dict[str, bool | None]:
    """Every signal of one deal as it stands now; all null where it is not open."""
    del principal  # the caller found the deal within scope
    now = clock.now()
    facts = deal.known(now, now)
    if facts is None or not facts.is_open:
        return dict.fromkeys(KEYS)
    pairs = await loading.pairs(session, [facts.account_id]) if facts.account_id else {}
    return judged(view_of(deal, facts, pairs, now, usual, business_zone()), business_zone())


async def _sample(session: AsyncSession) -> list[Deal]:
    deals: list[Deal] = []
    after: UUID | None = None
    while len(deals) < MOST_DEALS:
        ids = await loading.sample(session, after=after, limit=AT_ONCE)
        deals += await loading.deals(session, ids)
        if len(ids) < AT_ONCE:
            break
        after = ids[-1]
    return deals


async def _switches(session: AsyncSession) -> dict[str, Switch]:
    newest = await repository.newest(session)
    if newest is None:
        return {}
    found = await repository.findings(session, newest["refit_id"])
    return {key: Switch(row["is_on"], row["verdict"], newest["newest_landmark"]) for key, row in found.items()}


def _measured(
    deals: Sequence[Deal], pairs: Pairs, as_of: datetime, zone: ZoneInfo, before: Mapping[str, Switch]
) -> tuple[Found, list[Found]] | None:
    seen = observed(deals, pairs, until=as_of, zone=zone)
    if seen.newest_landmark is None:
        return None
    lifts = {}
    for key in KEYS:
        known = seen.has[key] >= 0
        lifts[key] = measured(seen.has[key][known], seen.won[known], seen.stratum[known], seen.deal[known])
    stand_out = dict(zip(KEYS, discoveries([lifts[key].p for key in KEYS]), strict=True))
    findings = []
    for key, lift in lifts.items():
        said = verdict(lift, stands_out=stand_out[key])
        switch = turned(before.get(key, Switch()), said, seen.newest_landmark)
        counts = {"deals_with": lift.deals_with, "deals_without": lift.deals_without, "landmarks": lift.landmarks}
        shares = {"lift": lift.lift, "low": lift.low, "high": lift.high, "chance": lift.p}
        findings.append({"signal": key, **counts, **shares, "verdict": said, "is_on": switch.is_on})
    refit = {
        "refit_id": new_id(),
        "as_of": as_of,
        "newest_landmark": seen.newest_landmark,
        "deals": seen.deals,
        "landmarks": len(seen.won),
        "usual": written(usual_now(deals, now=as_of)),
    }
    return refit, findings


async def _raise_of(session: AsyncSession, ids: Sequence[UUID], newest: RowMapping) -> int:
    """Raise and clear on these deals."""
    found = await repository.findings(session, newest["refit_id"])
    on = {key: row for key, row in found.items() if row["is_on"]}
    usual, now, zone = read(newest["usual"]), clock.now(), business_zone()
    deals = await loading.deals(session, ids)
    pairs = await loading.pairs(session)
    wanted: set[tuple[UUID, str]] = set()
    for deal in deals:
        facts = deal.known(now, now)
        if facts is not None and facts.is_open:
            signs = judged(view_of(deal, facts, pairs, now, usual, zone), zone)
            wanted |= {(deal.deal_id, key) for key in on if signs[key]}
    stands = await repository.standing(session, ids)
    turn = [(each, True) for each in wanted if each not in stands or not stands[each]["raised"]]
    turn += [(each, False) for each, row in stands.items() if row["raised"] and each not in wanted]
    if not turn:
        return 0
    recorded_at = await outbox.stamp(session)
    rows = []
    for (deal_id, key), raised in sorted(turn):
        version = stands[deal_id, key]["version"] + 1 if (deal_id, key) in stands else 1
        said = {"deal_id": deal_id, "signal": key, "version": version, "at": now, "refit_id": newest["refit_id"]}
        rows.append(said | {"raised": raised, "recorded_at": recorded_at})
        event = (
            DealSignalRaised(**said, **{name: on[key][name] for name in ("lift", "low", "high")})
            if raised
            else DealSignalCleared(**said)
        )
        outbox.add(session, event, key=deal_id, version=version, occurred_at=now)
    await repository.append(session, rows)
    return len(rows)


_USUAL: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[str, Any])


def written(usual: Usual) -> str:
    """What is usual, as a refit keeps it."""
    document = {
        "median": {currency: str(amount) for currency, amount in usual.median.items()},
        "thirds": {currency: [str(each) for each in ends] for currency, ends in usual.thirds.items()},
        "stalled_days": [[*key, days] for key, days in usual.stalled_days.items()],
        "later": sorted(usual.later),
        "buyers_are_told": usual.buyers_are_told,
    }
    return _USUAL.dump_json(document).decode()


def read(document: str) -> Usual:
    """What is usual, as a refit kept it."""
    kept = _USUAL.validate_json(document)
    return Usual(
        median={currency: Decimal(amount) for currency, amount in kept["median"].items()},
        thirds={currency: (Decimal(low), Decimal(high)) for currency, (low, high) in kept["thirds"].items()},
        stalled_days={(pipeline, stage, segment): days for pipeline, stage, segment, days in kept["stalled_days"]},
        later=frozenset((pipeline, stage) for pipeline, stage in kept["later"]),
        buyers_are_told=kept["buyers_are_told"],
    )
