"""The catalogue by HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Query, Response
from pydantic import AwareDatetime

from libs.common.web.api import Reading, Transaction
from libs.common.web.auth import CurrentPrincipal
from libs.common.web.etags import etag
from libs.common.web.idempotency import IdempotencyKey
from services.pricing.catalogue import service
from services.pricing.catalogue.models import ProductState
from services.pricing.catalogue.schemas import ProductHistoryOut, ProductIn, ProductOut, ProductPageOut

router = APIRouter(prefix="/products", tags=["catalogue"])

IfMatch = Annotated[str | None, Header(max_length=200)]


@router.get("")
async def list_products(
    session: Reading,
    principal: CurrentPrincipal,
    line: Annotated[str | None, Query(max_length=100)] = None,
    include_inactive: bool = False,
    cursor: Annotated[str | None, Query(max_length=500)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> ProductPageOut:
    """Products by code."""
    rows, following = await service.list_products(
        session, line=line, include_inactive=include_inactive, cursor=cursor, limit=limit, principal=principal
    )
    return ProductPageOut(items=[ProductOut.of(row) for row in rows], next_cursor=following)


@router.post("", status_code=201)
async def create_product(
    wanted: ProductIn,
    session: Transaction,
    principal: CurrentPrincipal,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> ProductOut:
    """Add a product of our own. The same `Idempotency-Key` and body again give the same product."""
    state = ProductState(**wanted.model_dump())
    row = await service.create_product(session, state, idempotency_key=idempotency_key, principal=principal)
    response.headers["ETag"] = etag(row.version)
    response.headers["Location"] = f"products/{row.product_id}"
    return ProductOut.of(row)


@router.get("/{product_id}")
async def read_product(
    product_id: UUID, session: Reading, principal: CurrentPrincipal, response: Response
) -> ProductOut:
    row = await service.read_product(session, product_id, principal=principal)
    response.headers["ETag"] = etag(row.version)
    return ProductOut.of(row)


@router.put("/{product_id}")
async def change_product(
    product_id: UUID,
    wanted: ProductIn,
    session: Transaction,
    principal: CurrentPrincipal,
    response: Response,
    if_match: IfMatch = None,
) -> ProductOut:
    """Replace a product's state from now on. Refused for a product that a CRM keeps."""
    state = ProductState(**wanted.model_dump())
    row = await service.change_product(session, product_id, state, if_match=if_match, principal=principal)
    response.headers["ETag"] = etag(row.version)
    return ProductOut.of(row)


@router.delete("/{product_id}")
async def retire_product(
    product_id: UUID,
    session: Transaction,
    principal: CurrentPrincipal,
    response: Response,
    if_match: IfMatch = None,
) -> ProductOut:
    """Take a product out of sale; its history and quotes remain."""
    row = await service.retire_product(session, product_id, if_match=if_match, principal=principal)
    response.headers["ETag"] = etag(row.version)
    return ProductOut.of(row)


@router.get("/{product_id}/history")
async def history(
    product_id: UUID,
    session: Reading,
    principal: CurrentPrincipal,
    as_of: AwareDatetime | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> list[ProductHistoryOut]:
    """What the product was, newest first; with `as_of` the first entry is what held then."""
    entries = await service.history(session, product_id, as_of=as_of, limit=limit, principal=principal)
    return [ProductHistoryOut.of(entry) for entry in entries]
