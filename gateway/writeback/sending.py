"""Writes the edits of one deal to its CRM: read, compare, change, read back.

Every attempt begins with reading, so that one whose end is not known heals itself: what the CRM holds already is not written
again, and what nobody had seen is never overwritten.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx
import orjson

from gateway.connections.service import Connection
from gateway.connectors.client import CrmClient, FetchFailed
from gateway.connectors.items import FullRecord
from gateway.connectors.providers import Provider, provider_of
from gateway.mapping.canonical import Context
from gateway.mapping.objects import to_canonical
from gateway.mapping.values import MappingError
from gateway.mapping.writing import CannotBeWritten, Outcome, held, targets, value_for
from gateway.writeback.repository import Due
from libs.common import clock
from libs.common.events.crm import CrmDealChanged

MOST_SENDS = 5
"""A value that the CRM took so often and does not show is told as refused."""
MAX_DELAY_S = 300.0
_AGAIN = (401, 408, 409, 412, 423, 425, 429)
"""Statuses below 500 that say nothing of the value: a token to be renewed, too many requests, somebody else at work."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The CRM's answer to an edit."""

    due: Due
    outcome: Outcome
    crm_value: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Later:
    """To be tried again, beginning with reading back. `sent`: the CRM took it, and does not show it yet."""

    due: Due
    delay_s: float
    reason: str
    sent: bool = False


@dataclass(frozen=True, slots=True)
class _Read:
    record: FullRecord
    event: CrmDealChanged


class Gone(Exception):
    """The CRM does not have the deal any more, or has it in a form that is not understood."""


