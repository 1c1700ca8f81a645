"""What the ledger would say of deals if their CRM's records were others; nothing of it stays."""

from collections.abc import Sequence

from libs.common.db import Database
from libs.common.events.crm import CrmDealChanged
from libs.common.events.deals import DealChanged, DealState
from libs.common.messaging.rehearsal import as_received, rehearsal, would_be_sent
from libs.common.web.auth import Principal, require
from services.deals.ledger import service


async def rehearse(database: Database, records: Sequence[CrmDealChanged], *, principal: Principal) -> list[DealChanged]:
    """The entries that these records would append to their deals' timelines, in the order in which they would be told."""
    require(principal, "sales_ops")
    events = [
        as_received(record, key=record.deal_id, version=1, occurred_at=record.clock.crm_time) for record in records
    ]
    async with rehearsal(database) as session:
        await service.apply(session, events, principal=Principal.system("deals"))
        return [DealChanged.model_validate_json(data) for data in would_be_sent(session, DealState)]
