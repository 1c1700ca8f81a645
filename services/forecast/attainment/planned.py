"""How far the nodes of a plan are reached: closed, what will be, how likely the target is, and what that would need."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.calendar import Period
from libs.common.web.auth import Principal
from services.forecast.attainment.reached import Likely, Node, Stand, node_out
from services.forecast.attainment.schemas import PlanAttainmentReading
from services.forecast.config import settings_of
from services.forecast.metrics import service as metrics
from services.forecast.organisation.service import Basis
from services.forecast.outlook import service as outlook
from services.forecast.outlook.service import Ground
from services.forecast.plans import facts, reading, service
from services.forecast.plans.content import Content
from services.forecast.plans.crediting import credited
from services.forecast.plans.service import Found
from services.forecast.plans.spans import Span, months_of
from services.forecast.plans.tree import Ints
from services.forecast.readings.asked import Asked, Filters, Question
from services.forecast.readings.service import decide, envelope
from services.forecast.record import several
from services.forecast.record.several import Owned, Piles, Place

METRIC: Final = "plan-attainment-1"
"""Changes whenever the definition does."""
MOST: Final = 200
"""Nodes that one reading shows; a plan of thousands is read part by part."""


@dataclass(frozen=True, slots=True)
class Asking:
    """The raw request. `period`: one of the plan's, else all of it. `node`: from where on down, else the root."""

    plan_id: UUID
    version: int | None = None
    measure: str = "bookings"
    node: UUID | None = None
    levels: int = 1
    period: str | None = None
    as_of: datetime | None = None
    known_at: datetime | None = None
    organisation: Basis | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """A reading with what it was made from: by node its whole distribution, and the engine's settings."""

    reading: PlanAttainmentReading
    likely: Mapping[UUID, Likely]
    settings: str | None


async def read(session: AsyncSession, asking: Asking, *, principal: Principal) -> PlanAttainmentReading:
    """The attainment of a node and of those below it, at most 200. Raises what plans raise, and what readings raise."""
    return (await told(session, asking, principal=principal)).reading


async def told(session: AsyncSession, asking: Asking, *, principal: Principal) -> Told:
    """The same with the distributions. Raises as `read`."""
    found = await _version(session, asking, principal=principal)
    content = await service.content(session, found, asking.measure, principal=principal)
    top = 0 if asking.node is None else service.place_of(content, asking.node)
    at = 0 if asking.period is None else service.span_of(content, asking.period)
    question = Question(
        period=None,
        org=found.row["unit_id"],
        as_of=asking.as_of,
        known_at=asking.known_at,
        filters=Filters(deal_type=found.row["deal_type"], value_basis=found.row["value_basis"]),
        organisation=asking.organisation,
    )
    asked = await decide(session, question, principal=principal, from_history=True)
    period = _period(asked, content.spans[at])
    tree = content.tree
    deepest = int(tree.depth[top]) + asking.levels
    places = [place for place in range(top, int(tree.end[top])) if tree.depth[place] <= deepest]
    shown = uppermost(places, tree.depth, MOST)
    stand = await _stand(session, content, asked, at, principal=principal)
    likely: Mapping[int, Likely] = {}
    settings: str | None = None
    conversion, why = None, _why(asking.measure, period, asked, content.spans[at])
    if why is None and period is not None:
        asked_again = replace(question, period=period.key)
        ground = await outlook.ground(session, asked_again, principal=principal)
        settings = ground.learnt.model.settings.digest
        likely = await asyncio.to_thread(_likely, content, ground, period, stand, shown)
        conversion = await _conversion(session, asked_again, principal=principal)
    nodes = [node_out(Node(content, place, at), stand, likely.get(place), conversion) for place in shown]
    reading_of_all = PlanAttainmentReading(
        **{**await envelope(session, asked), "metric_version": METRIC},
        plan=reading.plan_out(found),
        measure=asking.measure,
        unit_of_measure=content.currency,
        period=reading.span_out(content.spans[at]),
        months=[reading.span_out(content.spans[month]) for month in months_of(content.spans, at)],
        is_over=content.spans[at].end <= asked.business_date.day,
        why_no_projection=why,
        conversion=conversion,
        nodes=nodes,
        not_shown=len(places) - len(shown),
    )
    return Told(reading_of_all, {tree.nodes[place].node_id: each for place, each in likely.items()}, settings)


def uppermost(places: Sequence[int], depth: Ints, most: int) -> list[int]:
    """So many of the places, in their order: a level is left out only after all those below it, the later ones of a level first."""
    return sorted(sorted(places, key=lambda place: int(depth[place]))[:most])


