"""What is wanted of nodes: by the plan that holds, and by quotas set by hand where no plan says anything. Never by both."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.web.auth import Principal
from services.forecast.calls import repository
from services.forecast.calls.repository import Population
from services.forecast.calls.steps import NodeKey, PlanRef, Quota
from services.forecast.plans import holding


async def quotas(
    session: AsyncSession,
    population: Population,
    *,
    as_of: datetime | None,
    known_at: datetime | None,
    principal: Principal,
) -> list[Quota]:
    """The newest quota of every node within scope for the period and for every period within it.

    A node of which the plan in force says anything, for whatever period, has the plan's numbers alone: what was set for it by
    hand is not counted beside them, and comes back when no plan holds any more.
    """
    by_hand = await repository.quotas(session, population, as_of=as_of, known_at=known_at, principal=principal)
    given = [at for at in (as_of, known_at) if at is not None]
    planned = await holding.targets(
        session,
        period=(population.period_start, population.period_end),
        deal_type=population.deal_type,
        value_basis=population.value_basis,
        at=min(given) if given else None,
        principal=principal,
    )
    covered = {(each.kind, each.id) for each in planned}
    return [each for each in by_hand if each.node not in covered] + [
        Quota(
            NodeKey("unit" if each.kind == "unit" else "person", each.id),
            start,
            end,
            amount,
            each.currency,
            PlanRef(each.plan_id, each.version, each.name),
        )
        for each in planned
        for (start, end), amount in each.amounts.items()
    ]
