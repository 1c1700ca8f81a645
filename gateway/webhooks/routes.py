"""The door for CRMs: `POST /webhooks/{key}`. Authenticate the raw bytes, store, commit, answer."""

from collections.abc import Callable, Sequence
from typing import cast
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.config import Settings
from gateway.connections.cache import Connections
from gateway.connections.service import Connection
from gateway.connectors.bells import ARRIVED, SIGNALLED, bell
from gateway.connectors.providers import Answer, Provider, provider_of
from gateway.connectors.understanding import understand
from gateway.connectors.verification import Refused, WebhookRequest, media_type
from gateway.webhooks import metrics
from gateway.webhooks.body import BodyTooLarge, read_bounded
from gateway.webhooks.intake import Intake, NotStored, Overloaded, Understand
from libs.common import clock
from libs.common.ids import new_id
from libs.common.observe.log import get_logger
from libs.common.observe.tracing import current_traceparent
from libs.common.runtime import Runtime

log = get_logger(__name__)

KEPT_HEADERS = ("content-type", "user-agent", "webhook-id", "webhook-timestamp", "x-hubspot-request-timestamp")
"""What is stored of the headers: never a credential."""


def intake_of(runtime: Runtime) -> Intake:
    """The process's one intake."""
    if "intake" not in runtime.state:
        settings = cast("Settings", runtime.settings)
        understand = _understanding(runtime, settings) if settings.understand_at_once else None
        runtime.state["intake"] = Intake(runtime.database, settings, bell(runtime, ARRIVED).set, understand)
    return cast("Intake", runtime.state["intake"])


def _understanding(runtime: Runtime, settings: Settings) -> Understand:
    connections, zone = Connections(runtime.database, settings), ZoneInfo(settings.org_timezone)
    signalled = bell(runtime, SIGNALLED)

    async def understand_now(session: AsyncSession, deliveries: Sequence[UUID]) -> Callable[[], None]:
        found = await understand(session, connections, zone=zone, limit=len(deliveries), only=deliveries)
        return signalled.set if found.signals else lambda: None

    return understand_now


async def keep_storing(runtime: Runtime) -> None:
    """Empties the intake as long as the process serves HTTP."""
    await intake_of(runtime).run()


def add_webhooks(app: FastAPI, runtime: Runtime) -> None:
    settings = cast("Settings", runtime.settings)
    door = Door(settings, Connections(runtime.database, settings), intake_of(runtime))
    paths = ("/webhooks/{key}", "/webhooks/{key}/{path_secret}")
    # First of all routes, since most requests are webhooks, and every other route would be compared before.
    app.router.routes[:0] = [Route(path, door.receive, methods=["POST"], include_in_schema=False) for path in paths]


class Door:
    """Receives deliveries of all connections."""

    def __init__(self, settings: Settings, connections: Connections, intake: Intake) -> None:
        self._settings = settings
        self._connections = connections
        self._intake = intake
        self._base = settings.public_url.rstrip("/")
        self._seen: set[str] = set()

    async def receive(self, request: Request) -> Response:
        started = clock.monotonic()
        connection = await self._connections.get(request.path_params["key"])
        if connection is None:
            metrics.DELIVERIES.labels(metrics.UNKNOWN, "unknown").inc()
            return Response(status_code=404)
        if connection.key not in self._seen:
            self._seen.add(connection.key)
            metrics.start_at_zero(connection.key)
        verdict, answer = await self._judge(request, connection, provider_of(connection))
        metrics.DELIVERIES.labels(connection.key, verdict).inc()
        metrics.DURATION.labels(connection.provider).observe(clock.monotonic() - started)
        headers = {"Retry-After": "1"} if answer.status == 503 else {}
        if verdict == "too_large":
            headers = {"Connection": "close"}
        return Response(
            answer.body, answer.status, headers=headers, media_type=answer.media_type if answer.body else None
        )

    async def _judge(self, request: Request, connection: Connection, provider: Provider) -> tuple[str, Answer]:
        """What was done with the request, and the answer this CRM understands."""
        received_at = clock.now()
        headers = dict(request.headers.items())
        success = provider.success.get(media_type(headers))
        if success is None:
            return "wrong_type", provider.wrong_type
        try:
            body = await read_bounded(request, self._settings.webhook_max_bytes)
        except BodyTooLarge:
            return "too_large", provider.too_large
        except ClientDisconnect:
            return "not_stored", provider.retry
        sent = self._as_sent(request, headers, body)
        try:
            provider.verify(sent, connection.credentials)
        except Refused as refused:
            log.info("delivery refused", connection=connection.key, verdict=refused.verdict)
            return refused.verdict, provider.refusal
        arrival = self._intake.new(
            new_id(),
            connection=connection.key,
            received_at=received_at,
            headers={name: headers[name] for name in KEPT_HEADERS if name in headers} | provider.kept(sent),
            body=provider.blank(body),
            traceparent=current_traceparent(),
        )
        try:
            await self._intake.store(arrival)
        except Overloaded:
            return "overloaded", provider.retry
        except NotStored:
            return "not_stored", provider.retry
        return "stored", success

    def _as_sent(self, request: Request, headers: dict[str, str], body: bytes) -> WebhookRequest:
        """The request under the URL that the sender knows: the configured one, whatever a proxy made of it."""
        path = request.scope.get("raw_path") or request.url.path.encode()
        query = request.scope.get("query_string", b"")
        url = self._base + path.decode("latin-1") + ("?" + query.decode("latin-1") if query else "")
        return WebhookRequest(
            method=request.method,
            url=url,
            headers=headers,
            body=body,
            received_at=clock.now(),
            path_secret=request.path_params.get("path_secret"),
        )
