"""Edits on their way to the CRM: kept when wanted, written where the connection opted in, and their ends told."""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx
from prometheus_client import Counter
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.connections.service import Connection
from gateway.connectors import repository as fetches
from gateway.connectors.repository import Wanted
from gateway.writeback import repository
from gateway.writeback.repository import Due
from gateway.writeback.sending import Ended, Later, sender
from libs.common import clock, crash
from libs.common.db import SETTINGS, Database
from libs.common.events.base import Received
from libs.common.events.crm import CrmEditAnswered
from libs.common.events.deals import EditWanted
from libs.common.messaging import outbox
from libs.common.web.auth import Principal, require

WRITES = Counter("gateway_write_backs_total", "Edits written to CRMs, by what became of them", ["result"])
for _result in ("taken", "refused", "conflict", "again"):
    WRITES.labels(_result)


async def take(session: AsyncSession, events: Sequence[Received[EditWanted]], *, principal: Principal) -> None:
    """Keep what is to be written, in any order and repetition."""
    require(principal, "system")
    await repository.take(session, [each.data for each in events])


async def write(
    database: Database, connection: Connection, due: Sequence[Due], http: httpx.AsyncClient, *, principal: Principal
) -> None:
    """Write these edits of one connection, deal by deal, and tell how each ended."""
    require(principal, "system")
    people = {UUID(each.wanted) for each in due if each.field == "owner_id" and each.wanted}
    async with database.reading() as session:
        owners = await repository.owners(session, connection.key, people) if people else {}
        zone = ZoneInfo(connection.mapping.timezone or session.info[SETTINGS].org_timezone)
    found = sender(connection, http, zone, owners)
    deals: dict[str, list[Due]] = defaultdict(list)
    for each in due:
        deals[each.external_id].append(each)
    for rows in deals.values():
        if found is None:
            reason = "The connection has no address or no credential to write with."
            results: list[Ended | Later] = [Ended(each, "refused", reason=reason) for each in rows]
        else:
            results = await found.write(rows)
            crash.point("gateway.written_not_recorded")
        async with database.transaction() as session:
            await _tell(session, connection, results)


async def _tell(session: AsyncSession, connection: Connection, results: Sequence[Ended | Later]) -> None:
    """Keep the ends of edits that nothing has superseded, tell them, and have the record fetched by the usual path."""
    still = await repository.still_due(session, [each.due.edit_id for each in results])
    ended = [each for each in results if isinstance(each, Ended) and each.due.edit_id in still]
    later = [each for each in results if isinstance(each, Later)]
    await outbox.stamp(session)
    now = clock.now()
    rows = [
        {"edit_id": each.due.edit_id, "outcome": each.outcome, "crm_value": each.crm_value, "reason": each.reason}
        for each in ended
    ]
    await repository.end(session, rows)
    await repository.postpone(
        session,
        [
            {"edit_id": each.due.edit_id, "delay_s": each.delay_s, "reason": each.reason, "sends": int(each.sent)}
            for each in later
        ],
    )
    for each, row in zip(ended, rows, strict=True):
        due = each.due
        event = CrmEditAnswered.model_validate(
            row | {"deal_id": due.deal_id, "connection": connection.key, "field": due.field, "answered_at": now}
        )
        outbox.add(session, event, key=due.deal_id, version=clock.to_millis(now), occurred_at=now)
        WRITES.labels(each.outcome).inc()
    WRITES.labels("again").inc(len(later))
    changed = {each.due.external_id for each in ended if each.outcome in ("taken", "conflict")}
    signals = [((connection.key, "deal", external_id), Wanted(now)) for external_id in sorted(changed)]
    await fetches.signal(session, signals)
