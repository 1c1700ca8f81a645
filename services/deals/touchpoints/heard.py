"""Calls, mails and meetings that CRMs tell of: a touchpoint of each deal that one names, else of each account."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.events.base import Received
from libs.common.events.beside import CrmActivityChanged
from libs.common.ids import NAMESPACE
from libs.common.web.auth import Principal, require
from services.deals.touchpoints import repository, service
from services.deals.touchpoints.service import Stated


async def hear(session: AsyncSession, events: Sequence[Received[CrmActivityChanged]], *, principal: Principal) -> None:
    """State what CRMs tell, in any order and repetition; what was not done, or is no more, is withdrawn."""
    require(principal, "system")
    newest: dict[UUID, Received[CrmActivityChanged]] = {}
    for each in events:
        held = newest.get(each.data.activity_id)
        if held is None or _told_at(each) > _told_at(held):
            newest[each.data.activity_id] = each
    known = await repository.lock_activities(session, newest)
    fresh = [each for key, each in sorted(newest.items()) if key not in known or _told_at(each) > known[key].told_at]
    wanted = {each.data.activity_id: touchpoints(each.data, until=clock.now() + clock.MAX_AHEAD) for each in fresh}
    earlier = {key: set(known[key].touchpoints) if key in known else set() for key in wanted}
    standing = await repository.lock(session, set().union(*earlier.values(), *wanted.values()))
    for each in fresh:
        key = each.data.activity_id
        gone = {one: _withdrawn(standing[one]) for one in earlier[key] - wanted[key].keys() if one in standing}
        stated = [Stated(one, uuid5(each.id, str(one)), facts) for one, facts in sorted((wanted[key] | gone).items())]
        told_anew = [one for one in stated if service.differs(standing.get(one.touchpoint_id), one.facts)]
        await service.state(
            session,
            told_anew,
            standing,
            source="crm",
            author=f"crm:{each.data.connection}",
            stated_at=_told_at(each),
            principal=principal,
        )
    await repository.put_activities(
        session,
        {
            each.data.activity_id: (
                _told_at(each),
                earlier[each.data.activity_id] | wanted[each.data.activity_id].keys(),
            )
            for each in fresh
        },
    )


def touchpoints(told: CrmActivityChanged, *, until: datetime) -> dict[UUID, Mapping[str, Any]]:
    """The touchpoints that an activity is, by their ids; none of one that was not done, or lies ahead."""
    if told.deleted or not told.done or told.at is None or told.at > until:
        return {}
    shared = {
        "at": told.at,
        "kind": told.kind,
        "direction": told.direction,
        "contacts": tuple(sorted(set(told.contact_ids))),
        "ours": tuple(sorted(set(told.our_ids))),
        "withdrawn": False,
    }
    named = [("deal_id", each) for each in told.deal_ids] or [("account_id", each) for each in told.account_ids]
    return {
        uuid5(NAMESPACE, f"touchpoint:{told.activity_id}:{each}"): shared
        | {"deal_id": None, "account_id": None, column: each}
        for column, each in named
    }


def _withdrawn(row: RowMapping) -> Mapping[str, Any]:
    return {name: row[name] for name in service.FACTS} | {"withdrawn": True}


def _told_at(event: Received[CrmActivityChanged]) -> datetime:
    """The CRM's time; of several versions at one instant the later by the gateway's count."""
    return event.data.clock.crm_time + timedelta(microseconds=min(event.aggregate_version, 999))
