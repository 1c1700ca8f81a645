"""The app factory of every component, its operations routes, and the session dependencies."""

import time
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from libs.common.db import is_passing, revision
from libs.common.messaging import cursor, deadletter, position
from libs.common.messaging.topics import BY_NAME
from libs.common.observe import metrics, tracing
from libs.common.revisions import newest
from libs.common.runtime import Component, Runtime
from libs.common.web import errors, idempotency
from libs.common.web.auth import CurrentPrincipal, TokenVerifier, require
from libs.common.web.errors import NotFound
from libs.common.web.schemas import In

MAX_BODY_BYTES = 5 * 1024 * 1024


def runtime_of(request: Request) -> Runtime:
    runtime: Runtime = request.app.state.runtime
    return runtime


async def _transaction(request: Request) -> AsyncIterator[AsyncSession]:
    async with runtime_of(request).database.transaction() as session:
        if key := request.headers.get(idempotency.HEADER):
            await idempotency.one_at_a_time(session, key)
        yield session


async def _reading(request: Request) -> AsyncIterator[AsyncSession]:
    async with runtime_of(request).database.reading() as session:
        yield session


# scope="function": the exit of the dependency, which commits, comes before the answer; a commit that fails is no success.
Transaction = Annotated[AsyncSession, Depends(_transaction, scope="function")]
Reading = Annotated[AsyncSession, Depends(_reading, scope="function")]


def create_app(component: Component, runtime: Runtime, *, serve_api: bool = True) -> FastAPI:
    """The component's app; without `serve_api` only the operations routes, for processes of other roles."""
    app = FastAPI(
        title=f"Foretell {component.name}",
        version="1",
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json" if serve_api else None,
        # `Observed` traces and counts; FastAPI's own telemetry would do the same a second time.
        telemetry={"tracing": False, "metrics": False, "logs": False, "operation_spans": False},
    )
    app.state.runtime = runtime
    app.state.verifier = TokenVerifier(runtime.settings)
    errors.install(app)
    app.include_router(_operations(component))
    if serve_api:
        for router in component.routers:
            app.include_router(router, prefix=component.prefix)
        app.include_router(_messaging(), prefix=component.prefix or "/v1")
        if component.customise is not None:
            component.customise(app, runtime)
    app.add_middleware(Observed)
    return app


def _operations(component: Component) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    needed = newest(component.package)

    @router.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "alive"}

    @router.get("/readyz")
    async def readyz(request: Request) -> Response:
        """Asks the database and the least schema revision; not the broker: intake goes on without it."""
        try:
            async with runtime_of(request).database.reading() as session:
                found = await revision(session)
        except Exception as error:
            if not is_passing(error):
                raise
            return JSONResponse({"status": "database unavailable"}, status_code=503)
        if found is None or found < needed:
            return JSONResponse({"status": f"schema is {found}, {needed} is needed"}, status_code=503)
        return JSONResponse({"status": "ready"})

    @router.get("/metrics")
    async def exposition() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return router


class Rewind(In):
    """From which transaction id on, as text because it does not fit every number."""

    txid: Annotated[str, Field(pattern=r"^[0-9]{1,20}$")]


def _messaging() -> APIRouter:
    """How far this component has consumed, and its dead letters."""
    router = APIRouter(tags=["messaging"])

    @router.get("/positions/{topic}")
    async def applied(topic: str, session: Reading, principal: CurrentPrincipal) -> dict[str, Any]:
        require(principal, "system")
        if topic not in BY_NAME:
            raise NotFound(f"There is no topic {topic!r}.")
        # A transaction id does not fit a JavaScript number, so it travels as text.
        log, txid = await position.applied(session, BY_NAME[topic])
        return {"topic": topic, "log": log, "applied_txid": str(txid)}

    @router.post("/outbox/rewind", status_code=202)
    async def rewind(wanted: Rewind, session: Transaction, principal: CurrentPrincipal) -> dict[str, str]:
        """Send everything from a transaction on again; asked by a consumer that lacks it."""
        require(principal, "system")
        await cursor.ask_rewind(session, int(wanted.txid))
        return {"status": "accepted"}

    @router.get("/dead-letters")
    async def dead_letters(
        session: Reading, principal: CurrentPrincipal, state: str = "open", limit: int = 100
    ) -> list[dict[str, Any]]:
        require(principal, "sales_ops")
        return await deadletter.listing(session, state=state, limit=min(max(limit, 1), 1000))

    @router.post("/dead-letters/replay")
    async def replay(request: Request, principal: CurrentPrincipal) -> dict[str, int]:
        require(principal, "admin")
        applier = runtime_of(request).applier
        return await applier.replay() if applier is not None else {"replayed": 0, "failed": 0}

    return router


class Observed:
    """Counts and times every request by its route template, continues its trace, and bounds its declared size."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in ("/healthz", "/readyz", "/metrics"):
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        status = 500
        started = time.perf_counter()

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        length = headers.get(b"content-length", b"0")
        if length.isdigit() and int(length) > MAX_BODY_BYTES:
            response = errors.answer(
                413, "TooLarge", f"The body has {int(length)} bytes; at most {MAX_BODY_BYTES} are read."
            )
            await response(scope, receive, send)
            return
        try:
            with tracing.continued(scope["method"], headers.get(b"traceparent", b"").decode("latin-1") or None):
                await self.app(scope, receive, note)
        finally:
            route = getattr(scope.get("route"), "path", None) or "unmatched"
            metrics.HTTP_REQUESTS.labels(scope["method"], route, str(status)).inc()
            if status >= 500:
                metrics.HTTP_FAILURES.inc()
            metrics.HTTP_DURATION.labels(scope["method"], route).observe(time.perf_counter() - started)
