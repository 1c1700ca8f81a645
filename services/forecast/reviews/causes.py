"""What opens a review: the policy that was set beforehand, and what it finds. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Final, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

Kind = Literal["regular", "chance", "gap", "assumption", "by_hand"]
STANDING: Final[tuple[Kind, ...]] = ("chance", "gap")
"""Causes that are found anew at every lock as long as they last; a decision holds them off until its check date."""


@dataclass(frozen=True, slots=True)
class Trigger:
    """Something that calls for a review of a plan. `subject_id`: the node or assumption it is about; `since`: when it began."""

    kind: Kind
    plan_id: UUID
    subject_id: UUID | None
    text: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Policy:
    """When a plan is reviewed, as somebody set it at `made_at`; what is None opens nothing.

    `chance_below`: P(target) of `chance_node` at a weekly lock; `gap_above`: the share that `gap_node` lacks of what was wanted by then.
    """

    plan_id: UUID
    day_of_month: int | None
    chance_node: UUID | None
    chance_below: Decimal | None
    gap_node: UUID | None
    gap_above: Decimal | None
    on_broken: bool
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Stood:
    """How a node stood at a lock."""

    node_id: UUID
    label: str
    chance: float | None
    closed: Decimal | None
    target_to_date: Decimal | None

    @property
    def lacks(self) -> Decimal | None:
        """The share of what was wanted by then that is not there; None where nothing was, or nothing is known."""
        if self.closed is None or self.target_to_date is None or self.target_to_date <= 0:
            return None
        return (self.target_to_date - self.closed) / self.target_to_date


@dataclass(frozen=True, slots=True)
class Known:
    """A review that was opened. `check_on`: until when its decision holds; `is_open`: nobody has decided it yet."""

    kind: Kind
    subject_id: UUID | None
    since: datetime
    is_open: bool
    check_on: date | None


def regular(policy: Policy, now: datetime, zone: str) -> Trigger | None:
    """The newest regular review that is due: at the start of its day in the organisation's time, after the policy was set."""
    if policy.day_of_month is None:
        return None
    here = now.astimezone(ZoneInfo(zone)).date()
    month = here.replace(day=1)
    if here.day < policy.day_of_month:
        month = (month - timedelta(days=1)).replace(day=1)
    day = month.replace(day=policy.day_of_month)
    at = datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)
    if at <= policy.made_at:
        return None
    return Trigger("regular", policy.plan_id, None, f"The regular review of {day.day} {day:%B %Y}", at)


def at_lock(policy: Policy, nodes: Iterable[Stood], at: datetime) -> list[Trigger]:
    """What a policy finds in how its nodes stood at a lock's instant. What is not known opens nothing."""
    found = []
    for node in nodes:
        if (text := _unlikely(policy, node)) is not None:
            found.append(Trigger("chance", policy.plan_id, node.node_id, text, at))
        if (text := _behind(policy, node)) is not None:
            found.append(Trigger("gap", policy.plan_id, node.node_id, text, at))
    return found


def _unlikely(policy: Policy, node: Stood) -> str | None:
    bound, chance = policy.chance_below, node.chance
    if node.node_id != policy.chance_node or bound is None or chance is None or Decimal(repr(chance)) >= bound:
        return None
    return f"P(target) of {node.label} is {chance * 100:.0f} %, below {bound * 100:.0f} %"


def _behind(policy: Policy, node: Stood) -> str | None:
    bound, lacks = policy.gap_above, node.lacks
    if node.node_id != policy.gap_node or bound is None or lacks is None or lacks <= bound:
        return None
    return f"{node.label} lacks {lacks * 100:.0f} % of what was wanted by then, more than {bound * 100:.0f} %"


def is_new(trigger: Trigger, known: Sequence[Known], today: date) -> bool:
    """Whether a trigger opens a review: the same cause has none open, was not judged since, and no decision about it still holds."""
    for each in known:
        if (each.kind, each.subject_id) != (trigger.kind, trigger.subject_id):
            continue
        if each.is_open or trigger.since <= each.since:
            return False
        if trigger.kind in STANDING and each.check_on is not None and today <= each.check_on:
            return False
    return True
