"""Where each value of a deal or lead is known from."""

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.deliveries import kept
from gateway.deliveries.provenance import Known, provenance, standing
from gateway.deliveries.schemas import FieldOut, RecordDelivery, RecordOut
from libs.common.web.auth import Principal, require
from libs.common.web.errors import NotFound

VERSIONS = 2000
DELIVERIES = 20


class UnknownRecord(NotFound):
    """No delivery of this connection has brought such a deal or lead."""


async def record(
    session: AsyncSession, *, connection: str, object_type: str, external_id: str, principal: Principal
) -> RecordOut:
    """A record's canonical fields, each with its origin. Raises UnknownRecord, also for kinds that are neither deal nor lead."""
    require(principal, "sales_ops")
    named = {"connection": connection, "object_type": object_type, "external_id": external_id}
    row = await kept.newest(session, **named)
    if row is None or not (row["canonical"] or {}).keys() & {"deal_id", "lead_id"}:
        raise UnknownRecord(
            f"Nothing is known of a {object_type} {external_id} from connection {connection}; look for its deliveries by its id."
        )
    found = await kept.versions(session, **named, limit=VERSIONS + 1)
    versions = [Known(**dict(each)) for each in found[:VERSIONS]]
    newest = Known(row["event_id"], row["delivery_id"], row["received_at"], None, row["canonical"])
    if all(each.event_id != newest.event_id for each in versions):
        versions.append(newest)  # it left before versions were kept
    stands = standing(versions)
    return RecordOut(
        **{
            name: row[name]
            for name in ("connection", "object_type", "external_id", "entity_id", "deleted", "merged_into")
        },
        versions=len(stands),
        is_complete=len(found) <= VERSIONS,
        fields=[_field(name, known) for name, known in provenance(stands).items()],
        deliveries=[
            RecordDelivery.model_validate(dict(each))
            for each in await kept.deliveries(session, **named, limit=DELIVERIES)
        ],
    )


def _field(name: str, known: Known) -> FieldOut:
    return FieldOut(
        name=name,
        value=known.canonical[name],
        actor=known.actor,
        crm_time=known.clock[0],
        unobserved_since=known.canonical.get("unobserved_since"),
        received_at=known.received_at,
        mapping_version=known.clock[2],
        delivery_id=known.delivery_id,
        event_id=known.event_id,
    )
