"""The Starlette application: one router per CRM below its own prefix, each behind its token."""

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Mapping, Sequence

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from simulator.config import Provider
from simulator.fakecrm import hubspot, pipedrive, salesforce
from simulator.fakecrm.state import CrmState

Endpoint = Callable[[CrmState, Request], Awaitable[Response]]

LOOKED_S = 0.02
"""How often a request that waits for a silent CRM looks whether it still is."""


def create_app(state: CrmState, tokens: Mapping[Provider, str]) -> Starlette:
    """The CRMs whose token is given."""
    return Starlette(routes=routes(state, tokens))


def routes(state: CrmState, tokens: Mapping[Provider, str]) -> list[BaseRoute]:
    tables: dict[Provider, Sequence[tuple[str, str, Endpoint]]] = {
        "hubspot": hubspot.TABLE,
        "salesforce": salesforce.TABLE,
        "pipedrive": pipedrive.TABLE,
    }
    return [
        Mount(f"/{provider}", routes=[_route(state, tokens[provider], *row) for row in table])
        for provider, table in tables.items()
        if provider in tokens
    ]


def _route(state: CrmState, token: str, method: str, path: str, endpoint: Endpoint) -> Route:
    async def guarded(request: Request) -> Response:
        header = request.headers.get("authorization", "").removeprefix("Bearer ")
        shown = header or request.headers.get("x-api-token", "")
        if not hmac.compare_digest(shown.encode(), token.encode()):
            return JSONResponse({"status": "error", "message": "the token is missing or wrong"}, status_code=401)
        while state.silent:  # noqa: ASYNC110 - set by another thread
            await asyncio.sleep(LOOKED_S)
        return await endpoint(state, request)

    return Route(path, guarded, methods=[method])
