"""Lists the live deals of a CRM page by page, slowly, and waits where the CRM says that it is asked too much."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from typing import TypeVar

import httpx

from gateway.config import Settings
from gateway.connections.service import Connection
from gateway.connectors.client import FetchFailed
from gateway.connectors.items import Fetched, FullRecord
from gateway.connectors.providers import provider_of
from gateway.mapping.values import MappingError
from libs.common import clock

Told = TypeVar("Told")


class CannotBeAsked(Exception):
    """The connection has no list of deals, or lacks what asking takes. The message says which."""


class Reader:
    """Asks one CRM for one comparison; its questions are no closer together than the settings allow."""

    def __init__(self, connection: Connection, settings: Settings, http: httpx.AsyncClient) -> None:
        """Raises CannotBeAsked."""
        provider = provider_of(connection)
        if connection.state != "active":
            raise CannotBeAsked("the connection is paused")
        if provider.page is None or provider.fetch is None:
            raise CannotBeAsked("this kind of connection has no list of deals that could be asked for")
        client = provider.client(http, connection.credentials)
        if client is None:
            raise CannotBeAsked("the connection has no address to ask, or no secret to ask with")
        self._page = partial(provider.page, client, connection.mapping)
        self._fetch = partial(provider.fetch, client, connection.mapping, "deal")
        self._batch = provider.fetch_batch
        self._gap_s = 1 / settings.compare_requests_per_s
        self._patience_s = settings.compare_patience_s
        self._next_at = 0.0

    async def pages(self) -> AsyncIterator[Sequence[FullRecord]]:
        """Every live deal, some perhaps twice. Raises FetchFailed when the CRM has refused for too long."""
        after: str | None = None
        while True:
            found = await self._patiently(partial(self._page, after))
            yield found.records
            if found.following is None:
                return
            if found.following == after:
                raise FetchFailed("the CRM's list of deals does not go on")
            after = found.following

    async def records(self, external_ids: Sequence[str]) -> AsyncIterator[tuple[Sequence[str], Fetched]]:
        """These deals themselves, deleted ones too, in batches of the provider's size with their ids. Raises FetchFailed."""
        for start in range(0, len(external_ids), self._batch):
            ids = external_ids[start : start + self._batch]
            yield ids, await self._patiently(partial(self._fetch, ids))

    async def _patiently(self, ask: Callable[[], Awaitable[Told]]) -> Told:
        """Waits as long as the CRM wishes, else twice as long each time, until this comparison's patience is used up."""
        delay_s = 1.0
        while True:
            await asyncio.sleep(max(0.0, self._next_at - clock.monotonic()))
            self._next_at = clock.monotonic() + self._gap_s
            try:
                return await ask()
            except FetchFailed as error:
                wait_s = error.retry_after_s or delay_s
                if wait_s > self._patience_s:
                    raise
            except (KeyError, TypeError, AttributeError, ValueError, MappingError) as error:
                raise FetchFailed(f"the answer cannot be read: {type(error).__name__} {error}") from error
            self._patience_s -= wait_s
            delay_s *= 2
            await asyncio.sleep(wait_s)
