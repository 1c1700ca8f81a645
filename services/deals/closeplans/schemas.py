"""Close plans as they come in and go out by HTTP."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from libs.common.web.schemas import In, Out
from services.deals.closeplans.plan import Kind, Side

MOST_TASKS = 200
Key = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$", description="small letters, digits, - and _")]
Title = Annotated[str, Field(min_length=1, max_length=200)]
Days = Annotated[float, Field(ge=0, le=365, allow_inf_nan=False, description="working days; 0 is a milestone")]


class TemplateTask(In):
    """A task of a template. `after`: keys of the tasks that have to be done before."""

    key: Key
    title: Title
    side: Side
    days: Days
    after: tuple[Key, ...] = Field(default=(), max_length=50)


class TemplateIn(In):
    name: Title
    tasks: tuple[TemplateTask, ...] = Field(min_length=1, max_length=MOST_TASKS)


class LearntOut(Out):
    """Working days of a task of the template: its own, and those learnt from `n` done ones in closed deals, eight of ten
    within `low` and `high`.
    """

    key: str
    default: float
    median: float
    low: float
    high: float
    n: int


class TemplateOut(Out):
    template: str
    version: int
    name: str
    tasks: tuple[TemplateTask, ...]
    learnt: list[LearntOut]
    author: str
    recorded_at: datetime


class TemplatesOut(Out):
    items: list[TemplateOut]


class PlanIn(In):
    """Begins a plan from a template. The title is what the buyer reads; without it the template's name."""

    template: Key
    title: Title | None = None


class TaskIn(In):
    """A task of a plan. `after`: ids of the tasks that have to be done before."""

    title: Title
    side: Side
    days: Days
    after: tuple[UUID, ...] = Field(default=(), max_length=50)


class TickIn(In):
    """A task is done, or is not. `said_at`: when that was said, now unless told; of two sayings the later stands."""

    done: bool
    on: date | None = Field(default=None, description="the day on which it was done; today unless told")
    said_at: AwareDatetime | None = None


class TaskOut(Out):
    """A task as it stands. `begins_on`, `ends_on`: expected, while it is not done. `waits_for`: what it waits for, not done yet."""

    task_id: UUID
    key: str | None
    title: str
    side: Side
    is_milestone: bool
    days: float
    after: list[UUID]
    waits_for: list[UUID]
    done_on: date | None
    begins_on: date | None
    ends_on: date | None
    is_critical: bool
    median_days: float
    low_days: float
    high_days: float
    n: int


Against = Literal["done", "no_close_date", "in_time", "at_risk", "late"]
"""By the plan: later than the CRM's date in half of the cases (late), in more than one of five (at risk), or neither."""


class PlanOut(Out):
    """A plan and when the rest of it will be done: in half (p50) and in four of five cases (p80).

    `gap_days_p50`, `gap_days_p80`: calendar days by which that is later than the CRM's close date; negative is earlier.
    """

    plan_id: UUID
    deal_id: UUID
    version: int
    title: str
    template: str
    begun_at: datetime
    begun_by: str
    as_of: date
    tasks: list[TaskOut]
    path: list[UUID]
    days_p50: float
    days_p80: float
    p50_on: date | None
    p80_on: date | None
    crm_close_date: date | None
    against_crm: Against
    gap_days_p50: int | None
    gap_days_p80: int | None


class EntryOut(Out):
    """What was said of a plan."""

    version: int
    entry_id: UUID
    kind: Kind
    said_at: datetime
    recorded_at: datetime
    actor: str
    task_id: UUID | None
    titles: list[str]
    on: date | None


class HistoryOut(Out):
    plan_id: UUID
    entries: list[EntryOut]


class SharedTaskOut(Out):
    """A task as the buyer sees it; `number` counts the tasks of the plan, so that no prerequisite needs an id."""

    task_id: UUID
    number: int
    title: str
    side: Side
    is_milestone: bool
    waits_for: list[int]
    done_on: date | None
    begins_on: date | None
    ends_on: date | None


class SharedOut(Out):
    """A plan as the buyer sees it: nothing of the deal."""

    title: str
    as_of: date
    expected_on: date | None
    tasks: list[SharedTaskOut]
