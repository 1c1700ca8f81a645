"""The two-clock history of a kind of CRM record whose entries depend on nothing else: accounts, people.

Deals need more (verdicts, quotes, continued folds) and have the ledger.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar
from uuid import UUID

import orjson
from pydantic import TypeAdapter
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.events.crm import CrmRecord
from libs.common.messaging import outbox
from libs.common.sql import Query
from services.deals.chronicle import Moment, corrections, fold_records, input_key, with_digest

R = TypeVar("R", bound=CrmRecord)
C = TypeVar("C")
Fold = Callable[[UUID, Sequence[R]], list[Moment[C]]]
Beside = Callable[[AsyncSession, Collection[UUID]], Awaitable[Fold[R, C]]]


@dataclass(frozen=True, slots=True)
class Version(Generic[C]):
    """An appended entry. `is_head`: no entry of this timeline is later."""

    identifier: UUID
    version: int
    moment: Moment[C]
    is_head: bool


class RecordHistory(Generic[R, C]):
    """Keeps records of one kind in the tables `<name>`, `<name>_input` and `<name>_version`.

    `follow(content before, record)` is the content after a record, None while nothing is known; `withdrawn` is what
    holds at an instant that lost its record before the first that stands. Where more than records speaks of these things,
    `beside` reads it and returns the fold of both; `refold` is called when some of that was added.
    """

    def __init__(
        self,
        name: str,
        *,
        record: type[R],
        content: type[C],
        identify: Callable[[R], UUID],
        follow: Callable[[C | None, R], C | None],
        withdrawn: Callable[[C], C],
        beside: Beside[R, C] | None = None,
    ) -> None:
        self._name = name
        self._record = record
        self._content: TypeAdapter[C] = TypeAdapter(content)
        self._identify, self._follow, self._withdrawn = identify, follow, withdrawn
        self._beside = beside
        self._know = _sql(
            "INSERT INTO {name} ({name}_id) SELECT unnest(CAST(:ids AS uuid[])) ON CONFLICT DO NOTHING", name
        )
        self._lock = _sql(
            "SELECT {name}_id, version FROM {name} WHERE {name}_id = ANY(:ids) ORDER BY {name}_id FOR UPDATE", name
        )
        self._keep = _sql(
            """
            INSERT INTO {name}_input ({name}_id, input_key, payload)
            SELECT n.id, n.key, CAST(n.payload AS jsonb)
            FROM unnest(CAST(:ids AS uuid[]), CAST(:keys AS text[]), CAST(:payloads AS text[])) AS n (id, key, payload)
            ON CONFLICT DO NOTHING RETURNING {name}_id
            """,
            name,
        )
        self._inputs = _sql(
            "SELECT {name}_id, payload::text AS payload FROM {name}_input WHERE {name}_id = ANY(:ids)", name
        )
        self._stored = _sql(
            """
            SELECT DISTINCT ON ({name}_id, valid_from) {name}_id, valid_from, content::text AS content FROM {name}_version
            WHERE {name}_id = ANY(:ids) ORDER BY {name}_id, valid_from, version DESC
            """,
            name,
        )
        self._versions = _sql(
            """
            SELECT {name}_id, version, valid_from, recorded_at, content::text AS content FROM {name}_version
            WHERE {name}_id = ANY(:ids) ORDER BY {name}_id, version
            """,
            name,
        )
        self._append = _sql(
            """
            WITH appended AS (
                INSERT INTO {name}_version
                SELECT * FROM json_populate_recordset(NULL::{name}_version, CAST(CAST(:rows AS text) AS json))
            )
            UPDATE {name} SET version = n.version
            FROM unnest(CAST(:ids AS uuid[]), CAST(:versions AS integer[])) AS n (id, version)
            WHERE {name}.{name}_id = n.id
            """,
            name,
        )

    async def apply(self, session: AsyncSession, records: Sequence[R]) -> list[Version[C]]:
        """Keep the records that are new and append what they change; returns what was appended, in order."""
        records = [with_digest(record) for record in records]
        ids = sorted({self._identify(record) for record in records})
        await self._know.run(session, {"ids": ids})
        versions = {row[0]: row[1] for row in await self._lock.rows(session, {"ids": ids})}
        kept = {
            "ids": [self._identify(record) for record in records],
            "keys": [input_key(record) for record in records],
            "payloads": [record.model_dump_json(exclude_defaults=True) for record in records],
        }
        new = set(await self._keep.column(session, kept))
        if not new:
            return []
        return await self._refold(session, new, versions)

    async def refold(self, session: AsyncSession, ids: Collection[UUID]) -> list[Version[C]]:
        """Fold these anew and append what that changes; those that nobody heard of yet become known."""
        if not ids:
            return []
        await self._know.run(session, {"ids": sorted(ids)})
        versions = {row[0]: row[1] for row in await self._lock.rows(session, {"ids": sorted(ids)})}
        return await self._refold(session, ids, versions)

    async def versions(self, session: AsyncSession, ids: Collection[UUID]) -> list[tuple[Version[C], datetime]]:
        """All entries of these as they were appended, by id and number, with their recording times.

        The last entry of a timeline by time, and of one time by number, is its head.
        """
        rows = await self._versions.rows(session, {"ids": list(ids)})
        heads = {row[0]: row.version for row in sorted(rows, key=lambda row: (row.valid_from, row.version))}
        return [
            (
                Version(
                    row[0],
                    row.version,
                    Moment(row.valid_from, self._content.validate_json(row.content)),
                    heads[row[0]] == row.version,
                ),
                row.recorded_at,
            )
            for row in rows
        ]

    async def _refold(
        self, session: AsyncSession, new: Collection[UUID], versions: Mapping[UUID, int]
    ) -> list[Version[C]]:
        await outbox.stamp(session)
        fold = await self._beside(session, new) if self._beside else self._alone
        inputs: dict[UUID, list[R]] = {}
        for identifier, payload in await self._inputs.rows(session, {"ids": list(new)}):
            inputs.setdefault(identifier, []).append(self._record.model_validate_json(payload))
        stored: dict[UUID, list[Moment[C]]] = {}
        for identifier, valid_from, content in await self._stored.rows(session, {"ids": list(new)}):
            stored.setdefault(identifier, []).append(Moment(valid_from, self._content.validate_json(content)))
        appended: list[Version[C]] = []
        for identifier in sorted(new):
            moments = fold(identifier, inputs.get(identifier, []))
            appended += self._compare(identifier, versions[identifier], stored.get(identifier, []), moments)
        await self._write(session, appended)
        return appended

    def _alone(self, _: UUID, records: Sequence[R]) -> list[Moment[C]]:
        return fold_records(records, self._follow)

    def _compare(
        self, identifier: UUID, version: int, stored: Sequence[Moment[C]], moments: Sequence[Moment[C]]
    ) -> list[Version[C]]:
        changed = corrections(stored, moments, withdrawn=self._withdrawn)
        # The head is the newest entry; the newest record may have none, when it changed nothing.
        newest = max((entry.valid_from for entry in (*stored[-1:], *changed[-1:])), default=None)
        return [
            Version(identifier, version + number, moment, moment.valid_from == newest)
            for number, moment in enumerate(changed, start=1)
        ]

    async def _write(self, session: AsyncSession, appended: Sequence[Version[C]]) -> None:
        if not appended:
            return
        recorded_at = await outbox.stamp(session)
        name = self._name
        rows = [
            {
                f"{name}_id": entry.identifier,
                "version": entry.version,
                "valid_from": entry.moment.valid_from,
                "recorded_at": recorded_at,
                "content": orjson.Fragment(self._content.dump_json(entry.moment.content)),
            }
            for entry in appended
        ]
        newest = {entry.identifier: entry.version for entry in appended}
        values = {"ids": list(newest), "versions": list(newest.values())}
        await self._append.run(session, {"rows": orjson.dumps(rows, default=str).decode(), **values})


def _sql(statement: str, name: str) -> Query:
    return Query(statement.replace("{name}", name))
