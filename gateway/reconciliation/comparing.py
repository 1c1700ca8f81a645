"""One comparison: every live deal of a CRM held against ours, and what differs looked at a second time."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from gateway.connections.service import Connection
from gateway.connectors.items import FullRecord
from gateway.mapping.canonical import Context
from gateway.mapping.objects import to_canonical
from gateway.mapping.values import MappingError
from gateway.reconciliation import repository
from gateway.reconciliation.reader import Reader
from gateway.reconciliation.repository import Ours
from gateway.reconciliation.standing import Kind, Standing, Tally, differing, of_event
from libs.common.db import Database
from libs.common.events.crm import CrmDealChanged

TOGETHER = 5000
"""Deals of one statement."""
JUST_AFTER = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Difference:
    """A deal that is not the same on both sides. `told_at`: when it is known to have changed, for the fetch that heals it.

    `restored_at`: it had been
    deleted and is live again. `heals`: the CRM can show what holds there, so that it is asked back.
    """

    external_id: str
    kind: Kind
    fields: tuple[str, ...] = ()
    note: str | None = None
    entity_id: UUID | None = None
    theirs: Standing | None = None
    ours: Standing | None = None
    told_at: datetime | None = None
    restored_at: datetime | None = None
    heals: bool = True


@dataclass(slots=True)
class Compared:
    """What a comparison found. `listed` counts the live deals of the CRM's list."""

    tally: Tally = field(default_factory=Tally)
    differences: list[Difference] = field(default_factory=list)
    listed: int = 0


class Comparing:
    """A comparison under way. `settled_before`: what changed later, there or here, may still be on its way and is not judged.

    `most`: so many deals are asked for one by one; beyond that the list is believed, and the next comparison looks again.
    """

    def __init__(
        self,
        database: Database,
        connection: Connection,
        *,
        zone: ZoneInfo,
        begun_at: datetime,
        settled_before: datetime,
        most: int,
    ) -> None:
        self._database = database
        self._connection = connection
        self._begun_at = begun_at
        self._settled_before = settled_before
        self._most = most
        self._context = Context(
            connection.key, connection.provider, connection.mapping, connection.mapping_version, begun_at, zone
        )
        self._seen: set[str] = set()
        self._found = Compared()

    async def run(self, reader: Reader) -> Compared:
        """Raises FetchFailed when the CRM does not answer; then nothing is known of what it has."""
        doubtful: list[str] = []
        async for page in reader.pages():
            doubtful += await self._first_look(page)
        doubtful += await self._unlisted()
        self._found.listed = len(self._seen)
        async for ids, fetched in reader.records(doubtful[: self._most]):
            await self._second_look(ids, {each.external_id: each for each in fetched.records})
        for start in range(self._most, len(doubtful), TOGETHER):
            await self._unseen(doubtful[start : start + TOGETHER])
        return self._found

    async def _unlisted(self) -> list[str]:
        """Deals that were live here when the comparison began and that the CRM has not listed."""
        found: list[str] = []
        last = ""
        while True:
            async with self._database.reading() as session:
                ids = await repository.live_ids(session, self._connection.key, before=self._begun_at, after=last)
            if not ids:
                return found
            last = ids[-1]
            found += [each for each in ids if each not in self._seen]

    async def _first_look(self, page: Sequence[FullRecord]) -> list[str]:
        """Counts what is the same; the ids of what is not."""
        new = [each for each in page if each.external_id not in self._seen and not each.deleted]
        self._seen.update(each.external_id for each in new)
        known = await self._ours(each.external_id for each in new)
        doubtful = []
        for each in new:
            theirs, ours = self._mapped(each), known.get(each.external_id)
            if isinstance(theirs, Standing) and ours and not ours.deleted and not differing(theirs, ours.standing):
                self._found.tally.add(theirs, ours.standing)
            else:
                doubtful.append(each.external_id)
        return doubtful

    async def _second_look(self, ids: Sequence[str], fetched: Mapping[str, FullRecord]) -> None:
        """Ours is read after theirs, so that what came in between is not missed."""
        known = await self._ours(ids)
        async with self._database.reading() as session:
            waited_for = await repository.waited_for(session, self._connection.key, ids)
            unread = await repository.newest_unread(session, self._connection.key)
        for each in ids:
            record, ours = fetched.get(each), known.get(each)
            is_unread = unread is not None and record is not None and unread >= record.crm_time
            if each in waited_for or is_unread or self._is_young(record, ours):
                self._found.tally.under_way += 1
            else:
                self._judge(each, record, ours)

    async def _unseen(self, ids: Sequence[str]) -> None:
        """Too many differ to ask for each: these are told by the list alone, and heal in a later comparison."""
        known = await self._ours(ids)
        for each in ids:
            ours = known.get(each)
            kind: Kind = "missing" if ours is None else "different" if each in self._seen else "ours_only"
            note = "too many differ to look at each of them again"
            self._differs(Difference(each, kind, note=note, heals=False), None, ours)

    def _judge(self, external_id: str, record: FullRecord | None, ours: Ours | None) -> None:
        live = ours is not None and not ours.deleted
        if record is None:
            if live:
                note = "the CRM shows it neither live nor archived; it is not taken as deleted"
                self._differs(Difference(external_id, "ours_only", note=note, heals=False), None, ours)
            return
        theirs = self._mapped(record)
        told_at = ours.crm_time + JUST_AFTER if ours is not None else None
        if record.deleted:
            if live:
                note = "deleted there"
                self._differs(Difference(external_id, "ours_only", note=note, told_at=told_at), None, ours)
            return
        if isinstance(theirs, MappingError):
            if live and ours is not None and ours.crm_time >= record.crm_time:
                self._found.tally.add(ours.standing, ours.standing)  # sales ops mended it here
                return
            self._differs(Difference(external_id, "unreadable", note=str(theirs), heals=False), None, ours)
        elif not live:
            told = Difference(external_id, "missing", told_at=told_at)
            if ours is not None:
                told = replace(told, note="deleted here", restored_at=self._begun_at)
            self._differs(told, theirs, ours)
        elif ours is not None and (names := differing(theirs, ours.standing)):
            self._differs(Difference(external_id, "different", names, told_at=told_at), theirs, ours)
        else:
            self._found.tally.add(theirs, theirs)

    def _differs(self, told: Difference, theirs: Standing | None, ours: Ours | None) -> None:
        stands = ours.standing if ours is not None and not ours.deleted else None
        tally = self._found.tally
        tally.kinds[told.kind] += 1
        tally.add(theirs, stands, is_unread=theirs is None and told.kind != "ours_only")
        entity = ours.entity_id if ours else None
        self._found.differences.append(replace(told, entity_id=entity, theirs=theirs, ours=stands))

    def _is_young(self, record: FullRecord | None, ours: Ours | None) -> bool:
        """Whether what stands there or here is younger than any change needs to arrive, or is just being mapped again."""
        if record is not None and record.crm_time > self._settled_before:
            return True
        if ours is None:
            return False
        return ours.received_at > self._settled_before or ours.mapping_version < self._connection.mapping_version

    def _mapped(self, record: FullRecord) -> Standing | MappingError:
        try:
            event = to_canonical(record, self._context).event
        except MappingError as error:
            return error
        assert isinstance(event, CrmDealChanged)  # noqa: S101 - deals are listed and fetched, nothing else
        return of_event(event)

    async def _ours(self, external_ids: Iterable[str]) -> Mapping[str, Ours]:
        async with self._database.reading() as session:
            return await repository.ours(session, self._connection.key, list(external_ids))
