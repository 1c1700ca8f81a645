"""Quotes by HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Query, Response

from libs.common.web.api import Reading, Transaction
from libs.common.web.auth import CurrentPrincipal, sees_costs
from libs.common.web.etags import etag
from libs.common.web.idempotency import IdempotencyKey
from services.pricing.quotes import known, offering, service
from services.pricing.quotes.models import QuoteStatus
from services.pricing.quotes.schemas import (
    HistoryOut,
    QuotableOut,
    QuotablesOut,
    QuoteDetailOut,
    QuoteIn,
    QuoteListedOut,
    QuoteOut,
    QuotePageOut,
    RevisionIn,
    RevisionOut,
    StateOut,
)

router = APIRouter(prefix="/quotes", tags=["quotes"])

IfMatch = Annotated[str | None, Header(max_length=200)]


@router.get("")
async def list_quotes(
    session: Reading,
    principal: CurrentPrincipal,
    deal_id: UUID | None = None,
    status: QuoteStatus | None = None,
    cursor: Annotated[str | None, Query(max_length=500)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> QuotePageOut:
    """Quotes of deals that the caller may see, newest first."""
    rows, following = await service.list_quotes(
        session, deal_id=deal_id, status=status, cursor=cursor, limit=limit, principal=principal
    )
    return QuotePageOut(items=[QuoteListedOut.of(*row) for row in rows], next_cursor=following)


@router.post("", status_code=201)
async def create_quote(
    wanted: QuoteIn,
    session: Transaction,
    principal: CurrentPrincipal,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> QuoteOut:
    """Price a draft. The same `Idempotency-Key` and body again give the same quote."""
    quote = await service.create_quote(
        session,
        wanted.deal_id,
        currency=wanted.currency,
        lines=wanted.wanted(),
        terms=wanted.terms(),
        idempotency_key=idempotency_key,
        principal=principal,
    )
    response.headers["ETag"] = etag(quote.version)
    response.headers["Location"] = f"quotes/{quote.quote_id}"
    return QuoteOut.model_validate(quote)


@router.get("/deals")
async def list_deals(
    session: Reading,
    principal: CurrentPrincipal,
    search: Annotated[str | None, Query(min_length=1, max_length=100)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> QuotablesOut:
    """Open deals that can be quoted for, within the caller's scope."""
    rows = await known.list_deals(session, search=search, limit=limit, principal=principal)
    return QuotablesOut(items=[QuotableOut.model_validate(row) for row in rows])


@router.get("/{quote_id}")
async def read_quote(
    quote_id: UUID, session: Reading, principal: CurrentPrincipal, response: Response
) -> QuoteDetailOut:
    """A quote with its lines."""
    quote, lines = await service.read_quote(session, quote_id, principal=principal)
    response.headers["ETag"] = etag(quote.version)
    _, whole = offering.waterfalls(quote, lines)
    return QuoteDetailOut.with_lines(quote, lines, whole, with_cost=sees_costs(principal))


@router.get("/{quote_id}/history")
async def read_history(quote_id: UUID, session: Reading, principal: CurrentPrincipal) -> HistoryOut:
    """What was offered, and what happened to it."""
    revisions, states = await service.history(session, quote_id, principal=principal)
    return HistoryOut(
        revisions=[RevisionOut.model_validate(each) for each in revisions],
        states=[StateOut.model_validate(each) for each in states],
    )


@router.put("/{quote_id}")
async def revise_quote(
    quote_id: UUID,
    wanted: RevisionIn,
    session: Transaction,
    principal: CurrentPrincipal,
    response: Response,
    if_match: IfMatch = None,
) -> QuoteOut:
    """Offer something else: a new revision, which is a draft. What was offered before stays in the history."""
    quote = await service.revise_quote(
        session, quote_id, lines=wanted.wanted(), terms=wanted.terms(), if_match=if_match, principal=principal
    )
    response.headers["ETag"] = etag(quote.version)
    return QuoteOut.model_validate(quote)


@router.post("/{quote_id}/withdraw")
async def withdraw_quote(
    quote_id: UUID,
    session: Transaction,
    principal: CurrentPrincipal,
    response: Response,
    if_match: IfMatch = None,
) -> QuoteOut:
    """Take a quote back; if it was accepted, the CRM's amount holds again."""
    quote = await service.withdraw_quote(session, quote_id, if_match=if_match, principal=principal)
    response.headers["ETag"] = etag(quote.version)
    return QuoteOut.model_validate(quote)
