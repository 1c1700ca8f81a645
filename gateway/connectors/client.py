"""Talks to a CRM's REST interface: its credential in the headers, bounded waits, and one kind of failure."""

from collections.abc import Mapping
from typing import Any

import httpx
import orjson

MAX_ANSWER_BYTES = 32 * 1024 * 1024
MAX_WORDS = 300
"""Of what a CRM says when it refuses."""


class FetchFailed(Exception):
    """The CRM did not answer as needed; the fetch is tried again. `retry_after_s` is the CRM's own wish, if it said."""

    def __init__(self, reason: str, retry_after_s: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s


class NotAllowed(FetchFailed):
    """The CRM does not let this credential read it, or has no such thing; asking again changes nothing until somebody acts."""


class CrmClient:
    """Requests below `api_base`. Raises FetchFailed for anything but an answer that can be read.

    `token` goes out as a bearer token, as the coded providers take it; `headers` are for a CRM that wants its credential otherwise.
    """

    def __init__(
        self, http: httpx.AsyncClient, *, api_base: str, token: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        self._http = http
        self._base = api_base.rstrip("/")
        bearer = {"Authorization": f"Bearer {token}", "x-api-token": token}
        self._headers = bearer if headers is None else dict(headers)

    async def get(self, path: str, *, params: Mapping[str, str], instead: str | None = None) -> dict[str, Any]:
        """`instead` is asked where the CRM does not have `path`."""
        response = await self._send("GET", path, params=params)
        if response.status_code == httpx.codes.NOT_FOUND and instead is not None:
            response = await self._send("GET", instead, params=params)
        return _object(response)

    async def post(self, path: str, *, json: Any, params: Mapping[str, str] | None = None) -> dict[str, Any]:
        return _object(await self._send("POST", path, params=params, content=orjson.dumps(json)))

    async def ask(self, method: str, path: str, *, json: Any = None) -> Any:
        """Any JSON; None where the CRM has nothing there (204 or 404). `path` may bring its own query."""
        content = b"" if json is None else orjson.dumps(json)
        response = await self._send(method, path, params=None, content=content)
        if response.status_code in (httpx.codes.NO_CONTENT, httpx.codes.NOT_FOUND):
            return None
        return _json(response)

    async def change(
        self,
        path: str,
        *,
        json: Any,
        if_match: str | None = None,
        if_unmodified_since: str | None = None,
        method: str = "PATCH",
    ) -> httpx.Response:
        """The CRM's answer to a change, whatever it is; raises FetchFailed where it is not known whether it was made."""
        conditions = {"If-Match": if_match, "If-Unmodified-Since": if_unmodified_since}
        headers = {name: value for name, value in conditions.items() if value}
        return await self._send(method, path, params=None, content=orjson.dumps(json), headers=headers)

    async def _send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None,
        content: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        headers = self._headers | ({"Content-Type": "application/json"} if content else {}) | dict(headers or {})
        try:
            # Empty parameters would take the query away that `path` may bring.
            return await self._http.request(
                method, self._base + path, params=dict(params) if params else None, content=content, headers=headers
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise FetchFailed(f"{method} {path.partition('?')[0]}: {type(error).__name__} {error}".strip()) from None


def _json(response: httpx.Response) -> Any:
    where = f"{response.request.method} {response.request.url.path}"
    if response.status_code not in (200, 207):
        if (words := _refusal(response)) is not None:
            raise NotAllowed(f"{where}: status {response.status_code} {words}".strip())
        wish = response.headers.get("retry-after", "")
        raise FetchFailed(f"{where}: status {response.status_code}", float(wish) if wish.isdigit() else None)
    if len(response.content) > MAX_ANSWER_BYTES:
        raise FetchFailed(f"{where}: the answer has {len(response.content)} bytes")
    try:
        return orjson.loads(response.content)
    except orjson.JSONDecodeError:
        raise FetchFailed(f"{where}: the answer is not JSON") from None


_LACKING = ("INVALID_TYPE", "INVALID_FIELD", "INSUFFICIENT_ACCESS")
"""Salesforce's names, with status 400, for an object or field that the organisation lacks or the user may not see."""


def _refusal(response: httpx.Response) -> str | None:
    """The CRM's words where it says that this may not be read; None where it says something else. A used-up allowance is no such thing."""
    if response.status_code not in (httpx.codes.BAD_REQUEST, httpx.codes.FORBIDDEN):
        return None
    words = response.text[:MAX_WORDS]
    if response.status_code == httpx.codes.FORBIDDEN:
        return None if "LIMIT" in words.upper() else words
    return words if any(each in words for each in _LACKING) else None


def _object(response: httpx.Response) -> dict[str, Any]:
    found = _json(response)
    if not isinstance(found, dict):
        raise FetchFailed(f"{response.request.method} {response.request.url.path}: the answer is not an object")
    return found
