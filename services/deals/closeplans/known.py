"""How plans stand today, from what was said of them and what closed deals teach; and telling others of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.calendar import local_date
from libs.common.db import SETTINGS
from libs.common.events.deals import ClosePlanMoved
from libs.common.messaging import outbox
from services.deals.closeplans import repository
from services.deals.closeplans.durations import Duration, Finished, learn
from services.deals.closeplans.plan import Outlook, Plan, fold, outlook
from services.deals.closeplans.repository import Head

AT_ONCE: Final = 200


@dataclass(frozen=True, slots=True)
class Standing:
    """A plan as of a day."""

    plan: Plan
    durations: dict[UUID, Duration]
    ahead: Outlook
    today: date


async def standings(session: AsyncSession, heads: Sequence[Head]) -> dict[UUID, Standing]:
    """How each of these plans stands today."""
    settings = session.info[SETTINGS]
    said = await repository.entries(session, [head.plan_id for head in heads])
    finished = await repository.finished(session, {head.template for head in heads})
    today, holidays = local_date(clock.now(), settings.org_timezone), frozenset(settings.holidays or ())
    found = {}
    for head in heads:
        plan = fold(kept.entry for kept in said[head.plan_id])
        durations = {
            task.task_id: learn(task.days, finished.get((head.template, task.key or ""), Finished()))
            for task in plan.tasks.values()
        }
        ahead = outlook(plan, durations, today=today, holidays=holidays)
        found[head.plan_id] = Standing(plan, durations, ahead, today)
    return found


async def tell(session: AsyncSession, heads: Sequence[Head]) -> None:
    """Tell how these plans stand, whose rows are locked."""
    if not heads:
        return
    recorded_at = await outbox.stamp(session)
    found = await standings(session, heads)
    today = next(iter(found.values())).today
    left = {plan_id: len(each.ahead.tasks) for plan_id, each in found.items()}
    versions = await repository.note_told(session, left, on=today)
    told: list[dict[str, Any]] = []
    for head in heads:
        ahead, version = found[head.plan_id].ahead, versions[head.plan_id]
        event = ClosePlanMoved(
            deal_id=head.deal_id,
            version=version,
            as_of=today,
            open_tasks=len(ahead.tasks),
            p50_on=ahead.p50_on,
            p80_on=ahead.p80_on,
        )
        outbox.add(session, event, key=head.deal_id, version=version, occurred_at=clock.now())
        ends = {"p50_on": ahead.p50_on if ahead.tasks else None, "recorded_at": recorded_at}
        told.append({"deal_id": head.deal_id, "version": version, "as_of": today} | ends)
    await repository.keep_told(session, told)


async def tell_due(session: AsyncSession) -> int:
    """Tell of plans of open deals that were not told of today, at most 200; how many there were."""
    today = local_date(clock.now(), session.info[SETTINGS].org_timezone)
    heads = await repository.untold(session, today, limit=AT_ONCE)
    await tell(session, heads)
    return len(heads)
