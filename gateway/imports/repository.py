"""Named queries on imports, their batches and the people they bring."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.imports.models import Import
from gateway.imports.reading.changes import Person

_COLUMNS = (
    "import_id, mapping_name, mapping_version, files, row_limit, rows_per_batch, started_at, finished_at, counts,"
    " business_date"
)

_REGISTER = text(
    """
    INSERT INTO import (import_id, mapping_name, mapping_version, files, row_limit, rows_per_batch, started_at)
    VALUES (:import_id, :mapping_name, :mapping_version, :files, :row_limit, :rows_per_batch, :started_at)
    ON CONFLICT (import_id) DO NOTHING
    """
)
_FIND = text(f"SELECT {_COLUMNS} FROM import WHERE import_id = :import_id")  # noqa: S608 - constants only
_WRITTEN = text("SELECT batch_no FROM import_batch WHERE import_id = :import_id")
_CLAIM = text(
    """
    INSERT INTO import_batch (import_id, batch_no, changes, written_at)
    VALUES (:import_id, :batch_no, :changes, :written_at)
    ON CONFLICT DO NOTHING RETURNING batch_no
    """
)
_FINISH = text(
    """
    UPDATE import SET finished_at = :finished_at, counts = cast(:counts AS jsonb), business_date = :business_date
    WHERE import_id = :import_id AND finished_at IS NULL
    """
)
_LISTING = text(
    f"""
    SELECT {_COLUMNS} FROM import
    WHERE cast(:before AS timestamptz) IS NULL OR (started_at, import_id) < (:before, :before_id)
    ORDER BY started_at DESC, import_id DESC LIMIT :limit
    """  # noqa: S608 - constants only
)
_KEEP_PEOPLE = text(
    """
    INSERT INTO person AS p (id, connection, kind, external_id, name, email, phone, clock)
    SELECT * FROM unnest(
        cast(:ids AS uuid[]), cast(:connections AS text[]), cast(:kinds AS text[]), cast(:external_ids AS text[]),
        cast(:names AS text[]), cast(:emails AS text[]), cast(:phones AS text[]), cast(:clocks AS timestamptz[])
    )
    ON CONFLICT (id) DO UPDATE SET
        name = excluded.name, email = excluded.email, phone = excluded.phone, clock = excluded.clock,
        updated_at = clock_timestamp()
    WHERE p.clock <= excluded.clock
    """
)


async def register(session: AsyncSession, wanted: Import) -> Import:
    """The import as it stands: new, or as an earlier run left it."""
    await session.execute(
        _REGISTER,
        {
            "import_id": wanted.import_id,
            "mapping_name": wanted.mapping_name,
            "mapping_version": wanted.mapping_version,
            "files": list(wanted.files),
            "row_limit": wanted.row_limit,
            "rows_per_batch": wanted.rows_per_batch,
            "started_at": wanted.started_at,
        },
    )
    found = (await session.execute(_FIND, {"import_id": wanted.import_id})).mappings().one()
    return Import(**found)


async def written_batches(session: AsyncSession, import_id: str) -> frozenset[int]:
    return frozenset((await session.scalars(_WRITTEN, {"import_id": import_id})).all())


async def claim_batch(session: AsyncSession, import_id: str, number: int, *, changes: int, at: datetime) -> bool:
    """True for the one transaction that may write the batch; waits for another that is about to."""
    values = {"import_id": import_id, "batch_no": number, "changes": changes, "written_at": at}
    return await session.scalar(_CLAIM, values) is not None


async def keep_people(session: AsyncSession, people: Sequence[Person]) -> None:
    """Insert or, with a clock that is not older, update. Rows are locked in the order of their ids."""
    newest: dict[Any, Person] = {}
    for person in people:
        known = newest.get(person.id)
        if known is None or known.clock <= person.clock:
            newest[person.id] = person
    rows = sorted(newest.values(), key=lambda person: person.id)
    if not rows:
        return
    await session.execute(
        _KEEP_PEOPLE,
        {
            "ids": [person.id for person in rows],
            "connections": [person.connection for person in rows],
            "kinds": [person.kind for person in rows],
            "external_ids": [person.external_id for person in rows],
            "names": [person.name for person in rows],
            "emails": [person.email for person in rows],
            "phones": [person.phone for person in rows],
            "clocks": [person.clock for person in rows],
        },
    )


async def finish(
    session: AsyncSession, import_id: str, *, at: datetime, counts: dict[str, Any], business_date: date | None
) -> None:
    await session.execute(
        _FINISH,
        {
            "import_id": import_id,
            "finished_at": at,
            "counts": orjson.dumps(counts).decode(),
            "business_date": business_date,
        },
    )


async def listing(session: AsyncSession, *, before: tuple[datetime, str] | None, limit: int) -> list[Import]:
    """Newest first, starting after `before`."""
    values = {"before": before[0] if before else None, "before_id": before[1] if before else "", "limit": limit}
    return [Import(**row) for row in (await session.execute(_LISTING, values)).mappings()]
