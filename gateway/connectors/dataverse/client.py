"""The Web API of an environment, with a token of its own (OAuth client credentials), renewed before it ends."""

import hashlib
from collections.abc import Mapping
from typing import Any

import httpx
import orjson

from gateway.connectors.client import CrmClient, FetchFailed
from gateway.connectors.verification import Credentials
from libs.common import clock

LOGIN = "https://login.microsoftonline.com"
EARLY_S = 60
"""A token is renewed so long before it ends."""
_ANNOTATIONS = 'odata.include-annotations="OData.Community.Display.V1.FormattedValue"'

_tokens: dict[str, tuple[str, float]] = {}
"""Tokens of this process with the moment (monotonic) from which they are renewed; never stored or logged."""


def can_ask(credentials: Credentials) -> bool:
    """Whether the connection has all that a token takes."""
    settings = credentials.settings
    return all(settings.get(name) for name in ("api_base", "tenant_id", "client_id")) and bool(
        credentials.all_of("client_secret")
    )


def client(http: httpx.AsyncClient, credentials: Credentials) -> CrmClient | None:
    return DataverseClient(http, credentials) if can_ask(credentials) else None


class DataverseClient(CrmClient):
    """Requests with a token that is fetched when there is none, and once more when the environment takes it no longer."""

    def __init__(self, http: httpx.AsyncClient, credentials: Credentials) -> None:
        settings = credentials.settings
        base = str(settings["api_base"]).rstrip("/")
        super().__init__(http, api_base=base, headers={})
        self._login = (
            f"{str(settings.get('login_base') or LOGIN).rstrip('/')}/{settings['tenant_id']}/oauth2/v2.0/token"
        )
        self._form = {
            "grant_type": "client_credentials",
            "client_id": str(settings["client_id"]),
            "client_secret": credentials.all_of("client_secret")[0],
            "scope": f"{base}/.default",
        }
        self._name = hashlib.sha256(orjson.dumps([self._login, self._form], option=orjson.OPT_SORT_KEYS)).hexdigest()

    async def _send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None,
        content: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        for is_last in (False, True):
            self._headers = {
                "Authorization": f"Bearer {await self._token()}",
                "Accept": "application/json",
                "Prefer": _ANNOTATIONS,
            }
            response = await super()._send(method, path, params=params, content=content, headers=headers)
            if response.status_code != httpx.codes.UNAUTHORIZED or is_last:
                return response
            _tokens.pop(self._name, None)
        raise AssertionError

    async def _token(self) -> str:
        """Raises FetchFailed; what the login answered is not repeated, since it may hold a token."""
        known = _tokens.get(self._name)
        if known is not None and clock.monotonic() < known[1]:
            return known[0]
        try:
            response = await self._http.post(self._login, data=self._form)
            answer: Any = orjson.loads(response.content) if response.is_success else {}
        except (httpx.HTTPError, httpx.InvalidURL, orjson.JSONDecodeError) as error:
            raise FetchFailed(f"no token from {self._login}: {type(error).__name__}") from None
        token, lives_s = answer.get("access_token"), answer.get("expires_in")
        if not isinstance(token, str) or not isinstance(lives_s, int):
            raise FetchFailed(f"no token from {self._login}: status {response.status_code}")
        _tokens[self._name] = (token, clock.monotonic() + max(0, lives_s - EARLY_S))
        return token
