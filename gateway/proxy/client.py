"""One HTTP client for all services, and what it means when one of them does not answer."""

from collections.abc import Mapping
from typing import Any

import httpx
from fastapi import Request

from gateway.proxy.routes import Service
from libs.common.config import CommonSettings
from libs.common.observe.log import get_logger
from libs.common.web.api import runtime_of
from libs.common.web.auth import Principal, TokenSigner
from libs.common.web.errors import Unavailable

log = get_logger(__name__)

RETRY_AFTER_S = 2
Params = Mapping[str, str | list[str]]
"""Query parameters; one with a list is repeated."""
TIMEOUT = httpx.Timeout(30.0, connect=2.0)


class ServiceDown(Unavailable):
    """A service inside does not answer."""


class ServiceRefused(Exception):
    """A service answered with an error. `status` and `problem` are what it said."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(str(problem.get("detail") or problem.get("title") or status))
        self.status = status
        self.problem = problem


def down(service: Service) -> ServiceDown:
    return ServiceDown(f"The {service} service does not answer; try again shortly.", service=service)


class Services:
    """Calls the services on behalf of a principal, each call with an internal token of that principal."""

    def __init__(self, settings: CommonSettings, transport: httpx.AsyncBaseTransport | None = None) -> None:
        """Raises ValueError without FORETELL_INTERNAL_SIGNING_KEY."""
        self._tokens = TokenSigner(settings)
        self._urls = _urls(settings)
        self._http = httpx.AsyncClient(
            timeout=TIMEOUT,
            transport=transport,
            limits=httpx.Limits(max_connections=200, max_keepalive_connections=50),
            follow_redirects=False,
            trust_env=False,
            headers={"accept-encoding": "identity"},  # the body is passed on as it is
        )

    def url(self, service: Service, path: str) -> str:
        return f"{self._urls[service]}/v1/{path}"

    def authorisation(self, principal: Principal) -> str:
        return f"Bearer {self._tokens.sign(principal)}"

    async def send(self, service: Service, request: httpx.Request) -> httpx.Response:
        """The response with its body unread; the caller closes it. Raises ServiceDown."""
        try:
            return await self._http.send(request, stream=True)
        except (httpx.TransportError, httpx.InvalidURL) as error:
            log.warning("service does not answer", service=service, error=repr(error))
            raise down(service) from error

    def build(self, method: str, url: str, **parts: Any) -> httpx.Request:
        return self._http.build_request(method, url, **parts)

    async def get(
        self, service: Service, path: str, *, principal: Principal, params: Params | None = None
    ) -> dict[str, Any]:
        """The JSON object at `/v1/{path}`. Raises ServiceDown, or ServiceRefused with the service's problem."""
        return await self._ask("GET", service, path, principal, params=dict(params or {}))

    async def post(
        self,
        service: Service,
        path: str,
        body: Any,
        *,
        principal: Principal,
        idempotency_key: str | None = None,
        if_match: str | None = None,
    ) -> dict[str, Any]:
        """What the service answers to a JSON `body` at `/v1/{path}`. Raises as `get` does."""
        return await self._ask("POST", service, path, principal, idempotency_key, if_match, json=body)

    async def post_csv(
        self, service: Service, path: str, body: bytes, *, dry_run: bool, principal: Principal
    ) -> dict[str, Any]:
        """What the service answers to a CSV file at `/v1/{path}`; `dry_run`: what it would. Raises as `get` does."""
        params = {"dry_run": str(dry_run).lower()}
        return await self._ask("POST", service, path, principal, params=params, content=body, content_type="text/csv")

    async def put(
        self, service: Service, path: str, body: Any, *, principal: Principal, if_match: str | None = None
    ) -> dict[str, Any]:
        """What the service answers when the JSON `body` takes the place of what is at `/v1/{path}`. Raises as `get` does."""
        return await self._ask("PUT", service, path, principal, if_match=if_match, json=body)

    async def delete(
        self, service: Service, path: str, *, principal: Principal, if_match: str | None = None
    ) -> dict[str, Any]:
        """What the service answers when what is at `/v1/{path}` is removed. Raises as `get` does."""
        return await self._ask("DELETE", service, path, principal, if_match=if_match)

    async def _ask(
        self,
        method: str,
        service: Service,
        path: str,
        principal: Principal,
        idempotency_key: str | None = None,
        if_match: str | None = None,
        content_type: str | None = None,
        **parts: Any,
    ) -> dict[str, Any]:
        headers = {"authorization": self.authorisation(principal), "accept": "application/json"}
        if idempotency_key is not None:
            headers["idempotency-key"] = idempotency_key
        if content_type is not None:
            headers["content-type"] = content_type
        if if_match is not None:
            headers["if-match"] = if_match
        request = self.build(method, self.url(service, path), headers=headers, **parts)
        response = await self.send(service, request)
        try:
            await response.aread()
        except httpx.TransportError as error:
            raise down(service) from error
        finally:
            await response.aclose()
        if response.status_code in (502, 503, 504):
            raise down(service)
        body = _object(response)
        if response.is_error:
            raise ServiceRefused(response.status_code, body)
        return body

    async def aclose(self) -> None:
        await self._http.aclose()


def _object(response: httpx.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        return {"title": response.reason_phrase}
    return body if isinstance(body, dict) else {"title": response.reason_phrase}


def _urls(settings: CommonSettings) -> dict[Service, str]:
    return {
        "leads": settings.leads_url.rstrip("/"),
        "deals": settings.deals_url.rstrip("/"),
        "pricing": settings.pricing_url.rstrip("/"),
        "forecast": settings.forecast_url.rstrip("/"),
    }


def services_of(request: Request) -> Services:
    """The process's one client, made at its first use."""
    runtime = runtime_of(request)
    if "services" not in runtime.state:
        runtime.state["services"] = Services(runtime.settings)
    found: Services = runtime.state["services"]
    return found
