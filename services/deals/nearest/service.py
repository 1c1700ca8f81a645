"""The closed deals that are most like one, and what came of them."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.organisation import sees_everything
from libs.common.web.auth import ROLES, Principal, require
from services.deals.nearest import repository
from services.deals.nearest.likeness import WEIGHTS, Near, hidden, nearest
from services.deals.nearest.schemas import NearestOut, NearOut
from services.deals.statements import service as statements


async def read(session: AsyncSession, deal_id: UUID, *, k: int, principal: Principal) -> NearestOut:
    """The `k` nearest closed deals within scope; of others only how many are as near. Raises NoSuchDeal."""
    require(principal, *ROLES)
    await statements.one(session, deal_id, principal=principal)
    subject = await repository.subject(session, deal_id)
    if subject.currency is None:
        return _out(deal_id, [], 0, 0, "The deal has no currency, so it cannot be compared.")
    seen = await repository.candidates(session, subject, within=await repository.bounds(session, principal))
    found = nearest(subject.features, seen, k=k)
    unseen = 0
    if not sees_everything(principal):
        every = await repository.candidates(session, subject, within=repository.Bounds())
        unseen = hidden(nearest(subject.features, every, k=k), seen)
    came = await repository.outcomes(session, [each.deal_id for each in found])
    items = [_near(each, came[each.deal_id], seen[each.deal_id].stage) for each in found]
    why = None if items else "No deal of this pipeline and currency that you see is closed yet."
    return _out(deal_id, items, len(seen), unseen, why)


def _near(near: Near, came: Mapping[Any, Any], stage: str | None) -> NearOut:
    told = {name: came[name] for name in came if name != "deal_id"}
    return NearOut(
        deal_id=near.deal_id, distance=near.distance, same=list(near.same), times=near.times, stage=stage, **told
    )


def _out(deal_id: UUID, items: Sequence[NearOut], compared: int, unseen: int, why: str | None) -> NearestOut:
    return NearestOut(
        deal_id=deal_id,
        as_of=clock.now(),
        items=list(items),
        won=sum(each.state == "won" for each in items),
        compared=compared,
        hidden=unseen,
        weights=dict(WEIGHTS),
        why_none=why,
    )
