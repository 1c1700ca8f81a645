"""Importing: every batch of a stream is written once, together with its events, whatever happens in between."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.imports import repository
from gateway.imports.models import Import
from gateway.imports.reading.document import MappingDocument
from gateway.imports.reading.files import Files
from gateway.imports.reading.stream import ROWS_PER_BATCH, Batch, Stream
from libs.common import clock, crash
from libs.common.db import Database
from libs.common.events.base import Cause
from libs.common.messaging import outbox
from libs.common.web.auth import Principal, require

READERS = ("sales_ops", "finance", "manager", "cso", "ceo")

Watch = Callable[[Stream, Batch], None]


@dataclass(frozen=True)
class Result:
    """How an import ended. `stream` is None when it had been finished before and nothing was read."""

    found: Import
    stream: Stream | None
    batches_written: int
    batches_resumed: int


def import_id(mapping: MappingDocument, files: Files, limit: int | None) -> str:
    """Names an import by what it would write: the files' bytes, the mapping's meaning, the limit."""
    content = f"{files.digest()}\n{mapping.model_dump_json()}\n{limit}"
    return hashlib.sha256(content.encode()).hexdigest()


async def run(
    database: Database,
    mapping: MappingDocument,
    files: Files,
    *,
    principal: Principal,
    limit: int | None = None,
    rows_per_batch: int = ROWS_PER_BATCH,
    watch: Watch = lambda _stream, _batch: None,
) -> Result:
    """Import everything that no earlier run of the same import has written.

    A batch of rows, the people in them and their events are one transaction that claims the batch's number, so a run
    that was killed is continued by the next and two runs at once share the work. `watch` is told of each batch.
    Raises MappingProblem.
    """
    require(principal, "sales_ops")
    wanted = _wanted(mapping, files, limit, rows_per_batch)
    async with database.transaction() as session:
        found = await repository.register(session, wanted)
        done = await repository.written_batches(session, found.import_id)
    if found.finished_at is not None:
        return Result(found, None, 0, len(done))
    stream = Stream(mapping, files, received_at=found.started_at, limit=limit, rows_per_batch=found.rows_per_batch)
    written = 0
    for batch in stream.batches():
        if batch.number not in done:
            async with database.transaction() as session:
                written += await _write(session, found.import_id, batch, actor=principal.subject)
                crash.point("gateway.import_batch_not_committed")
            crash.point("gateway.import_batch_committed")
        watch(stream, batch)
    async with database.transaction() as session:
        finished_at = clock.now()
        counts = stream.tally.as_json()
        await repository.finish(
            session, found.import_id, at=finished_at, counts=counts, business_date=stream.tally.last_day
        )
    return Result(found, stream, written, len(done))


def _wanted(mapping: MappingDocument, files: Files, limit: int | None, rows_per_batch: int) -> Import:
    return Import(
        import_id=import_id(mapping, files, limit),
        mapping_name=mapping.name,
        mapping_version=mapping.version,
        files=files.names(),
        row_limit=limit,
        rows_per_batch=rows_per_batch,
        started_at=clock.now(),
        finished_at=None,
        counts={},
        business_date=None,
    )


async def _write(session: AsyncSession, identity: str, batch: Batch, *, actor: str) -> bool:
    """False when another run has written the batch meanwhile."""
    at = clock.now()
    if not await repository.claim_batch(session, identity, batch.number, changes=len(batch.changes), at=at):
        return False
    people = [change.person for change in batch.changes if change.person is not None]
    await repository.keep_people(session, people)
    await outbox.stamp(session)
    causes: dict[str, Cause] = {}
    for change in batch.changes:
        event = change.event
        cause = causes.setdefault(event.connection, Cause(connection=event.connection))
        # A file numbers no versions; consumers order CRM changes by their clock, so all have the same.
        outbox.add(
            session, event, key=change.key, version=1, occurred_at=event.clock.crm_time, cause=cause, actor=actor
        )
    return True


async def listing(
    session: AsyncSession, *, principal: Principal, before: tuple[datetime, str] | None, limit: int
) -> list[Import]:
    """Imports, newest first. Raises MissingRole."""
    require(principal, *READERS)
    return await repository.listing(session, before=before, limit=limit)
