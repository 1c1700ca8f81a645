"""What the steps of a forecast were worth at a node, from locks and closed periods alone: nothing is read again."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.calendar import local_date
from libs.common.web.auth import Principal
from libs.common.web.errors import Forbidden
from services.forecast.accuracy.scoring import Case, Scores, score
from services.forecast.calls import service as calls
from services.forecast.calls.steps import NodeKey
from services.forecast.config import settings_of
from services.forecast.locks import service as locks

LINE = frozenset({"manager", "cso", "ceo", "admin", "system"})
"""Roles that see the figures of those below them; everybody else sees their own."""


class NotYourFigure(Forbidden):
    """A person's own figure is seen by them and their line only."""


@dataclass(frozen=True, slots=True)
class ValueAdded:
    """The scores of a node, over all its locks and by lead time."""

    node: NodeKey
    value_basis: str
    excluded_incomplete: int
    unknown_completeness: int
    overall: Scores
    by_lead: Mapping[int, Scores]


async def value_added(
    session: AsyncSession,
    node: NodeKey | None,
    *,
    deal_type: str | None,
    value_basis: str | None,
    principal: Principal,
) -> ValueAdded:
    """Score the steps at a node; without one at the caller's own. Raises NotYourFigure."""
    chosen = await allowed(session, node, principal=principal)
    basis = value_basis or settings_of(session).call_basis
    rows = await locks.frozen_of(
        session, kind=chosen.kind, node_id=chosen.id, deal_type=deal_type, value_basis=basis, principal=principal
    )
    zone = settings_of(session).org_timezone
    running = [
        row
        for row in rows
        if row["kind"] == "weekly" and row["period_start"] <= local_date(row["due_at"], zone) < row["period_end"]
    ]
    scored, closed = _cases(session, rows, running)
    by_lead: dict[int, list[Case]] = defaultdict(list)
    for case in scored:
        by_lead[case.lead_weeks].append(case)
    of_closed = [row for row in running if _span(row) in closed]
    return ValueAdded(
        node=chosen,
        value_basis=basis,
        excluded_incomplete=sum(row["state"] == "incomplete" for row in of_closed),
        unknown_completeness=sum(row["state"] == "unknown" for row in of_closed),
        overall=score(scored),
        by_lead={lead: score(by_lead[lead]) for lead in sorted(by_lead)},
    )


async def allowed(session: AsyncSession, node: NodeKey | None, *, principal: Principal) -> NodeKey:
    """The node whose figures the caller may see; without one their own. Raises NotYourFigure."""
    own = await calls.own_person(session, principal=principal)
    itself = NodeKey("person", own) if own else None
    if node is None:
        node = NodeKey("unit", principal.scope[0]) if principal.roles & LINE and principal.scope else itself
    if node is None or (node != itself and not principal.roles & LINE):
        raise NotYourFigure("Only a person and those above them see what their calls were worth; ask for your own.")
    if node != itself and not await calls.lies_within(session, node, principal=principal):
        raise NotYourFigure(f"The {node.kind} {node.id} is not below your units.")
    return node


def _cases(
    session: AsyncSession, rows: Sequence[Mapping[str, Any]], running: Sequence[Mapping[str, Any]]
) -> tuple[list[Case], set[tuple[Any, Any]]]:
    """A case per complete enough lock of a closed period. Naive: what the period before had at its last instant."""
    table = locks.timetable(settings_of(session))
    came = {_span(row): row["closed_won"] for row in rows if row["kind"] == "closed"}
    ended = {
        row["period_end"]: row["closed_won"]
        for row in rows
        if row["kind"] == "period_end" and row["period_end"] == _next_day(session, row)
    }
    cases = []
    for row in running:
        if _span(row) not in came or row["state"] == "incomplete":
            continue
        ends_at = table.ends_at(table.calendar.parse(row["period_key"]))
        cases.append(
            Case(
                period=row["period_key"],
                lead_weeks=(ends_at - row["due_at"]) // timedelta(weeks=1),
                actual=came[_span(row)],
                said={
                    "naive": ended.get(row["period_start"]),
                    "crm": row["crm"],
                    "reps": row["reps"],
                    "managers": row["managers"],
                    "adjusted": row["adjusted"],
                },
            )
        )
    return cases, set(came)


def _span(row: Mapping[str, Any]) -> tuple[Any, Any]:
    return row["period_start"], row["period_end"]


def _next_day(session: AsyncSession, row: Mapping[str, Any]) -> Any:
    """The day after a lock's own: a lock of a period's last instant freezes the next periods too."""
    zone = settings_of(session).org_timezone
    return local_date(row["due_at"], zone) + timedelta(days=1)
