"""Maps stored records again after their connection's mapping changed."""

from typing import cast
from zoneinfo import ZoneInfo

from sqlalchemy import text

from gateway.config import Settings
from gateway.connections import repository
from gateway.connections import service as connections
from gateway.connectors import records
from gateway.connectors.items import FullRecord
from gateway.connectors.outcomes import Outcome
from gateway.connectors.understanding import mapped_or_parked
from libs.common.db import Database
from libs.common.observe.log import get_logger
from libs.common.runtime import Runtime

log = get_logger(__name__)

BATCH = 500

_STALE = text(
    """
    SELECT object_type, external_id, crm_time, sequence, deleted, merged_into, record, delivery_id, received_at, actor
    FROM source_record
    WHERE connection = :connection AND record IS NOT NULL AND mapping_version < :version AND (object_type, external_id) > (:type, :id)
    ORDER BY object_type, external_id LIMIT :limit
    """
)


async def remap_waiting(runtime: Runtime) -> None:
    """Map again what the present mapping of its connection has not been used on yet. Goes on where it was stopped.

    It waits until every transaction has ended that was running when the new version was first seen: such a one may still
    commit a record by the old version, behind the back of the remapping.
    """
    database, settings = runtime.database, cast("Settings", runtime.settings)
    first_seen: dict[tuple[str, int], int] = runtime.state.setdefault("gateway.mappings_seen", {})
    async with database.reading() as session:
        waiting = await repository.to_be_remapped(session)
    for key, version in waiting.versions.items():
        if waiting.running < first_seen.setdefault((key, version), waiting.begun):
            continue
        mapped, refused = await remap(database, settings, key)
        async with database.transaction() as session:
            await repository.note_remapped(session, key, version)
        del first_seen[key, version]
        log.info("records mapped again", connection=key, mapping_version=version, mapped=mapped, refused=refused)


async def remap(database: Database, settings: Settings, key: str) -> tuple[int, int]:
    """Map every record that an older version of the mapping brought in; `(mapped, refused)`. Raises LookupError.

    Can be stopped and repeated: what is done has the new version. A record the new mapping refuses keeps its old form.
    """
    mapped = refused = 0
    last = ("", "")
    while True:
        async with database.transaction() as session:
            known = await connections.load(session, settings)
            if key not in known:
                raise LookupError(f"There is no connection {key!r}.")
            connection = known[key]
            names = {
                "connection": key,
                "version": connection.mapping_version,
                "type": last[0],
                "id": last[1],
                "limit": BATCH,
            }
            rows = (await session.execute(_STALE, names)).all()
            if not rows:
                return mapped, refused
            last = (rows[-1].object_type, rows[-1].external_id)
            incoming = []
            for row in rows:
                source = FullRecord(
                    row.object_type,
                    row.external_id,
                    row.record,
                    row.crm_time,
                    row.sequence,
                    row.deleted,
                    row.merged_into,
                    actor=row.actor,
                )
                found = mapped_or_parked(
                    source,
                    connection,
                    zone=ZoneInfo(settings.org_timezone),
                    delivery_id=row.delivery_id,
                    received_at=row.received_at,
                )
                if isinstance(found, Outcome):
                    refused += 1
                    log.warning(
                        "record refused by the new mapping", connection=key, record=row.external_id, reason=found.reason
                    )
                else:
                    incoming.append(found)
            await records.apply(session, incoming)
            mapped += len(incoming)
