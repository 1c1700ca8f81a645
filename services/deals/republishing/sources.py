"""The sources of `python -m services.deals republish`."""

from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.events.base import Cause
from libs.common.events.catalogue import BY_TYPE, DEAL_STATES
from libs.common.events.deals import AccountChanged, CoverCounted, PersonPlaced, UnitChanged
from libs.common.events.splits import SplitsStated
from libs.common.events.whitespace import WhitespaceStated
from libs.common.messaging import outbox
from libs.common.messaging.republishing import Source, Told
from libs.common.sql import Query
from libs.common.web.auth import Principal
from services.deals.accounts import service as accounts
from services.deals.chronicle import Moment
from services.deals.credit import told as splits
from services.deals.ledger.entries import event_of
from services.deals.ledger.repository import CONTENT, Entry
from services.deals.organisation import entries as organisation

_DEALS = Query("""
    SELECT deal_id FROM deal WHERE version > 0 AND (:after::uuid IS NULL OR deal_id > :after) ORDER BY deal_id LIMIT :limit
""")
_DEAL_VERSIONS = Query("""
    SELECT deal_id, version, valid_from, recorded_at, source_recorded_at, reconstructed, unobserved_since, changed_by, event,
        cause::text AS cause, delivery_received_at, content::text AS content
    FROM deal_version WHERE deal_id = ANY(:ids) ORDER BY deal_id, version
""")
_ACCOUNTS = Query("""
    SELECT account_id FROM account WHERE version > 0 AND (:after::uuid IS NULL OR account_id > :after)
    ORDER BY account_id LIMIT :limit
""")
_PEOPLE = Query("""
    SELECT person_id FROM person WHERE version > 0 AND (:after::uuid IS NULL OR person_id > :after)
    ORDER BY person_id LIMIT :limit
""")
_UNITS = Query("""
    SELECT DISTINCT unit_id FROM unit_version WHERE :after::uuid IS NULL OR unit_id > :after ORDER BY unit_id LIMIT :limit
""")
_UNIT_VERSIONS = Query("SELECT * FROM unit_version WHERE unit_id = ANY(:ids) ORDER BY unit_id, version")
_COVERED = Query("""
    SELECT DISTINCT account_id FROM cover_told WHERE :after::uuid IS NULL OR account_id > :after
    ORDER BY account_id LIMIT :limit
""")
_COVER_VERSIONS = Query("""
    SELECT account_id, version, recorded_at, content::text AS content FROM cover_told WHERE account_id = ANY(:ids) ORDER BY account_id, version
""")
_SPLIT = Query("""
    SELECT DISTINCT deal_id FROM split_told WHERE :after::uuid IS NULL OR deal_id > :after ORDER BY deal_id LIMIT :limit
""")
_WHITESPACE = Query("""
    SELECT DISTINCT account_id FROM whitespace_entry WHERE :after::uuid IS NULL OR account_id > :after
    ORDER BY account_id LIMIT :limit
""")
_WHITESPACE_ENTRIES = Query("""
    SELECT account_id, product, entry_id, says, at, recorded_at FROM whitespace_entry WHERE account_id = ANY(:ids)
    ORDER BY account_id, at, entry_id
""")

Telling = Callable[[AsyncSession, Sequence[UUID]], Awaitable[int]]


def _by_id(ids: Query, telling: Telling) -> Callable[[AsyncSession, UUID | None, int], Awaitable[Told]]:
    """Tells the versions of the next things that `ids` finds."""

    async def tell(session: AsyncSession, after: UUID | None, limit: int) -> Told:
        found = await ids.column(session, {"after": after, "limit": limit})
        told = await telling(session, found) if found else 0
        return Told(len(found), told, found[-1] if len(found) == limit else None)

    return tell


async def _deals(session: AsyncSession, ids: Sequence[UUID]) -> int:
    rows = await _DEAL_VERSIONS.rows(session, {"ids": list(ids)})
    for row in rows:
        moment = Moment(
            row.valid_from,
            CONTENT.validate_json(row.content),
            row.source_recorded_at,
            row.reconstructed,
            row.unobserved_since,
            row.changed_by,
        )
        cause = Cause.model_validate_json(row.cause)
        entry = Entry(row.deal_id, row.version, moment, BY_TYPE[row.event], cause, row.delivery_received_at)  # type: ignore[arg-type]
        outbox.add(
            session,
            event_of(entry),
            key=entry.deal_id,
            version=entry.version,
            occurred_at=moment.valid_from,
            cause=cause,
            recorded_at=row.recorded_at,
        )
    return len(rows)


async def _accounts(session: AsyncSession, ids: Sequence[UUID]) -> int:
    kept = await accounts.HISTORY.versions(session, ids)
    for entry, recorded_at in kept:
        outbox.add(
            session,
            accounts.event_of(entry),
            key=entry.identifier,
            version=entry.version,
            occurred_at=entry.moment.valid_from,
            recorded_at=recorded_at,
        )
    return len(kept)


async def _people(session: AsyncSession, ids: Sequence[UUID]) -> int:
    kept = await organisation.PEOPLE.versions(session, ids)
    for entry, recorded_at in kept:
        outbox.add(
            session,
            organisation.placed(entry),
            key=entry.identifier,
            version=entry.version,
            occurred_at=entry.moment.valid_from,
            recorded_at=recorded_at,
        )
    return len(kept)


async def _units(session: AsyncSession, ids: Sequence[UUID]) -> int:
    rows = await _UNIT_VERSIONS.rows(session, {"ids": list(ids)})
    for row in rows:
        event = UnitChanged.model_validate(row._asdict())
        outbox.add(
            session,
            event,
            key=event.unit_id,
            version=event.version,
            occurred_at=event.valid_from,
            recorded_at=row.recorded_at,
        )
    return len(rows)


async def _cover(session: AsyncSession, ids: Sequence[UUID]) -> int:
    rows = await _COVER_VERSIONS.rows(session, {"ids": list(ids)})
    for row in rows:
        event = CoverCounted(
            account_id=row.account_id, version=row.version, counted_at=row.recorded_at, **orjson.loads(row.content)
        )
        outbox.add(
            session,
            event,
            key=row.account_id,
            version=row.version,
            occurred_at=row.recorded_at,
            recorded_at=row.recorded_at,
        )
    return len(rows)


async def _splits(session: AsyncSession, ids: Sequence[UUID]) -> int:
    return await splits.tell_again(session, ids, principal=Principal.system("deals"))


async def _whitespace(session: AsyncSession, ids: Sequence[UUID]) -> int:
    rows = await _WHITESPACE_ENTRIES.rows(session, {"ids": list(ids)})
    for row in rows:
        event = WhitespaceStated.model_validate(row._asdict())
        outbox.add(
            session,
            event,
            key=row.account_id,
            version=clock.to_millis(row.at),
            occurred_at=row.at,
            recorded_at=row.recorded_at,
        )
    return len(rows)


# Units before people and people before deals, so that whoever begins with nothing has where to put what comes.
SOURCES = (
    Source("units", (UnitChanged,), _by_id(_UNITS, _units)),
    Source("people", (PersonPlaced,), _by_id(_PEOPLE, _people)),
    Source("accounts", (AccountChanged,), _by_id(_ACCOUNTS, _accounts)),
    Source("deals", DEAL_STATES, _by_id(_DEALS, _deals)),
    Source("splits", (SplitsStated,), _by_id(_SPLIT, _splits)),
    Source("whitespace", (WhitespaceStated,), _by_id(_WHITESPACE, _whitespace)),
    Source("cover", (CoverCounted,), _by_id(_COVERED, _cover)),
)
