"""A Dataverse environment over HTTP: the login, the Web API that rows are read back from, and the webhook that tells of one."""

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlencode

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deploy.local.waiting import wait_until

TENANT, CLIENT, SECRET, KEY = "tenant-1", "client-1", "client-secret-1", "webhook&key-1"
TOKEN = "token-1"
COLUMNS = {
    **{name: f"new_{name}" for name in ("region", "source", "segment", "industry")},
    "engagement_count": "new_engagements",
    "last_activity_at": "new_lastcontact",
}
"""Columns that the company added to its leads."""


class Environment:
    """Rows by entity set. `url` is where it listens."""

    def __init__(self) -> None:
        self.rows: dict[str, list[dict[str, Any]]] = {}
        self.url = ""
        self.logins = 0

    def document(self, key: str) -> dict[str, Any]:
        """The connection that reads this environment."""
        return {
            "key": key,
            "provider": "dataverse",
            "name": "Nordics (Dynamics 365)",
            "secrets": {"webhook_key": KEY, "client_secret": SECRET},
            "settings": {"api_base": self.url, "login_base": self.url, "tenant_id": TENANT, "client_id": CLIENT},
            "mapping": {"version": 1, "fields": {"lead": COLUMNS}, "currency": "EUR"},
        }

    def tell(self, gateway: str, key: str, entity: str, row_id: str, at: datetime) -> httpx.Response:
        """Send the webhook of an operation on a row, as the environment registers it: with its key in the query."""
        context = {
            "MessageName": "Create",
            "PrimaryEntityName": entity,
            "PrimaryEntityId": row_id,
            "OrganizationId": str(uuid.UUID(int=7)),
            "OperationId": str(uuid.uuid4()),
            "OperationCreatedOn": f"/Date({int(at.timestamp() * 1000)})/",
        }
        url = f"{gateway}/webhooks/{key}?{urlencode({'code': KEY})}"
        return httpx.post(url, json=context, timeout=10, trust_env=False)

    async def _login(self, request: Request) -> Response:
        form = parse_qs((await request.body()).decode())
        if (form.get("client_id"), form.get("client_secret")) != ([CLIENT], [SECRET]):
            return JSONResponse({"error": "invalid_client"}, status_code=401)
        self.logins += 1
        return JSONResponse({"access_token": TOKEN, "expires_in": 3599})

    async def _rows(self, request: Request) -> Response:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return Response(status_code=401)
        rows = self.rows.get(request.path_params["entity_set"], [])
        wanted, columns = request.query_params.get("$filter", ""), request.query_params["$select"].split(",")
        found = [row for row in rows if not wanted or next(iter(row.values())) in wanted]
        kept = [{name: row.get(name) for name in (*columns, "transactioncurrencyid")} for row in found]
        return JSONResponse({"value": kept})


@contextmanager
def environment() -> Iterator[Environment]:
    """A running environment on a free port of this machine."""
    made = Environment()
    app = Starlette(
        routes=[
            Route("/{tenant}/oauth2/v2.0/token", made._login, methods=["POST"]),
            Route("/api/data/v9.2/{entity_set}", made._rows),
        ]
    )
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run, name="dataverse", daemon=True)
    thread.start()
    try:
        assert wait_until(lambda: server.started, timeout_s=10), "the environment did not start"
        made.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        yield made
    finally:
        server.should_exit = True
        thread.join(timeout=5)
