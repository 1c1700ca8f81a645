"""Talks to a CRM's REST interface: one bearer token, bounded waits, and one kind of failure."""

from collections.abc import Mapping
from typing import Any

import httpx
import orjson

MAX_ANSWER_BYTES = 32 * 1024 * 1024


class FetchFailed(Exception):
    """The CRM did not answer as needed; the fetch is tried again. `retry_after_s` is the CRM's own wish, if it said."""

    def __init__(self, reason: str, retry_after_s: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s


class CrmClient:
    """Requests below the connection's `api_base`. Raises FetchFailed for anything but an answer that can be read."""

    def __init__(self, http: httpx.AsyncClient, *, api_base: str, token: str) -> None:
        self._http = http
        self._base = api_base.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}", "x-api-token": token}

    async def get(self, path: str, *, params: Mapping[str, str], instead: str | None = None) -> dict[str, Any]:
        """`instead` is asked where the CRM does not have `path`."""
        response = await self._send("GET", path, params=params)
        if response.status_code == httpx.codes.NOT_FOUND and instead is not None:
            response = await self._send("GET", instead, params=params)
        return _body(response)

    async def post(self, path: str, *, json: Any, params: Mapping[str, str] | None = None) -> dict[str, Any]:
        return _body(await self._send("POST", path, params=params or {}, content=orjson.dumps(json)))

    async def _send(self, method: str, path: str, *, params: Mapping[str, str], content: bytes = b"") -> httpx.Response:
        headers = self._headers | ({"Content-Type": "application/json"} if content else {})
        try:
            return await self._http.request(
                method, self._base + path, params=dict(params), content=content, headers=headers
            )
        except httpx.HTTPError as error:
            raise FetchFailed(f"{method} {path}: {type(error).__name__} {error}".strip()) from None


def _body(response: httpx.Response) -> dict[str, Any]:
    where = f"{response.request.method} {response.request.url.path}"
    if response.status_code not in (200, 207):
        wish = response.headers.get("retry-after", "")
        raise FetchFailed(f"{where}: status {response.status_code}", float(wish) if wish.isdigit() else None)
    if len(response.content) > MAX_ANSWER_BYTES:
        raise FetchFailed(f"{where}: the answer has {len(response.content)} bytes")
    try:
        found = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        raise FetchFailed(f"{where}: the answer is not JSON") from None
    if not isinstance(found, dict):
        raise FetchFailed(f"{where}: the answer is not an object")
    return found
