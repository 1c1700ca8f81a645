"""The rules of close plans: who may change what, and that every change is appended and checked.

Whatever changes a plan locks its row first, so entries are numbered one by one; a tick needs no version, since ticks of
different tasks do not touch each other and of one task the one said last stands.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Final, NoReturn
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.calendar import local_date
from libs.common.db import SETTINGS
from libs.common.ids import entity_id
from libs.common.messaging import outbox
from libs.common.web import etags
from libs.common.web.auth import Principal, require
from libs.common.web.errors import Conflict, Forbidden, Invalid, NotFound
from libs.common.web.idempotency import Sent, sent
from libs.common.web.schemas import In
from services.deals.closeplans import path, repository
from services.deals.closeplans.known import AT_ONCE, tell, tell_due
from services.deals.closeplans.plan import Entry, Kind, Plan, Task, fold, without
from services.deals.closeplans.repository import Head, Kept
from services.deals.closeplans.schemas import MOST_TASKS, PlanIn, TaskIn, TickIn
from services.deals.ledger import reading as ledger

WRITERS: Final = ("seller", "manager", "sales_ops", "cso")
"""Roles that may work on the plans of deals in their scope."""
BUYER: Final = "buyer"
"""The role of whoever comes by a buyer's link; its scope is the one plan."""
AHEAD: Final = timedelta(minutes=5)
"""How far another clock may go ahead of ours."""


class NoClosePlan(NotFound):
    """The deal has no close plan, or the caller may not see it."""


class NoSuchTask(NotFound):
    """The plan has no such task, or it was removed."""


class NoSuchTemplate(NotFound):
    """There is no template of this key."""


class PlanBegunAlready(Conflict):
    """A deal has one plan; its tasks can be changed."""


class DealNotOpen(Conflict):
    """Plans begin on open deals."""


class TasksInACircle(Invalid):
    """Tasks wait for each other in a circle, so none of them could begin."""


class TasksNotRight(Invalid):
    """A task waits for one that is not there, two have one key, or there are too many."""


class DayAhead(Invalid):
    """What is done was done today or before."""


class NotYourTask(Forbidden):
    """A buyer ticks the buyer's tasks only."""


def plan_id_of(deal_id: UUID) -> UUID:
    """A deal's one plan, so that two who begin it at once begin the same."""
    return entity_id("foretell", "close-plan", str(deal_id))


async def begin(
    session: AsyncSession, deal_id: UUID, wanted: PlanIn, *, idempotency_key: str | None, principal: Principal
) -> None:
    """Begin a deal's plan with the tasks of a template. The same `Idempotency-Key` and body again change nothing.

    Raises MissingRole, UnknownDeal, DealNotOpen, NoSuchTemplate, PlanBegunAlready, IdempotencyKeyReused.
    """
    require(principal, *WRITERS)
    deal = await ledger.deal(session, deal_id, principal=principal)
    plan_id = plan_id_of(deal_id)
    version = await repository.lock(session, plan_id, deal_id)
    request = _sent(plan_id, wanted, "begin", idempotency_key, principal=principal)
    if _was_taken((await repository.entries(session, [plan_id]))[plan_id], request):
        return
    if version:
        raise PlanBegunAlready(f"Deal {deal_id} has a close plan; add, change or remove its tasks.")
    if deal.state != "open" or deal.removed:
        raise DealNotOpen(f"Deal {deal_id} is {'removed' if deal.removed else deal.state}; plans begin on open deals.")
    found = await repository.templates(session, wanted.template)
    if not found:
        raise NoSuchTemplate(f"There is no template {wanted.template!r}; see /v1/close-plans/templates.")
    of_template, today = repository.tasks_of(found[0]), _today(session)
    ids = {task.key: entity_id("foretell", "close-plan-task", f"{plan_id}:{task.key}") for task in of_template}
    tasks = tuple(
        Task(ids[t.key], t.title, t.side, t.days, tuple(ids[one] for one in t.after), t.key, today) for t in of_template
    )
    at = await outbox.stamp(session)
    title = wanted.title or found[0]["name"]
    await repository.name(session, plan_id, template=wanted.template, title=title, actor=principal.subject, at=at)
    entry = Entry(request.id, 1, "begun", clock.now(), tasks)
    await repository.append(session, plan_id, Kept(entry, principal.subject, at, request.digest))
    await tell(session, [await head_of(session, deal_id, principal=principal)])


