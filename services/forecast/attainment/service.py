"""Quotas as what is wanted of each node, and how far they are reached: from the same reading as every other number."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final, Literal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import money
from libs.common.web.auth import Principal
from services.forecast.attainment.chances import Reached, chances
from services.forecast.attainment.schemas import (
    AttainedOut,
    AttainmentReading,
    Below,
    HeldPlanOut,
    MonthOut,
    NeededOut,
)
from services.forecast.attainment.targets import (
    Month,
    Target,
    attainment,
    converted,
    given,
    less,
    monthly,
    paced,
    rest,
    targets,
    within,
)
from services.forecast.calls import service as calls
from services.forecast.calls.forest import Moment, plant
from services.forecast.calls.repository import Population
from services.forecast.calls.schemas import NodeOut
from services.forecast.calls.steps import Landing, Node, NodeKey, PlanRef, land
from services.forecast.config import settings_of
from services.forecast.metrics import service as metrics
from services.forecast.organisation import service as organisations
from services.forecast.organisation.service import Basis
from services.forecast.rates import service as rates
from services.forecast.readings import call as readings
from services.forecast.readings.asked import Filters, Question
from services.forecast.rollup.cells import NOBODY
from services.forecast.rollup.schemas import Rate, Reading, RollupRow

METRIC: Final = "attainment-1"
"""Changes whenever the definition does."""


@dataclass(frozen=True, slots=True)
class Asking:
    """The raw request. `period` as it is written; without a value basis it is the organisation's own, as calls have it.

    `below`: the nodes right below, or all of them.
    """

    period: str
    org: UUID | None = None
    deal_type: str | None = None
    value_basis: str | None = None
    as_of: datetime | None = None
    known_at: datetime | None = None
    organisation: Basis | None = None
    currency: str | None = None
    rate: Rate = "constant"
    below: Below = "children"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is wanted of every node below a unit, in the reading's currency. `amounts`: of the root, by period and period within it."""

    root: Node
    targets: Mapping[NodeKey, Target]
    amounts: Mapping[str, Decimal | None]
    without_rate: int
    said_by: Mapping[NodeKey, PlanRef | None]

    @property
    def amount(self) -> Decimal | None:
        """What is wanted of the root in the whole period."""
        return self.targets[self.root.key].amount


async def read(session: AsyncSession, asking: Asking, *, principal: Principal) -> AttainmentReading:
    """The asked unit's quota, closed, gap and chance, of the nodes below it and of its months. Raises what readings raise."""
    population = _population(session, asking, principal=principal)
    question = _question(asking, population)
    by_owner = await readings.rollup(session, question, by="owner", principal=principal)
    by_month = await readings.rollup(session, question, by="month", principal=principal)
    closed_of = {row.key: row.lines.closed_won.amount for row in by_month.rows}
    rows = {UUID(row.key) if row.key else NOBODY: row for row in by_owner.rows}
    wanted = await _wanted(session, asking, population, by_owner, rows, principal=principal)
    landings = land(wanted.root, money.quantise(Decimal(), by_owner.currency))
    is_over = by_owner.period.end < by_owner.business_date.day
    shown = list(_shown(wanted.root, asking.below))
    likely = {} if is_over else await _likely(session, question, wanted, landings, shown, principal=principal)
    nodes = [_node(node, depth, wanted, landings, likely.get(node.key)) for node, depth in shown]
    calendar = settings_of(session).calendar
    months = paced(
        monthly(calendar.parse(population.period_key), calendar, wanted.amounts, by_owner.currency),
        lambda month: closed_of.get(month.key, Decimal()),
    )
    return AttainmentReading(
        **{name: getattr(by_owner, name) for name in Reading.model_fields},
        metric=METRIC,
        period=by_owner.period,
        deal_type=population.deal_type,
        value_basis=population.value_basis,
        is_over=is_over,
        node=nodes[0],
        below=nodes[1:],
        months=[_month(each, by_owner.business_date.day) for each in months],
        months_unallocated=rest(wanted.amount, [each.wanted.amount for each in months]),
        needed=None if is_over else await _needed(session, question, wanted.amount, principal=principal),
        quotas_without_rate=wanted.without_rate,
        plans=_plans(wanted),
    )


