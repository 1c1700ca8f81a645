"""What the plans in force want of units and people: the targets that everything else reads."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.web.auth import Principal
from services.forecast.plans import repository
from services.forecast.plans.content import Content, load
from services.forecast.plans.tree import ORGANISATIONAL

BOOKINGS: Final = "bookings"


@dataclass(frozen=True, slots=True)
class Target:
    """What a version of a plan says of a unit or person, by the first day of a period and the first after it."""

    kind: str
    id: UUID
    plan_id: UUID
    version: int
    name: str
    currency: str
    amounts: dict[tuple[date, date], Decimal]


async def targets(
    session: AsyncSession,
    *,
    period: tuple[date, date],
    deal_type: str | None,
    value_basis: str,
    at: datetime | None,
    principal: Principal,
) -> list[Target]:
    """The bookings that plans which held at an instant (None: now) want of units and people within scope.

    A target is there for every node of which such a plan says anything, with the amounts of the period and of those within it, if
    it says any. Of a node that stands in several plans the plan of the greatest unit speaks: it binds those below.
    """
    holding = await repository.active(
        session,
        period=period,
        deal_type=deal_type,
        value_basis=value_basis,
        at=None if at is None else min(at, clock.now()),
    )
    found: dict[tuple[str, UUID], Target] = {}
    # The plan of a unit above says what is wanted of those below, who may not read the plan: read by the system, cut below.
    system = Principal.system("forecast")
    for plan in holding:
        if BOOKINGS in plan["measures"]:
            content = await load(session, plan, plan["version"], plan["sequence"], BOOKINGS, principal=system)
            for target in _said(content, plan, period):
                found.setdefault((target.kind, target.id), target)
    visible = await repository.within(session, list(found), principal=principal) if found else set()
    return [target for key, target in found.items() if key in visible]


@dataclass(frozen=True, slots=True)
class Bound:
    """What a plan in force of a unit above wants of a plan's whole, in the currency of that plan above."""

    plan_id: UUID
    version: int
    name: str
    currency: str
    amount: Decimal


async def bound(session: AsyncSession, plan: Mapping[str, Any]) -> Bound | None:
    """The bookings that a plan in force of a unit above wants of the unit of `plan`, in the same days and of the same deals; None without."""
    if BOOKINGS not in plan["measures"]:
        return None
    days = (plan["period_start"], plan["period_end"])
    every = await targets(
        session,
        period=days,
        deal_type=plan["deal_type"],
        value_basis=plan["value_basis"],
        at=None,
        principal=Principal.system("forecast"),
    )
    for each in every:
        if each.id == plan["unit_id"] and each.plan_id != plan["plan_id"] and days in each.amounts:
            return Bound(each.plan_id, each.version, each.name, each.currency, each.amounts[days])
    return None


async def contents(
    session: AsyncSession, *, period: tuple[date, date], value_basis: str, at: datetime
) -> list[tuple[dict[str, Any], Content]]:
    """The bookings of the plans of all types of deals that held at an instant, the plans of greater units first.

    Of any scope: what becomes of them is cut by whoever asks.
    """
    rows = await repository.active(
        session, period=period, deal_type=None, value_basis=value_basis, at=min(at, clock.now())
    )
    system = Principal.system("forecast")
    return [
        (row, await load(session, row, row["version"], row["sequence"], BOOKINGS, principal=system))
        for row in rows
        if BOOKINGS in row["measures"]
    ]


def _said(content: Content, plan: dict[str, Any], period: tuple[date, date]) -> list[Target]:
    """What a version says of the nodes that are units and people all the way up."""
    spans = [at for at, span in enumerate(content.spans) if period[0] <= span.start and span.end <= period[1]]
    tree, said, targets = content.tree, content.said, []
    organisational = np.array([node.dimension in ORGANISATIONAL for node in tree.nodes])
    for level in tree.levels[1:]:
        organisational[level] &= organisational[tree.parent[level]]
    for at in np.flatnonzero(organisational & said.has.any(axis=1)).tolist():
        node = tree.nodes[at]
        amounts = {
            (content.spans[span].start, content.spans[span].end): content.amount(said.amount[at, span])
            for span in spans
            if said.has[at, span]
        }
        named = (plan["plan_id"], plan["version"], plan["name"], plan["currency"])
        targets.append(Target(node.dimension, UUID(node.value), *named, amounts))
    return targets
