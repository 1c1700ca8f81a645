"""Statements about deals: kept, never changed. The capabilities beside this one say what a statement may hold and what it means."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.messaging import outbox
from libs.common.organisation import scope_parameters
from libs.common.web import etags
from libs.common.web.auth import ROLES, Principal, require
from libs.common.web.errors import Invalid, NotFound
from services.deals.chronicle import EVER_KNOWN
from services.deals.config import business_zone
from services.deals.statements import repository
from services.deals.statements.models import Held, Part, Statement, Wanted

WRITERS: Final = ("seller", "manager", "sales_ops", "cso")
"""Roles that may say something of deals within their scope."""
_TICK: Final = timedelta(microseconds=1)


class NoSuchDeal(NotFound):
    """No deal of this id that the principal may see, or it was removed."""


class NotYet(Invalid):
    """A statement holds from now or from before."""


async def held(session: AsyncSession, deals: Collection[UUID], *, principal: Principal) -> Mapping[UUID, Held]:
    """Those of the deals that are there and within scope."""
    require(principal, *ROLES)
    return await repository.held(session, deals, scope_parameters(principal))


async def one(session: AsyncSession, deal_id: UUID, *, principal: Principal) -> Held:
    """Raises NoSuchDeal."""
    found = await held(session, [deal_id], principal=principal)
    if deal_id not in found:
        raise NoSuchDeal(
            f"No deal {deal_id} is known to you; it may have been removed or not have arrived from the CRM yet."
        )
    return found[deal_id]


async def keep(session: AsyncSession, wanted: Sequence[Wanted], *, principal: Principal) -> None:
    """Append statements of deals that the principal sees; one that came before changes nothing.

    Raises NoSuchDeal, NotYet, VersionHasMoved, IdempotencyKeyReused.
    """
    require(principal, *WRITERS)
    ids = sorted({each.deal_id for each in wanted})
    await repository.lock(session, ids)
    deals = await held(session, ids, principal=principal)
    taken = await repository.digests(session, [each.request.id for each in wanted])
    versions = await repository.newest(session, ids)
    told: list[dict[str, Any]] = []
    now = clock.now()
    for each in wanted:
        if each.deal_id not in deals:
            raise NoSuchDeal(f"No deal {each.deal_id} is known to you; it may have been removed.")
        if each.request.was_taken(taken.get(each.request.id)):
            continue
        etags.check(each.if_match, versions.get(each.deal_id, 0), noun=f"What is said of deal {each.deal_id}")
        versions[each.deal_id] = versions.get(each.deal_id, 0) + 1
        told.append(
            {
                "entry_id": each.request.id,
                "deal_id": each.deal_id,
                "version": versions[each.deal_id],
                "part": each.part,
                "subject": each.subject,
                "said": each.said,
                "at": _at(each.at, deals[each.deal_id], now),
                "author": principal.subject,
                "request_digest": each.request.digest,
            }
        )
    if told:
        recorded_at = await outbox.stamp(session)
        await repository.append(session, [row | {"recorded_at": recorded_at} for row in told])


async def standing(
    session: AsyncSession,
    deals: Collection[UUID],
    parts: Sequence[Part],
    *,
    as_of: datetime | None = None,
    known_at: datetime | None = None,
    principal: Principal,
) -> list[Statement]:
    """What stands of deals within scope, by deal, part and subject; of others nothing."""
    seen = await held(session, deals, principal=principal)
    at, known = as_of or clock.now(), known_at or EVER_KNOWN
    return await repository.standing(session, seen, parts, as_of=at, known_at=known)


async def history(
    session: AsyncSession,
    deal_id: UUID,
    parts: Sequence[Part],
    *,
    known_at: datetime | None = None,
    principal: Principal,
) -> list[Statement]:
    """The last hundred statements, the newest first. Raises NoSuchDeal."""
    await one(session, deal_id, principal=principal)
    return await repository.history(session, deal_id, parts, known_at=known_at or EVER_KNOWN, limit=100)


async def version_of(session: AsyncSession, deal_id: UUID, *, principal: Principal) -> int:
    """The version that an author sees who reads the deal now; 0 before the first statement. Raises NoSuchDeal."""
    await one(session, deal_id, principal=principal)
    return (await repository.newest(session, [deal_id])).get(deal_id, 0)


def booked_until(deal: Held, as_of: datetime) -> datetime:
    """The instant whose statements count for a deal: `as_of` while it is open, else at most the end of the day of its closing."""
    if deal.closed_on is None:
        return as_of
    following = datetime.combine(deal.closed_on + timedelta(days=1), datetime.min.time(), tzinfo=business_zone())
    return min(as_of, following - _TICK)


def _at(wanted: datetime | None, deal: Held, now: datetime) -> datetime:
    """From when a statement holds: as said, else now; of a closed deal, what was not known when it closed corrects the closing."""
    if wanted is not None and wanted > now:
        raise NotYet(f"at: {wanted.isoformat()} is not yet; say from when it holds, or leave it out.")
    return wanted or booked_until(deal, now)
