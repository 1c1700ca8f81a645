"""A close plan as the fold of what was said of it, and when the rest will be done. Pure."""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import date, datetime
from math import ceil
from typing import Final, Literal
from uuid import UUID

import numpy as np

from libs.common.calendar import after_working_days, working_days_between
from services.deals.closeplans import path
from services.deals.closeplans.durations import SHORTEST_DAYS, Duration, Floats

Side = Literal["seller", "buyer"]
Kind = Literal["begun", "added", "changed", "removed", "ticked", "unticked"]

DRAWS: Final = 2000
SEED: Final = 20261
"""With the task's id it decides a task's draws, so that those of one task never depend on which others there are."""


@dataclass(frozen=True, slots=True)
class Task:
    """A task or, with 0 days, a milestone. `key`: its name in the template, by which it is learnt; null when added by hand."""

    task_id: UUID
    title: str
    side: Side
    days: float
    after: tuple[UUID, ...] = ()
    key: str | None = None
    since: date | None = None
    """The first day on which it could be begun if it waits for nothing: when it came into the plan."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What was said of a plan at one instant. `version` counts them; ticks are told apart by `said_at`, whoever came first."""

    entry_id: UUID
    version: int
    kind: Kind
    said_at: datetime
    tasks: tuple[Task, ...] = ()
    """Those of a plan that was begun; of an added or changed task this one."""
    task_id: UUID | None = None
    on: date | None = None
    """The day on which a ticked task was done."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a plan stands: its tasks in their order and the day on which each that is done was done."""

    tasks: Mapping[UUID, Task]
    done: Mapping[UUID, date]

    @property
    def after(self) -> dict[UUID, tuple[UUID, ...]]:
        return {task_id: task.after for task_id, task in self.tasks.items()}

    def ready(self, task: Task) -> date | None:
        """The first day on which a task could be begun; None while it waits for another."""
        if any(one not in self.done for one in task.after):
            return None
        return max((self.done[one] for one in task.after), default=task.since)

    def took(self, task: Task, holidays: Set[date]) -> float | None:
        """Working days from when a done task could be begun until it was done; None where that is not known."""
        ready, done = self.ready(task), self.done.get(task.task_id)
        if done is None or ready is None or task.days == 0:
            return None
        return max(float(working_days_between(ready, done, holidays)), SHORTEST_DAYS)


def fold(entries: Iterable[Entry]) -> Plan:
    """The plan that these entries make, in whatever order and however often they come.

    Tasks follow the entries' versions. Of ticks of one task the one said last stands, at one instant that of the greater id. Tasks that waited for a
    removed one wait for what it waited for.
    """
    known = sorted({entry.entry_id: entry for entry in entries}.values(), key=lambda entry: entry.version)
    tasks: dict[UUID, Task] = {}
    ticks: dict[UUID, Entry] = {}
    for entry in known:
        if entry.kind in ("begun", "added", "changed"):
            tasks |= {task.task_id: task for task in entry.tasks}
        elif entry.kind == "removed" and entry.task_id in tasks:
            tasks = without(tasks, entry.task_id)
        elif entry.kind in ("ticked", "unticked") and entry.task_id is not None:
            standing = ticks.get(entry.task_id)
            if standing is None or (standing.said_at, standing.entry_id) < (entry.said_at, entry.entry_id):
                ticks[entry.task_id] = entry
    done = {task: tick.on for task, tick in ticks.items() if tick.kind == "ticked" and tick.on and task in tasks}
    return Plan(tasks, done)


def without(tasks: Mapping[UUID, Task], task_id: UUID) -> dict[UUID, Task]:
    """The tasks without one of them; those that waited for it wait for what it waited for."""
    gone = tasks[task_id]
    return {
        each: replace(task, after=tuple(dict.fromkeys(one for was in task.after for one in (gone.after if was == task_id else (was,)))))
        for each, task in tasks.items()
        if each != task_id
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Expected:
    """When an open task begins and ends in working days from today, at median durations; `is_critical`: on the longest way."""

    begins: float
    ends: float
    begins_on: date
    ends_on: date
    is_critical: bool


@dataclass(frozen=True, slots=True)
class Outlook:
    """When the rest of a plan will be done: in half and in four of five draws. With nothing left both are the last done day."""

    days_p50: float
    days_p80: float
    p50_on: date | None
    p80_on: date | None
    path: Sequence[UUID]
    tasks: Mapping[UUID, Expected]


def outlook(plan: Plan, durations: Mapping[UUID, Duration], *, today: date, holidays: Set[date]) -> Outlook:
    """The rest of a plan as of a day. `durations` by task, in working days.

    The path is the exact longest way at median durations; P50 and P80 are quantiles of the longest way over 2,000 draws, since
    several ways of about one length end later than each of them. The draws are the same at every call.
    """
    open_tasks = [task for task_id, task in plan.tasks.items() if task_id not in plan.done]
    if not open_tasks:
        last = max(plan.done.values(), default=None)
        return Outlook(0.0, 0.0, last, last, (), {})
    after = plan.after
    half = np.array([0.5])
    medians: dict[UUID, float] = {}
    draws: dict[UUID, Floats] = {}
    for task in open_tasks:
        ready = plan.ready(task)
        elapsed = float(working_days_between(ready, today, holidays)) if ready else 0.0
        duration = durations[task.task_id]
        medians[task.task_id] = float(duration.remaining(half, elapsed=elapsed)[0])
        draws[task.task_id] = duration.remaining(_chances(task.task_id), elapsed=elapsed)
    way = path.critical(after, medians)
    ends = path.finishes(after, medians)
    whole = np.max(np.stack(list(path.finishes(after, draws).values())), axis=0)
    p50, p80 = (float(each) for each in np.quantile(whole, (0.5, 0.8)))

    def day(days: float) -> date:
        return after_working_days(today, ceil(round(days, 6)), holidays)

    expected = {
        task: Expected(end - medians[task], end, day(end - medians[task]), day(end), task in way)
        for task, end in ends.items()
    }
    return Outlook(p50, p80, day(p50), day(p80), way, expected)


def _chances(task_id: UUID) -> Floats:
    """A task's draws in (0, 1)."""
    found = np.random.default_rng([SEED, task_id.int >> 64, task_id.int & (2**64 - 1)]).random(DRAWS)
    return np.clip(found, 1e-9, 1 - 1e-9)
