"""The rules of buyers' links: who makes and revokes them, and what a link lets its holder do."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.audit import service as audit
from gateway.auth.tokens import fingerprint, new_token
from gateway.buyerlinks import repository
from gateway.buyerlinks.repository import Link
from gateway.buyerlinks.schemas import LinkIn, LinkOut, Standing
from gateway.proxy.client import Services
from libs.common import clock
from libs.common.ids import new_id
from libs.common.web.auth import Principal, require
from libs.common.web.errors import NotFound

SENDERS: Final = ("seller", "manager", "sales_ops", "cso")
"""Roles that may let a buyer see the plan of a deal in their scope."""


class NoSuchLink(NotFound):
    """There is no such link, or the caller does not see its deal."""


async def create(
    session: AsyncSession, wanted: LinkIn, *, services: Services, principal: Principal
) -> tuple[LinkOut, str]:
    """A link to the plan of a deal within the caller's scope, and its token, which is stored nowhere.

    Raises MissingRole, and what the deals service says of a deal or plan that the caller does not see.
    """
    require(principal, *SENDERS)
    plan = await _plan(wanted.deal_id, services, principal)
    at, token = clock.now(), new_token()
    expires = at + timedelta(days=wanted.days)
    link = Link(new_id(at), UUID(plan["plan_id"]), wanted.deal_id, principal.subject, at, expires, None, 0, None)
    await repository.insert(session, link, fingerprint=fingerprint(token))
    await audit.record(
        session,
        "buyer_link.created",
        actor=principal.subject,
        on=_name(link),
        detail={"deal_id": str(link.deal_id), "expires_at": expires.isoformat()},
    )
    return told(link, at), token


async def listed(session: AsyncSession, deal_id: UUID, *, services: Services, principal: Principal) -> list[LinkOut]:
    """The links to a deal's plan, the newest first. Raises as `create`, save for the role."""
    await _plan(deal_id, services, principal)
    return [told(link, clock.now()) for link in await repository.of_deal(session, deal_id)]


async def revoke(session: AsyncSession, link_id: UUID, *, services: Services, principal: Principal) -> LinkOut:
    """End a link at once; doing it again changes nothing. Raises MissingRole, NoSuchLink, and as `create`."""
    require(principal, *SENDERS)
    link = await repository.by_id(session, link_id)
    if link is None:
        raise NoSuchLink(f"There is no buyer's link {link_id}.")
    await _plan(link.deal_id, services, principal)
    at = clock.now()
    if link.revoked_at is None:
        await repository.revoke(session, link_id, by=principal.subject, at=at)
        await audit.record(session, "buyer_link.revoked", actor=principal.subject, on=_name(link))
    return told(replace(link, revoked_at=link.revoked_at or at), at)


async def admit(session: AsyncSession, token: str, *, does: str) -> Principal | None:
    """Whom a link lets in: a principal of one plan and no other right; None for an unknown, expired or revoked link.

    Each of the three takes the same steps: one look by fingerprint and one entry of the audit trail, which says which it was.
    `does`: what the holder is about to do, such as `visited`.
    """
    at, print_ = clock.now(), fingerprint(token)
    link = await repository.by_fingerprint(session, print_)
    state = standing(link, at) if link else "unknown"
    if link is None or state != "open":
        name = _name(link) if link else "buyer_link:unknown"
        detail: dict[str, Any] = {"because": state, "fingerprint": print_.hex()[:12], "wanted": does}
        await audit.record(session, "buyer_link.refused", actor="anonymous", on=name, detail=detail)
        return None
    await repository.visited(session, link.link_id, at=at)
    await audit.record(session, f"buyer_link.{does}", actor=_name(link), on=f"deal:{link.deal_id}")
    return Principal(subject=_name(link), roles=frozenset({"buyer"}), scope=(link.plan_id,))


async def turned_away(session: AsyncSession, *, because: str, principal: Principal) -> None:
    """Note that something was refused to whom a link let in, such as a tick of a seller's task."""
    await audit.record(
        session, "buyer_link.refused", actor=principal.subject, on=principal.subject, detail={"because": because}
    )


def standing(link: Link, at: datetime) -> Standing:
    """A link's state at an instant."""
    if link.revoked_at is not None:
        return "revoked"
    return "expired" if link.expires_at <= at else "open"


def told(link: Link, at: datetime) -> LinkOut:
    kept = {name: getattr(link, name) for name in LinkOut.model_fields if name != "state"}
    return LinkOut(**kept, state=standing(link, at))


def _name(link: Link) -> str:
    return f"buyer_link:{link.link_id}"


async def _plan(deal_id: UUID, services: Services, principal: Principal) -> dict[str, Any]:
    return await services.get("deals", f"deals/{deal_id}/close-plan", principal=principal)
