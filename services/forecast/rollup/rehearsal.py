"""What versions of deals would move in the forecast; nothing of it stays."""

from collections.abc import Sequence

from libs.common.db import Database
from libs.common.events.base import Received
from libs.common.events.deals import DealChanged, DealState
from libs.common.messaging.rehearsal import as_received, rehearsal
from libs.common.web.auth import Principal, require
from services.forecast.config import settings_of
from services.forecast.rollup import repository, service
from services.forecast.rollup.cells import TOTAL, Measures, difference
from services.forecast.rollup.schemas import Movement, RehearsalOut


async def rehearse(database: Database, entries: Sequence[DealChanged], *, principal: Principal) -> RehearsalOut:
    """By how much the lines would differ: the cells of these deals after the entries, without those before."""
    require(principal, "sales_ops")
    deals = sorted({entry.deal_id for entry in entries})
    events: list[Received[DealState]] = [
        as_received(entry, key=entry.deal_id, version=entry.version, occurred_at=entry.valid_from) for entry in entries
    ]
    async with rehearsal(database) as session:
        before = (await repository.lock(session, deals)).deals
        await service.apply(session, events, principal=Principal.system("forecast"))
        after = (await repository.lock(session, deals)).deals
        currency = settings_of(session).base_currency
    lines: dict[tuple[object, str], Measures] = {}
    for key, measures in difference(before.values(), after.values()).items():
        if key.dim == TOTAL:
            lines.setdefault((key.month, key.line), Measures()).add(measures, 1)
    return RehearsalOut(
        currency=currency,
        moved=[
            Movement(month=month, line=line, deals=found.deal_count, amount=found.amount, weighted=found.weighted)
            for (month, line), found in sorted(lines.items(), key=lambda item: (str(item[0][0]), item[0][1]))
            if not found.is_zero
        ],
    )
