"""Buyers' links by HTTP, for those who send them. What a buyer opens is `gateway.pages.buyer`."""

from typing import cast
from uuid import UUID

from fastapi import APIRouter, Request

from gateway.auth.dependencies import CurrentUser
from gateway.buyerlinks import service
from gateway.buyerlinks.schemas import LinkIn, LinkMade, LinkOut, LinksOut
from gateway.config import Settings
from gateway.proxy.client import services_of
from libs.common.web.api import Reading, Transaction, runtime_of

router = APIRouter(prefix="/api/v1/buyer-links", tags=["close plans"])


@router.get("")
async def list_links(request: Request, session: Reading, principal: CurrentUser, deal_id: UUID) -> LinksOut:
    """The links to a deal's close plan, without their addresses."""
    links = await service.listed(session, deal_id, services=services_of(request), principal=principal)
    return LinksOut(items=links)


@router.post("", status_code=201)
async def create_link(body: LinkIn, request: Request, session: Transaction, principal: CurrentUser) -> LinkMade:
    """A link by which somebody without an account sees the plan of this deal and ticks the buyer's tasks."""
    link, token = await service.create(session, body, services=services_of(request), principal=principal)
    return LinkMade(link=link, url=address(request, token))


@router.delete("/{link_id}")
async def revoke_link(link_id: UUID, request: Request, session: Transaction, principal: CurrentUser) -> LinkOut:
    """End a link at once."""
    return await service.revoke(session, link_id, services=services_of(request), principal=principal)


def address(request: Request, token: str) -> str:
    """Where a token leads, by the configured public address."""
    settings = cast("Settings", runtime_of(request).settings)
    return f"{settings.public_url.rstrip('/')}/shared-plan/{token}"
