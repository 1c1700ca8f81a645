"""Guidance, its publications, and checks of prices by HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request

from libs.common.web.api import Reading, Transaction, runtime_of
from libs.common.web.auth import CurrentPrincipal
from services.pricing.guidance import publishing, service
from services.pricing.guidance.models import AskedLine
from services.pricing.guidance.schemas import (
    CheckIn,
    CheckOut,
    ExceptionIn,
    ExceptionOut,
    GuidanceOut,
    GuidedOut,
    PublicationOut,
    PublicationsOut,
    PublishedOut,
)
from services.pricing.policies.service import minimum

router = APIRouter(tags=["guidance"])

Word = Annotated[str | None, Query(min_length=1, max_length=100)]


@router.get("/guidance")
async def read_guidance(
    product_id: UUID, session: Reading, principal: CurrentPrincipal, market: Word = None, segment: Word = None
) -> GuidanceOut:
    """Floor, target and stretch that hold now for a product in a market and segment, and what they rest on."""
    publication, guided = await service.read_guidance(
        session, product_id, market=market, segment=segment, minimum=minimum, principal=principal
    )
    return GuidanceOut(publication=PublicationOut.of(publication), guidance=GuidedOut.of(guided))


@router.get("/guidance/publications")
async def list_publications(session: Reading, principal: CurrentPrincipal) -> PublicationsOut:
    """All versions of the bands, newest first."""
    rows = await publishing.list_publications(session, principal=principal)
    return PublicationsOut(items=[PublicationOut.model_validate(row) for row in rows])


@router.get("/guidance/publications/{version}")
async def read_publication(
    version: Annotated[int, Path(ge=1, le=2**31 - 1)], session: Reading, principal: CurrentPrincipal
) -> PublishedOut:
    """A version with every band beside that of the version before."""
    return PublishedOut.of(*await publishing.read_publication(session, version, principal=principal))


@router.get("/guidance/next")
async def preview(request: Request, principal: CurrentPrincipal) -> PublishedOut:
    """What would be published now, beside the newest version; nothing is kept."""
    return PublishedOut.of(*await publishing.preview(runtime_of(request).database, principal=principal))


@router.post("/price-checks")
async def check(wanted: CheckIn, session: Reading, principal: CurrentPrincipal) -> CheckOut:
    """Where each price and the whole stand. Nothing is kept, so a repetition is harmless."""
    lines = [AskedLine(line.product_id, line.quantity, line.unit_price, line.discount) for line in wanted.lines]
    found = await service.check(
        session,
        lines,
        currency=wanted.currency,
        market=wanted.market,
        segment=wanted.segment,
        minimum=minimum,
        principal=principal,
    )
    return CheckOut.of(found)


@router.get("/price-checks/quotes/{quote_id}")
async def check_quote(quote_id: UUID, session: Reading, principal: CurrentPrincipal) -> CheckOut:
    """A quote against the version of the bands under which it was made."""
    return CheckOut.of(await service.check_quote(session, quote_id, minimum=minimum, principal=principal))


@router.post("/price-exceptions", status_code=201)
async def record_exception(wanted: ExceptionIn, session: Transaction, principal: CurrentPrincipal) -> ExceptionOut:
    """Record a quote's price as an exception, which bands leave out. The quote is the key: the same again gives the same."""
    found = await service.record_exception(
        session, wanted.quote_id, reason=wanted.reason, note=wanted.note, principal=principal
    )
    return ExceptionOut.model_validate(found)