async def add_task(
    session: AsyncSession,
    deal_id: UUID,
    wanted: TaskIn,
    *,
    if_match: str | None,
    idempotency_key: str | None,
    principal: Principal,
) -> None:
    """Add a task. Raises what `begin` raises of the caller, NoClosePlan, VersionHasMoved, TasksNotRight, TasksInACircle."""

    def added(plan: Plan, entry_id: UUID) -> Entry:
        task = Task(entry_id, wanted.title, wanted.side, wanted.days, wanted.after, since=_today(session))
        check({**plan.tasks, task.task_id: task})
        return _entry(entry_id, "added", task=task)

    head = await _head_for(session, deal_id, principal=principal)
    await _say(session, head, wanted, "add", added, if_match=if_match, key=idempotency_key, principal=principal)


async def change_task(
    session: AsyncSession, deal_id: UUID, task_id: UUID, wanted: TaskIn, *, if_match: str | None, principal: Principal
) -> None:
    """Change a task. Raises as `add_task`, and NoSuchTask."""

    def changed(plan: Plan, entry_id: UUID) -> Entry:
        task = replace(_task(plan, task_id), title=wanted.title, side=wanted.side, days=wanted.days, after=wanted.after)
        check({**plan.tasks, task_id: task})
        return _entry(entry_id, "changed", task=task)

    head = await _head_for(session, deal_id, principal=principal)
    await _say(session, head, wanted, f"change {task_id}", changed, if_match=if_match, principal=principal)


async def remove_task(
    session: AsyncSession, deal_id: UUID, task_id: UUID, *, if_match: str | None, principal: Principal
) -> None:
    """Remove a task; those that waited for it wait for what it waited for. Raises as `change_task`, TasksNotRight for the last one."""

    def removed(plan: Plan, entry_id: UUID) -> Entry:
        task = _task(plan, task_id)
        if not without(plan.tasks, task_id):
            raise TasksNotRight(f"{task.title!r} is the plan's only task; add another before you remove it.")
        return _entry(entry_id, "removed", task_id=task_id)

    head = await _head_for(session, deal_id, principal=principal)
    await _say(session, head, None, f"remove {task_id}", removed, if_match=if_match, principal=principal)


async def tick(
    session: AsyncSession,
    deal_id: UUID,
    task_id: UUID,
    wanted: TickIn,
    *,
    idempotency_key: str | None,
    principal: Principal,
) -> None:
    """Say that a task is done, or is not. Raises as `change_task`, DayAhead, IdempotencyKeyReused."""
    head = await _head_for(session, deal_id, principal=principal)
    await _tick(session, head, task_id, wanted, idempotency_key, principal=principal)


async def tick_shared(
    session: AsyncSession,
    plan_id: UUID,
    task_id: UUID,
    wanted: TickIn,
    *,
    idempotency_key: str | None,
    principal: Principal,
) -> None:
    """What the buyer says of a task of theirs. Raises NoClosePlan for every other plan, NoSuchTask, NotYourTask, DayAhead."""
    head = await shared_head(session, plan_id, principal=principal)
    await _tick(session, head, task_id, wanted, idempotency_key, principal=principal)


async def shared_head(session: AsyncSession, plan_id: UUID, *, principal: Principal) -> Head:
    """The plan that a buyer's link is for. Raises NoClosePlan for everybody else and every other plan."""
    head = await repository.head(session, plan_id)
    if head is None or BUYER not in principal.roles or plan_id not in principal.scope:
        raise NoClosePlan(f"There is no close plan {plan_id} for you.")
    return head


async def head_of(session: AsyncSession, deal_id: UUID, *, principal: Principal) -> Head:
    """The plan of a deal within scope. Raises UnknownDeal, NoClosePlan."""
    await ledger.deal(session, deal_id, principal=principal)
    head = await repository.head(session, plan_id_of(deal_id))
    if head is None:
        raise NoClosePlan(f"Deal {deal_id} has no close plan; begin one from a template.")
    return head


async def tell_daily(session: AsyncSession, *, principal: Principal) -> bool:
    """Tell how plans stand of which nothing was told today: their days move on. True when there may be more."""
    require(principal, "system")
    return await tell_due(session) == AT_ONCE


async def _head_for(session: AsyncSession, deal_id: UUID, *, principal: Principal) -> Head:
    require(principal, *WRITERS)
    return await head_of(session, deal_id, principal=principal)


