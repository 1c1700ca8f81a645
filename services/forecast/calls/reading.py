"""Calls as they are read: one node with the nodes below it, or a list with what became of the ground they stood on."""

from collections import defaultdict
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.ids import ROOT_UNIT
from libs.common.web.auth import Principal
from libs.common.web.paging import UnreadableCursor, decode_cursor, encode_cursor
from services.forecast.calls import forest, repository
from services.forecast.calls.answers import adjustment_out, submission_out
from services.forecast.calls.forest import Forest, Moment
from services.forecast.calls.repository import Population
from services.forecast.calls.schemas import (
    CallNodeOut,
    CallsReading,
    NodeOut,
    StepsOut,
    SubmissionOut,
    SubmissionPageOut,
)
from services.forecast.calls.steps import Landing, Node, NodeKey
from services.forecast.rollup.schemas import Reading


async def calls(
    session: AsyncSession, population: Population, *, org: UUID | None, moment: Moment, principal: Principal
) -> CallsReading:
    """The call of a unit: its own, what its children make, and how it came from the CRM's number, step by step."""
    found = await forest.grow(session, population, org=org, moment=moment, principal=principal)
    read = found.reading
    return CallsReading(
        **{name: getattr(read, name) for name in Reading.model_fields},
        period=read.period,
        deal_type=population.deal_type,
        value_basis=population.value_basis,
        caller=await repository.person_of(session, principal.subject),
        node=_node_out(found, found.root),
        children=[_node_out(found, child) for child in found.root.children],
    )


def _node_out(found: Forest, node: Node) -> CallNodeOut:
    landing = found.landings[node.key]
    here = [row for row in found.calls if (row["node_kind"], row["node_id"]) == node.key]
    own = next((row for row in here if row["stands"]), None)
    is_unit = node.key.kind == "unit"
    number = landing.managers
    return CallNodeOut(
        node=NodeOut(kind=node.key.kind, id=node.key.id, label=node.label, unit_kind=node.unit_kind),
        call=_call(found, node, own) if own else None,
        other_calls=[_call(found, node, row) for row in here if not row["stands"]],
        children_amount=landing.children if is_unit else None,
        children_from_crm=landing.children_from_crm,
        children_of=landing.children_of,
        from_crm=landing.from_crm,
        of=landing.of,
        plug=own["amount"] - landing.children if own and is_unit else None,
        to_go=number - landing.closed_won,
        adjustment=node.adjustment,
        adjustments=[
            adjustment_out(row) for row in found.adjustments if (row["node_kind"], row["node_id"]) == node.key
        ],
        quota=node.quota,
        weighted=landing.weighted,
        landing=landing.closed_won + landing.weighted,
        steps=StepsOut(
            closed_won=landing.closed_won,
            crm=landing.crm,
            reps=landing.reps,
            managers=landing.managers,
            adjusted=landing.adjusted,
        ),
    )


def _call(found: Forest, node: Node, row: dict[str, Any]) -> SubmissionOut:
    return submission_out(
        row,
        found.landings[node.key],
        label=node.label,
        unit_kind=node.unit_kind,
        today=found.reading.business_date.day,
        now=found.reading.as_of,
    )


async def submissions(
    session: AsyncSession,
    *,
    node: NodeKey | None,
    population: Population | None,
    person: str | None,
    current_only: bool,
    cursor: str | None,
    limit: int,
    principal: Principal,
) -> SubmissionPageOut:
    """Calls within scope, newest first. Those in force carry staleness: one reading per period, type and basis on the page."""
    rows = await repository.submissions(
        session,
        wanted={
            "node_kind": node.kind if node else None,
            "node_id": node.id if node else None,
            "period_start": population.period_start if population else None,
            "period_end": population.period_end if population else None,
            "person": person,
        },
        current_only=current_only,
        after=_after(cursor),
        limit=limit + 1,
        principal=principal,
    )
    page = rows[:limit]
    last = page[-1] if len(rows) > limit else None
    return SubmissionPageOut(
        items=await with_staleness(session, page, principal=principal),
        next_cursor=encode_cursor(last["made_at"].isoformat(), last["submission_id"]) if last else None,
    )


async def with_staleness(
    session: AsyncSession, rows: list[dict[str, Any]], *, principal: Principal
) -> list[SubmissionOut]:
    """The calls in their order; those in force with what is at their node now."""
    wanted: dict[Population, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        if row.get("is_current", True):
            wanted[_population(row)].append(row)
    grown = {
        population: await forest.grow(session, population, org=ROOT_UNIT, moment=Moment(), principal=principal)
        for population in wanted
    }
    return [_listed(row, grown.get(_population(row))) for row in rows]


def _listed(row: dict[str, Any], found: Forest | None) -> SubmissionOut:
    key = NodeKey(row["node_kind"], row["node_id"])
    now = clock.now()
    if found is None or not row.get("is_current", True):
        return submission_out(row, None, today=now.date(), now=now)
    node = found.find(key)
    return submission_out(
        row,
        found.landings.get(key, Landing()),
        label=node.label if node else None,
        unit_kind=node.unit_kind if node else None,
        today=found.reading.business_date.day,
        now=now,
    )


def _population(row: dict[str, Any]) -> Population:
    return Population(row["period_key"], row["period_start"], row["period_end"], row["deal_type"], row["value_basis"])


def _after(cursor: str | None) -> tuple[datetime, UUID] | None:
    values = decode_cursor(cursor, 2)
    try:
        return (datetime.fromisoformat(str(values[0])), UUID(str(values[1]))) if values else None
    except ValueError:
        raise UnreadableCursor("The cursor is not one that this list gave; start without a cursor.") from None