async def wanted_of(session: AsyncSession, asking: Asking, reading: Reading, *, principal: Principal) -> Decimal | None:
    """The quota of the unit that a reading is of, in its currency; None without one above 0."""
    population = _population(session, asking, principal=principal)
    found = await _wanted(session, asking, population, reading, {}, principal=principal)
    return found.amount if found.amount is not None and found.amount > 0 else None


@dataclass(frozen=True, slots=True)
class Lacking:
    """What closed business lacks of what is wanted, in the reading's currency, below 0 where there is more; None where nothing is.

    `people`: by owner, of the nearest node that has a number, the person's own first; `whole`: of the asked unit.
    """

    question: Question
    people: Mapping[UUID, Decimal | None]
    whole: Decimal | None


async def lacking(session: AsyncSession, asking: Asking, *, principal: Principal) -> Lacking:
    """What is still to be closed where each person of a unit sells. Raises what readings raise."""
    population = _population(session, asking, principal=principal)
    question = _question(asking, population)
    by_owner = await readings.rollup(session, question, by="owner", principal=principal)
    rows = {UUID(row.key) if row.key else NOBODY: row for row in by_owner.rows}
    wanted = await _wanted(session, asking, population, by_owner, rows, principal=principal)
    landings = land(wanted.root, money.quantise(Decimal(), by_owner.currency))
    people: dict[UUID, Decimal | None] = {}

    def gap(node: Node, above: Decimal | None) -> Decimal | None:
        variance = less(landings[node.key].closed_won, wanted.targets[node.key].amount)
        return above if variance is None else -variance

    def descend(node: Node, found: Decimal | None) -> None:
        if node.key.kind == "person":
            people[node.key.id] = found
        for child in node.children:
            descend(child, gap(child, found))

    whole = gap(wanted.root, None)
    descend(wanted.root, whole)
    return Lacking(question, people, whole)


def _population(session: AsyncSession, asking: Asking, *, principal: Principal) -> Population:
    return calls.population_of(
        session, period=asking.period, deal_type=asking.deal_type, value_basis=asking.value_basis, principal=principal
    )


def _question(asking: Asking, population: Population) -> Question:
    return Question(
        period=population.period_key,
        org=asking.org,
        as_of=asking.as_of,
        known_at=asking.known_at,
        filters=Filters(deal_type=population.deal_type, value_basis=population.value_basis),
        organisation=asking.organisation,
        currency=asking.currency,
        rate=asking.rate,
    )


async def _wanted(
    session: AsyncSession,
    asking: Asking,
    population: Population,
    reading: Reading,
    rows: Mapping[UUID, RollupRow],
    *,
    principal: Principal,
) -> Wanted:
    """The quotas along the organisation of a reading, at its rates. `rows`: what its people have closed."""
    moment = Moment(as_of=asking.as_of, known_at=asking.known_at)
    quotas = await calls.quotas(session, population, moment=moment, principal=principal)
    is_past = asking.as_of is not None or asking.known_at is not None
    held = await rates.load(session, known_at=reading.known_at if is_past else None, base=reading.currency)
    own, without_rate = converted(quotas, held)
    organised = await organisations.read(session, reading.organisation, as_of=reading.as_of, known_at=reading.known_at)
    persons = rows.keys() | {quota.node.id for quota in quotas if quota.node.kind == "person"}
    root = plant(organised, reading.org.unit_id, persons, rows, principal=principal)
    calendar = settings_of(session).calendar
    periods = within(calendar, calendar.parse(population.period_key))
    found = {each.key: targets(root, given(own, calendar, each)) for each in periods}
    amounts = {key: of_period[root.key].amount for key, of_period in found.items()}
    said_by = {quota.node: quota.plan for quota in quotas}
    return Wanted(root, found[population.period_key], amounts, without_rate, said_by)


