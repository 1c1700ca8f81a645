"""The sources of a brief: which record, entry or delivery each of its lines comes from, and what changed lately."""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.organisation import scope_parameters
from libs.common.web.auth import ROLES, Principal, require
from services.deals.accounts import service as accounts
from services.deals.brief import repository
from services.deals.brief.schemas import ChangeOut, DealSourceOut, RecordOut, SourceOut, SourcesOut, TurnOut

LATELY: Final = timedelta(days=30)
MOST_CHANGES: Final = 20
TOLD: Final = ("state", "stage", "amount", "currency", "close_date", "category", "owner_id", "next_step")


async def sources(session: AsyncSession, account_id: UUID, *, principal: Principal) -> SourcesOut:
    """The sources of an account's brief. Raises UnknownAccount."""
    require(principal, *ROLES)
    await accounts.require_people(session, [account_id], principal=principal)
    scope, now = scope_parameters(principal), clock.now()
    record = await repository.record(session, account_id)
    deals = await repository.deals(session, account_id, scope)
    changes = await repository.changes(session, account_id, scope, since=now - LATELY, limit=MOST_CHANGES)
    return SourcesOut(
        account_id=account_id,
        as_of=now,
        record=RecordOut(**record) if record and record["connection"] else None,
        deals=[
            DealSourceOut(
                deal_id=row["deal_id"], source=_source(row), plan_ends=row["plan_ends"], signals=row["signals"]
            )
            for row in deals
        ],
        since=now - LATELY,
        changes=[change for row in changes if (change := _change(row)).turns or row["before"] is None],
    )


def _source(row: RowMapping) -> SourceOut:
    cause: dict[str, Any] = orjson.loads(row["cause"])
    return SourceOut(deal_id=row["deal_id"], version=row["version"], delivery_id=cause.get("delivery"))


def _change(row: RowMapping) -> ChangeOut:
    now: dict[str, Any] = orjson.loads(row["content"])
    was: dict[str, Any] = orjson.loads(row["before"]) if row["before"] else {}
    turns = [
        TurnOut(field=name, was=_text(was.get(name)), now=_text(now.get(name)))
        for name in TOLD
        if was and was.get(name) != now.get(name)
    ]
    return ChangeOut(
        deal_id=row["deal_id"],
        name=row["name"],
        at=row["valid_from"],
        event=row["event"],
        turns=turns,
        source=_source(row),
    )


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
