"""The evidence of a review: what other capabilities say of the plan at one pair of instants, put together and never read again."""

import asyncio
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import money
from libs.common.web.auth import Principal
from services.forecast.accuracy.baselines import BASELINES
from services.forecast.attainment import planned
from services.forecast.attainment.planned import Told
from services.forecast.attainment.reached import Likely
from services.forecast.attainment.schemas import PlanReachedOut
from services.forecast.calls.steps import NodeKey
from services.forecast.outlook.service import METRIC as PROJECTION
from services.forecast.plans.service import Found
from services.forecast.readings import pipeline
from services.forecast.readings.asked import Filters, Question
from services.forecast.readings.schemas import PipelineReading
from services.forecast.readings.service import UnreadablePeriod
from services.forecast.record import service as record
from services.forecast.record.judging import OURS
from services.forecast.reviews import assumed
from services.forecast.reviews.causes import Trigger
from services.forecast.reviews.chances import frozen
from services.forecast.reviews.document import (
    FORMAT,
    AccuracyThen,
    Beside,
    Cause,
    Distribution,
    DriverThen,
    Evidence,
    NodeThen,
    PricedBridge,
    PriceThen,
    ReviewedPlan,
    SideThen,
    StageThen,
    TermThen,
)
from services.forecast.variance import service as variance
from services.forecast.variance.schemas import SideOut, VarianceReading

METRIC: Final = "review-3"
"""Changes whenever what a review reads does."""
METHODS: Final = frozenset({OURS, *BASELINES})
"""Methods of machines: how right a person's own figure was is told to them and their line alone."""
_PLACES: Final = 6
_A_DAY: Final = timedelta(days=1)


async def compose(
    session: AsyncSession,
    found: Found,
    trigger: Trigger,
    *,
    at: datetime,
) -> Evidence:
    """All that is known of the version in force, as at an instant. Read for the plan's whole unit, whoever opens the review:

    what two people see of one review is the same.
    """
    principal, row = Principal.system("forecast"), found.row
    asking = planned.Asking(row["plan_id"], found.version.version, levels=20, as_of=at, known_at=at)
    told = await planned.told(session, asking, principal=principal)
    reading = told.reading
    places = money.exponent(row["currency"])
    question = Question(
        period=row["period_key"],
        org=row["unit_id"],
        as_of=at,
        known_at=at,
        filters=Filters(deal_type=row["deal_type"], value_basis=row["value_basis"]),
    )
    bridge, why_no_bridge = await _bridge(session, found, question, principal=principal)
    stages = await _pipeline(session, question, principal=principal)
    nodes = await asyncio.to_thread(_nodes, told, places)
    accuracy, why_no_accuracy = await _accuracy(session, found, at, principal=principal)
    return Evidence(
        format=FORMAT,
        plan=_plan(found, reading.plan.org.name, places),
        cause=Cause(kind=trigger.kind, subject_id=trigger.subject_id, text=trigger.text, since=trigger.since),
        as_of=reading.as_of,
        known_at=reading.known_at,
        watermark=reading.watermark,
        completeness=reading.completeness,
        why_no_projection=reading.why_no_projection,
        conversion=reading.conversion,
        nodes=nodes,
        not_shown=reading.not_shown,
        beside=await _beside(session, found, asking, principal=principal),
        bridge=bridge,
        why_no_bridge=why_no_bridge,
        pipeline=[
            StageThen(stage=each.stage, count=each.total.count, amount=each.total.amount, median_days=each.median_days)
            for each in (stages.stages if stages else ())
        ],
        pipeline_total=stages.total.amount if stages else Decimal(0),
        pipeline_count=stages.total.count if stages else 0,
        accuracy=accuracy,
        why_no_accuracy=why_no_accuracy,
        assumptions=await assumed.standing(session, found, principal=principal),
        engine=told.settings,
        versions=_versions(told),
    )


def _versions(told: Told) -> list[str]:
    return [METRIC, told.reading.metric_version, PROJECTION, variance.METRIC]


def _plan(found: Found, unit: str, places: int) -> ReviewedPlan:
    row, span = found.row, found.row["spans"][0]
    return ReviewedPlan(
        plan_id=row["plan_id"],
        version=found.version.version,
        name=row["name"],
        unit_id=row["unit_id"],
        unit=unit,
        period=row["period_key"],
        label=span["label"],
        start=row["period_start"],
        last_day=row["period_end"] - _A_DAY,
        deal_type=row["deal_type"],
        value_basis=row["value_basis"],
        currency=row["currency"],
        places=places,
        rate_set=row["rate_set"],
        active_since=found.version.active_since,
    )