@dataclass(frozen=True, slots=True)
class Sender:
    """One deal of one connection, as it is written. `owners`: what the CRM calls people."""

    connection: Connection
    provider: Provider
    client: CrmClient
    zone: ZoneInfo
    owners: Mapping[UUID, str]

    async def write(self, due: Sequence[Due]) -> list[Ended | Later]:
        """What became of each of these edits of one deal, in which a field stands once."""
        external_id = due[0].external_id
        try:
            read = await self._read(external_id)
        except Gone as error:
            return [Ended(each, "refused", reason=str(error)) for each in due]
        except FetchFailed as error:
            return [_later(each, error.retry_after_s, str(error)) for each in due]
        results: list[Ended | Later] = []
        to_send: list[tuple[Due, tuple[str, Any]]] = []
        for each in due:
            found = self._compared(each, read)
            if isinstance(found, Ended):
                results.append(found)
            else:
                to_send.append((each, found))
        return results + (await self._change(to_send, read) if to_send else [])

    def _compared(self, due: Due, read: _Read) -> Ended | tuple[str, Any]:
        """The property to send, or the end of the edit: it is there already, or something else is that nobody has seen."""
        found = held(read.event, due.field)
        if found == due.wanted:
            return Ended(due, "taken", found)
        if found not in due.bases:
            return Ended(due, "conflict", found, "The CRM was changed meanwhile.")
        target = targets(self.connection.credentials.settings).get(due.field)
        if target is None:
            return Ended(due, "refused", found, "The connection no longer takes this field back.")
        owner = self.owners.get(UUID(due.wanted)) if due.field == "owner_id" and due.wanted else None
        try:
            return value_for(
                due.field,
                due.wanted,
                target,
                record=read.record.record or {},
                context=self._context(),
                currency=read.event.currency or due.currency,
                owner=owner,
            )
        except CannotBeWritten as error:
            return Ended(due, "refused", found, str(error))

    async def _change(self, to_send: Sequence[tuple[Due, tuple[str, Any]]], read: _Read) -> list[Ended | Later]:
        """Send all in one change; where the CRM refuses it, one by one, so that one value does not cost the others.

        Each of those is read anew: the one before it may have moved the version under which the CRM takes a change.
        """
        external_id = to_send[0][0].external_id
        write = self.provider.write
        if write is None:
            return [Ended(each, "refused", reason="This CRM takes no changes.") for each, _ in to_send]
        try:
            response = await write(self.client, external_id, dict(pair for _, pair in to_send), read.record.etag)
        except FetchFailed as error:
            return [_later(each, None, str(error)) for each, _ in to_send]
        status = response.status_code
        if response.is_success:
            return await self._read_back([each for each, _ in to_send], external_id)
        if status in _AGAIN or status >= httpx.codes.INTERNAL_SERVER_ERROR:
            wish = response.headers.get("retry-after", "")
            after_s = float(wish) if wish.isdigit() else 0.2 if status == httpx.codes.PRECONDITION_FAILED else None
            return [_later(each, after_s, f"status {status}: {words(response)}") for each, _ in to_send]
        if len(to_send) == 1:
            return [Ended(to_send[0][0], "refused", held(read.event, to_send[0][0].field), words(response))]
        ended: list[Ended | Later] = []
        for each, _ in to_send:
            ended += await self.write([each])
        return ended

    async def _read_back(self, due: Sequence[Due], external_id: str) -> list[Ended | Later]:
        try:
            after = await self._read(external_id)
        except (FetchFailed, Gone) as error:
            return [_later(each, None, f"written, not read back: {error}") for each in due]
        results: list[Ended | Later] = []
        for each in due:
            found = held(after.event, each.field)
            if found == each.wanted:
                results.append(Ended(each, "taken", found))
            elif found not in each.bases:
                results.append(Ended(each, "conflict", found, "The CRM took it, and holds another value since."))
            elif each.sends + 1 >= MOST_SENDS:
                results.append(Ended(each, "refused", found, "The CRM takes the value and does not keep it."))
            else:
                results.append(Later(each, 1.0 * 2**each.sends, "the CRM took it and does not show it yet", sent=True))
        return results

    async def _read(self, external_id: str) -> _Read:
        """Raises FetchFailed and Gone."""
        assert self.provider.fetch is not None  # noqa: S101 - every provider that is written to is read
        try:
            fetched = await self.provider.fetch(self.client, self.connection.mapping, "deal", [external_id])
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise FetchFailed(f"the answer cannot be read: {type(error).__name__} {error}") from error
        if not fetched.records:
            raise Gone("The CRM does not know the deal.")
        record = fetched.records[0]
        if record.deleted:
            raise Gone("The deal was deleted in the CRM.")
        try:
            event = to_canonical(record, self._context()).event
        except MappingError as error:
            raise Gone(f"The CRM's deal is not understood: {error}. {error.advice}") from error
        if not isinstance(event, CrmDealChanged):
            raise Gone("The CRM's record is no deal.")
        return _Read(record, event)

    def _context(self) -> Context:
        return Context(
            connection=self.connection.key,
            provider=self.connection.provider,
            mapping=self.connection.mapping,
            mapping_version=self.connection.mapping_version,
            received_at=clock.now(),
            org_zone=self.zone,
        )


def sender(
    connection: Connection, http: httpx.AsyncClient, zone: ZoneInfo, owners: Mapping[UUID, str]
) -> Sender | None:
    """None where the connection has nothing to ask or write with."""
    provider = provider_of(connection)
    client = provider.client(http, connection.credentials)
    if client is None or provider.fetch is None or provider.write is None:
        return None
    return Sender(connection, provider, client, zone, owners)


def words(response: httpx.Response) -> str:
    """What the CRM said, in its own words: HubSpot's message, Salesforce's list, Pipedrive's error, Dataverse's error.message."""
    try:
        told: Any = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        told = None
    if isinstance(told, list):
        told = told[0] if told else None
    if isinstance(told, dict):
        inner = told.get("error")
        told = told.get("message") or (inner.get("message") if isinstance(inner, dict) else inner)
    return str(told or f"The CRM answers with status {response.status_code}.")[:500]


def _later(due: Due, after_s: float | None, reason: str) -> Later:
    return Later(
        due, after_s if after_s is not None else min(MAX_DELAY_S, 0.5 * 2 ** min(due.attempts, 10)), reason[:500]
    )