async def _tick(
    session: AsyncSession, head: Head, task_id: UUID, wanted: TickIn, key: str | None, *, principal: Principal
) -> None:
    today, now = _today(session), clock.now()
    if wanted.on is not None and wanted.on > today:
        raise DayAhead(f"on: {wanted.on} has not come yet; a task is done on the day on which it is finished.")
    if wanted.said_at is not None and wanted.said_at > now + AHEAD:
        raise DayAhead(f"said_at: {wanted.said_at.isoformat()} has not come yet.")

    def ticked(plan: Plan, entry_id: UUID) -> Entry:
        task = _task(plan, task_id)
        if BUYER in principal.roles and task.side != "buyer":
            raise NotYourTask(f"{task.title!r} is the seller's; they will tick it.")
        kind: Kind = "ticked" if wanted.done else "unticked"
        on = (wanted.on or today) if wanted.done else None
        return Entry(entry_id, 0, kind, wanted.said_at or now, task_id=task_id, on=on)

    await _say(session, head, wanted, f"tick {task_id}", ticked, key=key, principal=principal)


async def _say(
    session: AsyncSession,
    head: Head,
    wanted: In | None,
    what: str,
    build: Callable[[Plan, UUID], Entry],
    *,
    if_match: str | None = None,
    key: str | None = None,
    principal: Principal,
) -> None:
    """Append the entry that `build` makes of the plan as it stands under the lock, unless it came before."""
    version = await repository.lock(session, head.plan_id, head.deal_id)
    known = (await repository.entries(session, [head.plan_id]))[head.plan_id]
    request = _sent(head.plan_id, wanted, what, key, principal=principal)
    if _was_taken(known, request):
        return
    etags.check(if_match, version, noun=f"The close plan of deal {head.deal_id}")
    said = [each.entry for each in known]
    entry = replace(build(fold(said), request.id), version=version + 1)
    at = await outbox.stamp(session)
    await repository.append(session, head.plan_id, Kept(entry, principal.subject, at, request.digest))
    plan, holidays = fold([*said, entry]), frozenset(session.info[SETTINGS].holidays or ())
    took = {task.task_id: (task.key, plan.took(task, holidays)) for task in plan.tasks.values()}
    taken = {task: (name, days) for task, (name, days) in took.items() if name is not None and days is not None}
    await repository.keep_taken(session, head.plan_id, head.template, taken)
    await tell(session, [head])


def _sent(plan_id: UUID, wanted: In | None, what: str, key: str | None, *, principal: Principal) -> Sent:
    """What is asked of a plan; an Idempotency-Key is the caller's own within the plan."""
    body = f"{what}\n{wanted.model_dump_json() if wanted else ''}"
    return sent(f"close-plan-entry:{plan_id}", body, key, principal=principal)


def _was_taken(known: Sequence[Kept], request: Sent) -> bool:
    """Whether the request came before. Raises IdempotencyKeyReused."""
    return request.was_taken(next((each.request_digest for each in known if each.entry.entry_id == request.id), None))


def check(tasks: Mapping[UUID, Task]) -> None:
    """Raise TasksNotRight or TasksInACircle, by the tasks' titles."""
    if len(tasks) > MOST_TASKS:
        raise TasksNotRight(f"A plan has at most {MOST_TASKS} tasks.")
    for task in tasks.values():
        missing = next((one for one in task.after if one not in tasks), None)
        if missing is not None:
            raise TasksNotRight(f"after: {task.title!r} waits for {missing}, which is no task of the plan.")
    try:
        path.ordered({task_id: task.after for task_id, task in tasks.items()})
    except path.Cycle as cycle:
        _refuse([tasks[task].title for task in cycle.tasks])


def _refuse(titles: Sequence[str]) -> NoReturn:
    circle = " → ".join([*titles, titles[0]])
    raise TasksInACircle(f"after: these tasks wait for each other in a circle, so none could begin: {circle}.")


def _task(plan: Plan, task_id: UUID) -> Task:
    task = plan.tasks.get(task_id)
    if task is None:
        raise NoSuchTask(f"The plan has no task {task_id}; it may have been removed. Read the plan again.")
    return task


def _entry(entry_id: UUID, kind: Kind, *, task: Task | None = None, task_id: UUID | None = None) -> Entry:
    return Entry(entry_id, 0, kind, clock.now(), (task,) if task else (), task.task_id if task else task_id)


def _today(session: AsyncSession) -> date:
    return local_date(clock.now(), session.info[SETTINGS].org_timezone)
