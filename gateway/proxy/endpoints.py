"""`/api/v1/{leads,deals,accounts,organisation,products,quotes,forecast}/...` -> the owning service."""

from collections.abc import AsyncIterator
from urllib.parse import quote

import httpx
from fastapi import APIRouter, Request
from starlette.responses import StreamingResponse

from gateway.auth.dependencies import CurrentUser
from gateway.proxy.client import down, services_of
from gateway.proxy.routes import (
    FORWARDED_REQUEST_HEADERS,
    FORWARDED_RESPONSE_HEADERS,
    OWNER_OF,
    Service,
    is_plain,
)
from libs.common.web.api import MAX_BODY_BYTES
from libs.common.web.errors import NotFound, TooLarge

router = APIRouter(tags=["services"])

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
LARGEST_BODY = MAX_BODY_BYTES
"""Bytes of a request body; imports have their own door."""


class NoSuchResource(NotFound):
    """No service serves this path."""


class BodyTooLarge(TooLarge):
    """More bytes than one request may carry."""


async def forward(request: Request, principal: CurrentUser) -> StreamingResponse:
    """Pass the request on with an internal token of the caller and stream the answer back unchanged."""
    path = request.scope["path"].removeprefix("/api/v1/")
    if not is_plain(path):
        raise NoSuchResource(f"There is nothing at {request.scope['path']}.")
    service, services = OWNER_OF[path.partition("/")[0]], services_of(request)
    headers = [(name, value) for name, value in request.headers.items() if name in FORWARDED_REQUEST_HEADERS]
    headers.append(("authorization", services.authorisation(principal)))
    outgoing = services.build(
        request.method,
        services.url(service, quote(path)),
        params=request.query_params.multi_items(),
        headers=headers,
        content=_limited(request) if _has_body(request) else None,
    )
    response = await services.send(service, outgoing)
    return StreamingResponse(
        _stream(response, service),
        status_code=response.status_code,
        headers={name: value for name, value in response.headers.items() if name in FORWARDED_RESPONSE_HEADERS},
    )


for _owner in OWNER_OF:
    for _path in (f"/api/v1/{_owner}", f"/api/v1/{_owner}/{{rest:path}}"):
        router.add_api_route(_path, forward, methods=METHODS, include_in_schema=False, response_model=None)


def _has_body(request: Request) -> bool:
    return "transfer-encoding" in request.headers or request.headers.get("content-length", "0") != "0"


async def _limited(request: Request) -> AsyncIterator[bytes]:
    if int(request.headers.get("content-length", "0")) > LARGEST_BODY:
        raise _too_large()
    sent = 0
    async for chunk in request.stream():
        sent += len(chunk)
        if sent > LARGEST_BODY:
            raise _too_large()
        yield chunk


async def _stream(response: httpx.Response, service: Service) -> AsyncIterator[bytes]:
    try:
        async for chunk in response.aiter_raw():
            yield chunk
    except httpx.TransportError as error:
        raise down(service) from error
    finally:
        await response.aclose()


def _too_large() -> BodyTooLarge:
    return BodyTooLarge(f"The body exceeds {LARGEST_BODY // 1024 // 1024} MiB; send it in parts.")
