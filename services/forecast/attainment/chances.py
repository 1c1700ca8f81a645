"""How likely each node reaches its number, by the projection of its own deals."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.web.auth import Principal
from services.forecast.calls.steps import NodeKey
from services.forecast.history.columns import day_number
from services.forecast.outlook import service as outlook
from services.forecast.outlook.service import Ground
from services.forecast.readings.asked import Question
from services.forecast.record import several
from services.forecast.record.several import Node, Owned, Place


class Reached(NamedTuple):
    """A node, what is closed in it, and what is wanted of it."""

    node: NodeKey
    closed: Decimal
    wanted: Decimal


async def chances(
    session: AsyncSession, question: Question, nodes: Sequence[Reached], *, principal: Principal
) -> dict[NodeKey, float]:
    """P(closed at the period's end >= wanted) by node; of a period that is over there is none. Raises what readings raise."""
    found = await outlook.ground(session, replace(question, rate="constant"), principal=principal)
    if found.learnt.model.today >= day_number(found.asked.period.end):
        return {}
    return await asyncio.to_thread(_worked, found, nodes)


def _worked(ground: Ground, nodes: Sequence[Reached]) -> dict[NodeKey, float]:
    past, learnt = ground.asked.past, ground.learnt
    assert past is not None  # noqa: S101 - a projection is made from history
    stood = (learnt.columns, learnt.last)
    owns = past.view.owns(*stood)
    owned = Owned.of(*stood, owns & past.view.matches(*stood), owns & past.view.renews(*stood))
    below = owned.below(past.organisation)
    places = [Place(each.node.kind, each.node.id) for each in nodes]
    made = several.projected(
        learnt.model,
        learnt.steps,
        ground.asked.period,
        owned,
        [Node(place, float(each.closed), below(place)) for place, each in zip(places, nodes, strict=True)],
        by=ground.by,
        stretch=ground.wide.scale,
    )
    return {
        each.node: round(found.landing.at_least(float(each.wanted)), 6) for each, found in zip(nodes, made, strict=True)
    }
