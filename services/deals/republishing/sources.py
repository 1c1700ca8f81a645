"""The sources of `python -m services.deals republish`."""

from collections.abc import Sequence
from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.events.base import Cause
from libs.common.events.catalogue import BY_TYPE, DEAL_STATES
from libs.common.events.deals import AccountChanged, CoverCounted, PersonPlaced, UnitChanged
from libs.common.events.splits import SplitsStated
from libs.common.events.whitespace import WhitespaceStated
from libs.common.messaging.republishing import Again, Source
from libs.common.sql import Query
from services.deals.accounts import service as accounts
from services.deals.chronicle import Moment
from services.deals.credit import told as splits
from services.deals.ledger.entries import event_of
from services.deals.ledger.repository import CONTENT, Entry
from services.deals.organisation import entries as organisation

_DEALS = Query("""
    SELECT deal_id, version, valid_from, recorded_at, source_recorded_at, reconstructed, unobserved_since, changed_by, event,
        cause::text AS cause, delivery_received_at, content::text AS content
    FROM deal_version WHERE deal_id = ANY(:ids) ORDER BY deal_id, version
""")
_UNITS = Query("SELECT * FROM unit_version WHERE unit_id = ANY(:ids) ORDER BY unit_id, version")
_COVER = Query("""
    SELECT account_id, version, recorded_at, content::text AS content FROM cover_told WHERE account_id = ANY(:ids)
    ORDER BY account_id, version
""")
_WHITESPACE = Query("""
    SELECT account_id, product, entry_id, says, at, recorded_at FROM whitespace_entry WHERE account_id = ANY(:ids)
    ORDER BY account_id, at, entry_id
""")


async def _deals(session: AsyncSession, ids: Sequence[UUID]) -> list[Again]:
    found = []
    for row in await _DEALS.rows(session, {"ids": list(ids)}):
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
        found.append(Again(event_of(entry), row.deal_id, row.version, row.valid_from, row.recorded_at, cause))
    return found


async def _accounts(session: AsyncSession, ids: Sequence[UUID]) -> list[Again]:
    return [
        Again(accounts.event_of(entry), entry.identifier, entry.version, entry.moment.valid_from, recorded_at)
        for entry, recorded_at in await accounts.HISTORY.versions(session, ids)
    ]


async def _people(session: AsyncSession, ids: Sequence[UUID]) -> list[Again]:
    return [
        Again(organisation.placed(entry), entry.identifier, entry.version, entry.moment.valid_from, recorded_at)
        for entry, recorded_at in await organisation.PEOPLE.versions(session, ids)
    ]


async def _units(session: AsyncSession, ids: Sequence[UUID]) -> list[Again]:
    return [
        Again(UnitChanged.model_validate(row._asdict()), row.unit_id, row.version, row.valid_from, row.recorded_at)
        for row in await _UNITS.rows(session, {"ids": list(ids)})
    ]


async def _cover(session: AsyncSession, ids: Sequence[UUID]) -> list[Again]:
    found = []
    for row in await _COVER.rows(session, {"ids": list(ids)}):
        said = {"account_id": row.account_id, "version": row.version, "counted_at": row.recorded_at}
        event = CoverCounted.model_validate(said | orjson.loads(row.content))
        found.append(Again(event, row.account_id, row.version, row.recorded_at, row.recorded_at))
    return found


async def _whitespace(session: AsyncSession, ids: Sequence[UUID]) -> list[Again]:
    return [
        Again(
            WhitespaceStated.model_validate(row._asdict()),
            row.account_id,
            clock.to_millis(row.at),
            row.at,
            row.recorded_at,
        )
        for row in await _WHITESPACE.rows(session, {"ids": list(ids)})
    ]


# Units before people and people before deals, so that whoever begins with nothing has where to put what comes.
SOURCES = (
    Source("units", (UnitChanged,), table="unit_version", column="unit_id", versions=_units),
    Source("people", (PersonPlaced,), table="person_version", column="person_id", versions=_people),
    Source("accounts", (AccountChanged,), table="account_version", column="account_id", versions=_accounts),
    Source("deals", DEAL_STATES, table="deal_version", column="deal_id", versions=_deals),
    Source("splits", (SplitsStated,), table="split_told", column="deal_id", versions=splits.told_again),
    Source("whitespace", (WhitespaceStated,), table="whitespace_entry", column="account_id", versions=_whitespace),
    Source("cover", (CoverCounted,), table="cover_told", column="account_id", versions=_cover),
)