def _shown(root: Node, below: Below) -> Iterator[tuple[Node, int]]:
    """The asked node and those below it, each with how far below."""
    yield root, 0
    for child in root.children:
        if below == "children":
            yield child, 1
        else:
            yield from ((node, depth + 1) for node, depth in _shown(child, below))


async def _likely(
    session: AsyncSession,
    question: Question,
    wanted: Wanted,
    landings: Mapping[NodeKey, Landing],
    shown: Sequence[tuple[Node, int]],
    *,
    principal: Principal,
) -> dict[NodeKey, float]:
    reached = [
        Reached(node.key, landings[node.key].closed_won, amount)
        for node, _ in shown
        if (amount := wanted.targets[node.key].amount) is not None and amount > 0
    ]
    return await chances(session, question, reached, principal=principal) if reached else {}


def _node(
    node: Node,
    depth: int,
    wanted: Wanted,
    landings: Mapping[NodeKey, Landing],
    chance: float | None,
) -> AttainedOut:
    target, closed = wanted.targets[node.key], landings[node.key].closed_won
    variance = less(closed, target.amount)
    return AttainedOut(
        node=NodeOut(kind=node.key.kind, id=node.key.id, label=node.label, unit_kind=node.unit_kind),
        parent_id=node.parent,
        depth=depth,
        quota=target.amount,
        state=target.state,
        source=target.source,
        said_by=_said_by(node.key, target, wanted),
        parts=target.parts,
        unallocated=target.unallocated if node.key.kind == "unit" else None,
        over_assigned=target.over_assigned,
        closed_won=closed,
        attainment=attainment(closed, target.amount),
        gap=None if variance is None else -variance,
        chance=chance,
    )


def _said_by(key: NodeKey, target: Target, wanted: Wanted) -> Literal["plan", "hand"] | None:
    if target.source not in ("own", "periods"):
        return None
    return "plan" if wanted.said_by.get(key) else "hand"


def _plans(wanted: Wanted) -> list[HeldPlanOut]:
    """The plans that say a number of any node at all, by name."""
    named = {plan for plan in wanted.said_by.values() if plan is not None}
    return [HeldPlanOut(**plan._asdict()) for plan in sorted(named, key=lambda each: (each.name, each.plan_id))]


def _month(month: Month, day: date) -> MonthOut:
    wanted = month.wanted
    return MonthOut(
        key=wanted.period.key,
        label=wanted.period.label,
        start=wanted.period.start,
        end=wanted.period.last_day,
        is_over=wanted.period.end <= day,
        quota=wanted.amount,
        source=wanted.source,
        closed_won=month.closed,
        variance=month.variance,
        quota_to_date=month.wanted_to_date,
        closed_to_date=month.closed_to_date,
        variance_to_date=month.variance_to_date,
    )


async def _needed(
    session: AsyncSession, question: Question, quota: Decimal | None, *, principal: Principal
) -> NeededOut | None:
    """What open pipeline the gap needs, of all deals that the quota is for: renewals too."""
    if quota is None or quota <= 0:
        return None
    asking = metrics.Asking(question, renewals=True, target=quota)
    found = await metrics.read(session, "required_open", asking, principal=principal)
    factors = {each.name: each.value for each in found.total.factors}
    coverage, conversion, there = (factors.get(name) for name in ("coverage", "conversion", "open"))
    value = found.total.value
    return NeededOut(
        metric_version=found.metric_version,
        required_open=None if value is None else Decimal(value),
        open=None if there is None else Decimal(there),
        coverage=None if coverage is None else float(coverage),
        conversion=None if conversion is None else float(conversion),
        reason=found.total.reason,
    )
