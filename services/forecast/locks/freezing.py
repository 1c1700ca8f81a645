"""What stood at an instant, put into rows: one reading per period and population, whatever the organisation's size."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import money
from libs.common.calendar import Period, local_date
from libs.common.ids import ROOT_UNIT
from libs.common.web.auth import Principal
from services.forecast.calls import service as calls
from services.forecast.calls.forest import Forest, Moment
from services.forecast.calls.repository import Population
from services.forecast.calls.steps import Node, NodeKey, walk
from services.forecast.config import settings_of
from services.forecast.locks import repository
from services.forecast.locks.due import Due
from services.forecast.readings import call as readings
from services.forecast.readings.asked import Filters, Question
from services.forecast.rollup.cells import Measures
from services.forecast.rollup.schemas import RollupReading, Sum

BESIDE = ("held_back", "omitted", "lost", "carried_over", "undated")
LINES = ("closed_won", "commit", "most_likely", "best_case", "pipeline")


@dataclass(frozen=True, slots=True)
class Frozen:
    """What a lock keeps, without its id; `reading` is one of those it was made from."""

    reading: RollupReading
    rows: list[dict[str, Any]]
    calls: dict[UUID, bool]
    adjustments: dict[UUID, Decimal]


async def freeze(session: AsyncSession, due: Due, *, principal: Principal) -> Frozen:
    """Read every period and population as at the due instant by both clocks."""
    wanted = {(None, settings_of(session).call_basis), *await repository.populations(session, due.at)}
    rows: list[dict[str, Any]] = []
    said: dict[UUID, bool] = {}
    adjusted: dict[UUID, Decimal] = {}
    reading: RollupReading | None = None
    for period in due.periods:
        for deal_type, value_basis in sorted(wanted, key=lambda each: (each[0] or "", each[1])):
            population = Population(period.key, period.start, period.end, deal_type, value_basis)
            moment = Moment(as_of=due.at, known_at=due.at)
            found = await calls.grow(session, population, org=ROOT_UNIT, moment=moment, principal=principal)
            overdue = await _overdue(session, period, population, due.at, principal)
            again = await readings.counted_again(session, _question(period, population, due.at), principal=principal)
            rows += _rows(found, overdue, again)
            said |= {row["submission_id"]: row["stands"] for row in found.calls}
            adjusted |= {row["adjustment_id"]: row["delta"] for row in found.adjustments}
            reading = found.reading
    assert reading is not None  # noqa: S101 - a lock has at least one period and one population
    return Frozen(reading, rows, said, adjusted)


async def _overdue(
    session: AsyncSession, period: Period, population: Population, at: datetime, principal: Principal
) -> Mapping[UUID, Sum]:
    """Overdue deals by who is credited; only the period of the instant has any."""
    if local_date(at, settings_of(session).org_timezone) not in period:
        return {}
    question = _question(period, population, at)
    return await readings.overdue_by_person(session, question, principal=principal)


def _question(period: Period, population: Population, at: datetime) -> Question:
    return Question(
        period=period.key,
        org=ROOT_UNIT,
        as_of=at,
        known_at=at,
        filters=Filters(deal_type=population.deal_type, value_basis=population.value_basis),
    )


def _rows(
    found: Forest, overdue: Mapping[UUID, Sum], again: Mapping[tuple[UUID, str], Measures]
) -> list[dict[str, Any]]:
    """A row per node; units carry the sums of what stands below them, in which a deal that several share counts once."""
    sums: dict[NodeKey, dict[str, Sum]] = {}
    rows = []
    for node in list(walk(found.root))[::-1]:
        sums[node.key] = _sums(node, sums, overdue, found.reading.currency)
        rows.append(_row(found, node, _once(node, sums[node.key], again)))
    return rows


def _once(node: Node, sums: Mapping[str, Sum], again: Mapping[tuple[UUID, str], Measures]) -> Mapping[str, Sum]:
    if node.key.kind != "unit":
        return sums
    return {name: _less(each, again.get((node.key.id, name))) for name, each in sums.items()}


def _less(sums: Sum, again: Measures | None) -> Sum:
    if again is None:
        return sums
    return sums.model_copy(
        update={
            "count": sums.count - again.deal_count,
            "unpriced_count": sums.unpriced_count - again.unpriced,
            "unweighted_count": sums.unweighted_count - again.unweighted,
        }
    )


def _sums(
    node: Node, below: Mapping[NodeKey, Mapping[str, Sum]], overdue: Mapping[UUID, Sum], currency: str
) -> dict[str, Sum]:
    names = (*LINES, *BESIDE, "overdue")
    if node.key.kind == "unit":
        return {name: _add([below[child.key][name] for child in node.children], currency) for name in names}
    own = {"overdue": overdue.get(node.key.id, _add([], currency))}
    if node.reading is None:
        return dict.fromkeys(names, _add([], currency)) | own
    lines = {name: getattr(node.reading.lines, name) for name in LINES}
    return lines | {name: getattr(node.reading.beside, name) for name in BESIDE} | own


def _add(parts: list[Sum], currency: str) -> Sum:
    zero = money.quantise(Decimal(), currency)
    return Sum(
        count=sum(part.count for part in parts),
        amount=sum((part.amount for part in parts), zero),
        weighted=sum((part.weighted for part in parts), zero),
        unpriced_count=sum(part.unpriced_count for part in parts),
        unweighted_count=sum(part.unweighted_count for part in parts),
    )


def _row(found: Forest, node: Node, sums: Mapping[str, Sum]) -> dict[str, Any]:
    landing, population = found.landings[node.key], found.population
    return {
        "period_key": population.period_key,
        "period_start": population.period_start,
        "period_end": population.period_end,
        "deal_type": population.deal_type or "",
        "value_basis": population.value_basis,
        "node_kind": node.key.kind,
        "node_id": node.key.id,
        "parent_id": node.parent,
        "label": node.label,
        "lines": {name: sums[name].model_dump(mode="json") for name in LINES},
        "beside": {name: sums[name].model_dump(mode="json") for name in BESIDE},
        "overdue": sums["overdue"].model_dump(mode="json"),
        "closed_won": landing.closed_won,
        "crm": landing.crm,
        "reps": landing.reps,
        "managers": landing.managers,
        "adjusted": landing.adjusted,
        "adjustment": node.adjustment,
        "from_crm": landing.from_crm,
        "of_calls": landing.of,
        "submission_id": node.call.submission_id if node.call else None,
        "own_call": node.call.amount if node.call else None,
    }
