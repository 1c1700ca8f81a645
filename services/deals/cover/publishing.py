"""Telling others how accounts are covered, whenever that has changed."""

from typing import Any
from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.events.deals import CoverAmount, CoverCounted
from libs.common.messaging import outbox
from libs.common.web.auth import Principal, require
from services.deals.cover import repository, service
from services.deals.cover.service import Wanted


async def tell(session: AsyncSession, *, principal: Principal) -> int:
    """Tell of every account of which something else is true than was told last; how many.

    An account without open deals, of which nothing was told before, is left out.
    """
    require(principal, "system")
    await repository.lock_telling(session)
    values = await service.asked(session, Wanted(), principal=principal)
    amounts: dict[UUID, list[CoverAmount]] = {}
    for row in await repository.counted(session, values):
        risks: dict[str, Any] = {name: row[name] for name in ("at_risk", "lapsed")} if values["told"] else {}
        amounts.setdefault(row["account_id"], []).append(
            CoverAmount(currency=row["currency"], open=row["open"], **risks)
        )
    executives = await repository.with_executive(session, values["now"])
    known = await repository.told(session)
    at = await outbox.stamp(session)
    rows = []
    for account in sorted({*amounts, *known}):
        version, before = known.get(account, (0, None))
        event = CoverCounted(
            account_id=account,
            version=version + 1,
            counted_at=at,
            has_executive=account in executives,
            amounts=tuple(amounts.get(account, ())),
        )
        said = event.model_dump(mode="json", include={"has_executive", "amounts"})
        if said != before:
            rows.append(
                {
                    "account_id": account,
                    "version": event.version,
                    "content": orjson.dumps(said).decode(),
                    "recorded_at": at,
                }
            )
            outbox.add(session, event, key=account, version=event.version, occurred_at=at)
    if rows:
        await repository.keep_told(session, rows)
    return len(rows)