async def _version(session: AsyncSession, asking: Asking, *, principal: Principal) -> Found:
    """The version asked for, else the one that held at that instant, else the newest."""
    found = await service.find(session, asking.plan_id, version=asking.version, principal=principal)
    if asking.version is not None:
        return found
    for each in found.versions:
        since, until = each.active_since, each.superseded_at
        if since is not None and (
            (asking.as_of is None and until is None)
            or (asking.as_of is not None and since <= asking.as_of and (until is None or asking.as_of < until))
        ):
            return Found(found.row, found.versions, each)
    return found


def _period(asked: Asked, span: Span) -> Period | None:
    """The calendar's period of these days; None where the calendar has changed since and has none."""
    found = {"year": asked.calendar.year, "quarter": asked.calendar.quarter, "month": asked.calendar.month}[span.kind](
        span.start
    )
    return found if (found.start, found.end) == (span.start, span.end) else None


def _why(measure: str, period: Period | None, asked: Asked, span: Span) -> str | None:
    """Why there is no projection; None where there is one."""
    if measure != "bookings":
        return "Only bookings are projected."
    if period is None:
        return "The fiscal calendar has changed since the plan was made; its periods are no longer projected."
    if span.end <= asked.business_date.day:
        return "The period is over."
    return None


async def _stand(session: AsyncSession, content: Content, asked: Asked, at: int, *, principal: Principal) -> Stand:
    """What every node has done, in the period and in its months."""
    assert asked.past is not None  # noqa: S101 - it was asked from history
    population, organised = asked.past.population, asked.past.organisation
    zone, months = ZoneInfo(settings_of(session).org_timezone), months_of(content.spans, at)
    shares = await facts.shares(session, asked, content.measure, principal=principal)

    def worked() -> Stand:
        did = facts.happened(content.measure, population, zone, shares)
        nodes = credited(content.tree, organised, population.columns, did.rows, did.owner)
        days = [(content.spans[span].start, content.spans[span].end) for span in (at, *months)]

        def summed(units: Ints) -> Ints:
            return facts.by_period(content.tree, nodes, did.counting(units), days)

        stand = Stand(summed(did.units), months, asked.business_date.day)
        if did.bookings is None or did.known is None:
            return stand
        return replace(stand, bookings=summed(did.bookings), costed=summed(np.where(did.known, did.bookings, 0)))

    return await asyncio.to_thread(worked)


def _likely(content: Content, ground: Ground, period: Period, stand: Stand, shown: Sequence[int]) -> dict[int, Likely]:
    """The projection of some nodes, each of the deals that are credited to it."""
    past, learnt = ground.asked.past, ground.learnt
    assert past is not None  # noqa: S101 - a projection is made from history
    stood = (learnt.columns, learnt.last)
    node = credited(content.tree, past.organisation, *stood)
    owns = past.view.owns(*stood)
    owned = Owned(
        np.where(owns & past.view.matches(*stood), node, -1),
        np.where(owns & past.view.renews(*stood), node, -1),
        [each.node_id for each in content.tree.nodes],
    )
    scale = 10.0**-content.places
    nodes = [
        several.Node(
            Place(str(place), content.tree.nodes[place].node_id),
            float(stand.done[place, 0]) * scale,
            range(place, int(content.tree.end[place])),
        )
        for place in shown
    ]
    made = several.projected(
        learnt.model,
        learnt.steps,
        period,
        owned,
        nodes,
        by=ground.by,
        stretch=ground.wide.scale,
        with_points=False,
    )
    amounts = content.grid.amount[:, _span_of(content, period)]
    open_before = Piles(owned.owner[learnt.model.standing.deal], len(content.tree))
    found: dict[int, Likely] = {}
    for place, each in zip(shown, made, strict=True):
        target = float(amounts[place]) * scale
        low, high = each.landing.quantile(np.array([0.1, 0.9])).tolist()
        stands = learnt.model.standing.amount[open_before.of(range(place, int(content.tree.end[place])))]
        found[place] = Likely(
            mean=each.landing.mean,
            low=low,
            high=high,
            chance=each.landing.at_least(target) if target > 0 else None,
            from_open=each.outlook.open + each.outlook.renewals + each.outlook.due.mean,
            from_new=each.outlook.new[0],
            open=float(np.nansum(stands)),
            landing=each.landing,
        )
    return found


def _span_of(content: Content, period: Period) -> int:
    """The place of a period among the plan's."""
    return next(at for at, span in enumerate(content.spans) if (span.start, span.end) == (period.start, period.end))


async def _conversion(session: AsyncSession, question: Question, *, principal: Principal) -> Decimal | None:
    """What open pipeline of this age became in past periods, of the whole unit: nodes have too few deals of their own."""
    asking = metrics.Asking(question, renewals=True, target=Decimal(1))
    found = await metrics.read(session, "required_open", asking, principal=principal)
    value: Any = next((each.value for each in found.total.factors if each.name == "conversion"), None)
    return None if value is None else Decimal(str(value))
