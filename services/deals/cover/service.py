"""Who looks after whom at an account, and what money hangs on thin, silent or lapsed relationships."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.db import SETTINGS
from libs.common.messaging import outbox
from libs.common.organisation import scope_parameters
from libs.common.web.auth import ROLES, Principal, require
from libs.common.web.idempotency import sent
from libs.common.web.paging import decode_cursor, encode_cursor
from services.deals.accounts import service as accounts
from services.deals.config import business_zone
from services.deals.cover import repository
from services.deals.cover.schemas import CoveredOut, CoverOut, ExecutiveIn, ExecutiveOut, ExecutivesOut, MoneyOut
from services.deals.relationship import SILENT_AFTER
from services.deals.touchpoints import service as touchpoints

WRITERS = ("manager", "sales_ops", "cso")
"""Roles that may say which executive looks after whom."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Filters of the list; None leaves one out. `parent`: accounts right below another."""

    q: str | None = None
    tier: str | None = None
    region: str | None = None
    parent: UUID | None = None
    at_risk: bool = False


async def set_executive(
    session: AsyncSession, account_id: UUID, wanted: ExecutiveIn, *, idempotency_key: str | None, principal: Principal
) -> ExecutivesOut:
    """Say that ours looks after theirs, how often, or no longer. Raises UnknownAccount, IdempotencyKeyReused."""
    require(principal, *WRITERS)
    await accounts.require_people(session, [account_id], principal=principal)
    body = f"{account_id} {wanted.model_dump_json()}"
    request = sent("executive cover", body, idempotency_key, principal=principal)
    if not request.was_taken(await repository.digest_of(session, request.id)):
        recorded_at = await outbox.stamp(session)
        said = wanted.model_dump() | {"entry_id": request.id, "account_id": account_id, "at": clock.now()}
        told = {"author": principal.subject, "request_digest": request.digest, "recorded_at": recorded_at}
        await repository.append(session, said | told)
    return await executives(session, account_id, principal=principal)


async def executives(session: AsyncSession, account_id: UUID, *, principal: Principal) -> ExecutivesOut:
    """The pairs of an account, each with when they last spoke and when it lapses. Raises UnknownAccount."""
    require(principal, *ROLES)
    await accounts.require_people(session, [account_id], principal=principal)
    now = clock.now()
    told = await touchpoints.are_told(session, principal=principal)
    items = [_executive(row, now, told) for row in await repository.pairs(session, account_id, now)]
    return ExecutivesOut(account_id=account_id, as_of=now, items=items)


async def cover(
    session: AsyncSession, wanted: Wanted, *, cursor: str | None, limit: int | None, principal: Principal
) -> CoverOut:
    """Accounts by name with what is open and at risk within scope; all of them without a `limit`. Raises UnreadableCursor."""
    require(principal, *ROLES)
    after = decode_cursor(cursor, 2) or [None, None]
    values = await asked(session, wanted, principal=principal)
    now, told = values["now"], values["told"]
    place = {"after_name": after[0], "after_id": after[1], "limit": limit and limit + 1}
    rows = await repository.page(session, values | place)
    following = None
    if limit is not None and len(rows) > limit:
        rows = rows[:limit]
        following = encode_cursor(str(rows[-1]["name"]).lower(), rows[-1]["account_id"])
    sums = await repository.sums(session, values, [row["account_id"] for row in rows])
    return CoverOut(
        as_of=now,
        closing_from=values["closing_from"],
        closing_before=values["closing_before"],
        touchpoints_told=told,
        accounts=await repository.count(session, values),
        open=_money(sums, "open"),
        at_risk=_money(sums, "at_risk") if told else None,
        items=[_covered(row, [each for each in sums if each["account_id"] == row["account_id"]], told) for row in rows],
        next_cursor=following,
    )


async def asked(session: AsyncSession, wanted: Wanted, *, principal: Principal) -> dict[str, Any]:
    """What is asked of the database: filters, the instant and the days of this quarter and the next, and the scope."""
    now = clock.now()
    calendar = session.info[SETTINGS].calendar
    quarter = calendar.quarter(now.astimezone(business_zone()).date())
    return {
        "q": wanted.q,
        "tier": wanted.tier,
        "region": wanted.region,
        "parent": wanted.parent,
        "at_risk": wanted.at_risk,
        "now": now,
        "silent_before": now - SILENT_AFTER,
        "told": await touchpoints.are_told(session, principal=principal),
        "closing_from": quarter.start,
        "closing_before": calendar.quarter(quarter.end).end,
        **scope_parameters(principal),
    }


def _covered(row: RowMapping, sums: list[RowMapping], told: bool) -> CoveredOut:
    facts: dict[str, Any] = {name: row[name] for name in CoveredOut.model_fields if name in row}
    known = {"open": _money(sums, "open"), "at_risk": _money(sums, "at_risk") if told else None}
    return CoveredOut.model_validate(facts | known | {"at_risk_deals": row["at_risk_deals"] if told else None})


def _money(sums: Iterable[RowMapping], name: str) -> list[MoneyOut]:
    by_currency: dict[str, Decimal] = {}
    for row in sums:
        if row[name] is not None:
            by_currency[row["currency"]] = by_currency.get(row["currency"], Decimal(0)) + row[name]
    return [MoneyOut(currency=currency, amount=amount) for currency, amount in sorted(by_currency.items())]


def _executive(row: RowMapping, now: datetime, told: bool) -> ExecutiveOut:
    """Overdue counts from the last touch, or from when the pair was named, whichever came later."""
    from_then = max(row["since"], row["last_touch_at"] or row["since"])
    cadence = timedelta(days=row["cadence_days"])
    lapses_at = from_then + cadence * 1.5
    facts = {name: row[name] for name in ("ours", "theirs", "cadence_days", "since", "last_touch_at")}
    lapsed = lapses_at < now if told else None
    return ExecutiveOut(**facts, due_at=from_then + cadence, lapses_at=lapses_at, lapsed=lapsed)