def _nodes(told: Told, places: int) -> list[NodeThen]:
    return [_node(node, told.likely.get(node.node_id), places) for node in told.reading.nodes]


def _node(node: PlanReachedOut, likely: Likely | None, places: int) -> NodeThen:
    landing = None
    if likely is not None and likely.landing is not None:
        targets = [float(node.target)] if node.target is not None else []
        amounts, chances = frozen(likely.landing, places, targets)
        landing = Distribution(amounts=amounts, chances=chances)
    own = {name: getattr(node, name) for name in NodeThen.model_fields if name in PlanReachedOut.model_fields}
    return NodeThen(
        **own,
        from_open=_money(likely.from_open, places) if likely else None,
        from_new=_money(likely.from_new, places) if likely else None,
        landing=landing,
    )


def _money(amount: float, places: int) -> Decimal:
    return Decimal(repr(amount)).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


async def _beside(session: AsyncSession, found: Found, asking: planned.Asking, *, principal: Principal) -> list[Beside]:
    """The plan's other measures."""
    rows = []
    for measure in found.row["measures"]:
        if measure == asking.measure:
            continue
        other = planned.Asking(
            asking.plan_id, asking.version, measure, levels=0, as_of=asking.as_of, known_at=asking.known_at
        )
        reading = await planned.read(session, other, principal=principal)
        whole = reading.nodes[0]
        # Margin of some of the bookings would be read as that of all: the evidence does not say of how much it is.
        is_whole = whole.bookings == whole.bookings_costed
        rows.append(
            Beside(
                measure=measure,
                unit=reading.unit_of_measure,
                target=whole.target,
                done=whole.closed if is_whole else None,
                attainment=whole.attainment if is_whole else None,
            )
        )
    return rows


async def _bridge(
    session: AsyncSession, found: Found, question: Question, *, principal: Principal
) -> tuple[PricedBridge | None, str | None]:
    reviewed = dict(found.row) | {"version": found.version.version, "sequence": found.version.sequence}
    try:
        read = await variance.of_version(session, question, reviewed, principal=principal)
    except UnreadablePeriod as error:
        return None, f"The fiscal calendar has changed since the plan was made: {error}"
    return _told(read), None


def _told(read: VarianceReading) -> PricedBridge:
    return PricedBridge(
        drivers="plan" if read.plan else "prior_year",
        before=_side(read.before),
        after=_side(read.after),
        change=read.change,
        terms=[TermThen(term=each.term, amount=each.amount) for each in read.terms],
        price=PriceThen.model_validate(read.price.model_dump()),
        drivers_from=[DriverThen.model_validate(each.model_dump()) for each in read.drivers],
    )


def _side(side: SideOut) -> SideThen:
    return SideThen(
        label=side.period.label,
        until=side.until,
        booked=side.booked,
        opening=side.opening.there,
        opening_win_rate=side.opening.win_rate,
        opening_mean_size=side.opening.mean_size,
        created=side.created.there,
        created_win_rate=side.created.win_rate,
        created_mean_size=side.created.mean_size,
    )


async def _pipeline(session: AsyncSession, question: Question, *, principal: Principal) -> PipelineReading | None:
    try:
        return await pipeline.read(session, question, principal=principal)
    except UnreadablePeriod:
        return None


async def _accuracy(
    session: AsyncSession, found: Found, at: datetime, *, principal: Principal
) -> tuple[list[AccuracyThen], str | None]:
    row = found.row
    asked = record.Asking(
        NodeKey("unit", row["unit_id"]), "lead", row["deal_type"], row["value_basis"], as_of=at, known_at=at
    )
    judged = (await record.accuracy(session, asked, principal=principal)).overall
    lines = [
        AccuracyThen(
            method=each.name, n=each.n, periods=each.periods, wape=_rounded(each.wape), bias=_rounded(each.bias)
        )
        for each in judged.methods
        if each.name in METHODS
    ]
    return lines, None if lines else judged.too_early or "No lock of a closed period is known yet."


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, _PLACES)
