"""What is told of close plans: to those who see the deal, and to the buyer of the one plan."""

from collections.abc import Mapping
from datetime import date
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.web.auth import ROLES, Principal, require
from services.deals.closeplans import known, repository, service
from services.deals.closeplans.durations import Duration, Finished, learn
from services.deals.closeplans.known import Standing
from services.deals.closeplans.plan import Outlook, Plan, Task
from services.deals.closeplans.repository import Head
from services.deals.closeplans.schemas import (
    Against,
    EntryOut,
    HistoryOut,
    LearntOut,
    PlanOut,
    SharedOut,
    SharedTaskOut,
    TaskOut,
    TemplateOut,
    TemplatesOut,
)


async def templates(session: AsyncSession, template: str | None = None, *, principal: Principal) -> TemplatesOut:
    """The templates as they stand, with what was learnt of their tasks from closed deals of the whole company."""
    require(principal, *ROLES)
    rows = await repository.templates(session, template)
    finished = await repository.finished(session, [row["template"] for row in rows])
    items = []
    for row in rows:
        tasks = repository.tasks_of(row)
        learnt = [_learnt(row["template"], task.key, task.days, finished) for task in tasks]
        of_row = {name: row[name] for name in ("template", "version", "name", "author", "recorded_at")}
        items.append(TemplateOut(**of_row, tasks=tasks, learnt=learnt))
    return TemplatesOut(items=items)


async def plan(session: AsyncSession, deal_id: UUID, *, principal: Principal) -> PlanOut:
    """A deal's plan with its path and when it will be done. Raises UnknownDeal, NoClosePlan."""
    require(principal, *ROLES)
    head = await service.head_of(session, deal_id, principal=principal)
    stands = await _seen(session, head)
    found, durations, ahead, today = stands.plan, stands.durations, stands.ahead, stands.today
    close_date = await repository.close_date(session, deal_id)
    return PlanOut(
        plan_id=head.plan_id,
        deal_id=deal_id,
        version=head.version,
        title=head.title,
        template=head.template,
        begun_at=head.begun_at,
        begun_by=head.begun_by,
        as_of=today,
        tasks=[_task(found, task, durations[task.task_id], ahead) for task in found.tasks.values()],
        path=list(ahead.path),
        days_p50=ahead.days_p50,
        days_p80=ahead.days_p80,
        p50_on=ahead.p50_on,
        p80_on=ahead.p80_on,
        crm_close_date=close_date,
        against_crm=_against(ahead, close_date),
        gap_days_p50=_gap(ahead.p50_on, close_date),
        gap_days_p80=_gap(ahead.p80_on, close_date),
    )


async def history(session: AsyncSession, deal_id: UUID, *, principal: Principal) -> HistoryOut:
    """All that was said of a deal's plan, in order of recording. Raises UnknownDeal, NoClosePlan."""
    require(principal, *ROLES)
    head = await service.head_of(session, deal_id, principal=principal)
    entries = [
        EntryOut(
            version=kept.entry.version,
            entry_id=kept.entry.entry_id,
            kind=kept.entry.kind,
            said_at=kept.entry.said_at,
            recorded_at=kept.recorded_at,
            actor=kept.actor,
            task_id=kept.entry.task_id,
            titles=[task.title for task in kept.entry.tasks],
            on=kept.entry.on,
        )
        for kept in (await repository.entries(session, [head.plan_id]))[head.plan_id]
    ]
    return HistoryOut(plan_id=head.plan_id, entries=entries)


async def shared(session: AsyncSession, plan_id: UUID, *, principal: Principal) -> SharedOut:
    """What the buyer sees of the one plan of their link. Raises NoClosePlan for every other."""
    head = await service.shared_head(session, plan_id, principal=principal)
    stands = await _seen(session, head)
    found, durations, ahead, today = stands.plan, stands.durations, stands.ahead, stands.today
    numbers = {task_id: number for number, task_id in enumerate(found.tasks, start=1)}
    tasks = []
    for task in found.tasks.values():
        told = _task(found, task, durations[task.task_id], ahead)
        kept = {name: getattr(told, name) for name in SharedTaskOut.model_fields if name not in ("number", "waits_for")}
        waits_for = [numbers[one] for one in told.waits_for]
        tasks.append(SharedTaskOut(**kept, number=numbers[task.task_id], waits_for=waits_for))
    return SharedOut(title=head.title, as_of=today, expected_on=ahead.p50_on, tasks=tasks)


async def _seen(session: AsyncSession, head: Head) -> Standing:
    return (await known.standings(session, [head]))[head.plan_id]


def _task(plan: Plan, task: Task, duration: Duration, ahead: Outlook) -> TaskOut:
    expected = ahead.tasks.get(task.task_id)
    return TaskOut(
        task_id=task.task_id,
        key=task.key,
        title=task.title,
        side=task.side,
        is_milestone=task.days == 0,
        days=task.days,
        after=list(task.after),
        waits_for=[one for one in task.after if one not in plan.done and expected is not None],
        done_on=plan.done.get(task.task_id),
        begins_on=expected.begins_on if expected else None,
        ends_on=expected.ends_on if expected else None,
        is_critical=expected.is_critical if expected else False,
        median_days=round(duration.median, 1),
        low_days=round(duration.low, 1),
        high_days=round(duration.high, 1),
        n=duration.n,
    )


def _learnt(template: str, key: str, days: float, finished: Mapping[tuple[str, str], Finished]) -> LearntOut:
    found = learn(days, finished.get((template, key), Finished()))
    median, low, high = (round(each, 1) for each in (found.median, found.low, found.high))
    return LearntOut(key=key, default=days, median=median, low=low, high=high, n=found.n)


def _gap(day: date | None, close_date: date | None) -> int | None:
    return (day - close_date).days if day and close_date else None


def _against(ahead: Outlook, close_date: date | None) -> Against:
    if not ahead.tasks:
        return "done"
    if close_date is None or ahead.p50_on is None or ahead.p80_on is None:
        return "no_close_date"
    return "late" if ahead.p50_on > close_date else "at_risk" if ahead.p80_on > close_date else "in_time"
