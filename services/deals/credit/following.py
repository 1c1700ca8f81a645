"""Splits that CRMs tell, and the rest of their shares that follows the deal's owner."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.events.base import Received
from libs.common.events.beside import CrmDealSplitsChanged
from libs.common.web.auth import Principal, require
from services.deals.credit import repository
from services.deals.credit.rest import (
    Entry,
    Owned,
    Rest,
    as_said,
    leaves_a_rest,
    missing,
    revenue_in,
    shares_in,
    without_owner,
)
from services.deals.statements import heard as hearing
from services.deals.statements import service
from services.deals.statements.models import Held


async def hear(
    session: AsyncSession,
    events: Sequence[Received[CrmDealSplitsChanged]],
    meaning: hearing.Meaning,
    *,
    principal: Principal,
) -> None:
    """Keep the splits that CRMs tell, in any order and repetition, and give what they leave to the owners."""
    require(principal, "system")
    for batch in _one_of_each_deal(events):
        words = await hearing.hear(session, "splits", batch, meaning, principal=principal)
        told = {deal: revenue_in(word.said) for deal, word in words.items() if word.problem is None}
        known = await repository.rests(session, told)
        versions = await hearing.versions(session, told, principal=principal)
        new: dict[UUID, Rest] = {}
        for data in (each.data for each in batch if each.data.deal_id in told):
            deal, shares, before = data.deal_id, told[data.deal_id], known.get(data.deal_id)
            if before.shares != shares if before else leaves_a_rest(shares):
                author = f"{hearing.AUTHOR}{data.connection}"
                new[deal] = Rest(hearing.holds_from(data), author, versions.get(deal, 0), shares)
        await repository.put_rests(session, new)
        await follow(session, words, principal=principal)


async def follow(session: AsyncSession, deals: Collection[UUID], *, principal: Principal) -> None:
    """State anew what of these deals, which the caller has locked, is whose: their owners, or what CRMs say, may have changed."""
    require(principal, "system")
    rests = await repository.rests(session, deals)
    held = await service.held(session, rests, principal=principal)
    if not held:
        return
    owners = await repository.owners(session, held)
    said = await repository.revenue_said(session, held)
    stated = []
    for deal_id, deal in held.items():
        rest = rests[deal_id]
        counted = replace(rest, at=service.booked_until(deal, rest.at))
        entries = [_entry(each, rest) for each in said.get(deal_id, ())]
        owned = _owned(deal, owners.get(deal_id, ()))
        stated += [
            hearing.Stated(deal_id, hearing.Said("revenue", as_said(shares)), at, rest.author)
            for at, shares in missing(counted, owned, entries)
        ]
    await hearing.state(session, stated, principal=principal)


async def problem_of(session: AsyncSession, deal: Held, *, principal: Principal) -> str | None:
    """Why the CRM's shares of a deal that the caller found within scope do not stand; None where they do."""
    problem = await hearing.problem_of(session, deal.deal_id, "splits", principal=principal)
    if problem is None and deal.owner_id is None:
        waiting = (await repository.rests(session, [deal.deal_id])).get(deal.deal_id)
        return without_owner(waiting.shares) if waiting and leaves_a_rest(waiting.shares) else None
    return problem


def _one_of_each_deal(
    events: Sequence[Received[CrmDealSplitsChanged]],
) -> list[list[Received[CrmDealSplitsChanged]]]:
    """Batches in which a deal is told of once: so what comes together ends as what comes one by one."""
    batches: list[dict[UUID, Received[CrmDealSplitsChanged]]] = []
    for each in sorted(events, key=lambda one: hearing.order(one.data)):
        deal = each.data.deal_id
        free = next((batch for batch in batches if deal not in batch), None)
        if free is None:
            batches.append(free := {})
        free[deal] = each
    return [list(batch.values()) for batch in batches]


def _owned(deal: Held, owners: Sequence[tuple[datetime, UUID | None]]) -> list[Owned]:
    """By instants that count. Whoever owns a closed deal later corrects the closing, but that nobody does takes nothing back."""
    counted = [(at, service.booked_until(deal, at), owner) for at, owner in owners]
    return [
        Owned(until, None if owner is None else str(owner))
        for at, until, owner in counted
        if owner is not None or until == at
    ]


def _entry(said: Any, rest: Rest) -> Entry:
    by_crm = hearing.is_of_a_crm(said.author)
    follows = by_crm and said.version > rest.version and said.deal_id == said.heir
    return Entry(said.at, said.version, follows, by_crm, shares_in(said.said))
