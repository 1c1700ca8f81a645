"""Comparisons with the CRMs: made when due or wished for, stored, told, and their differences asked back."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.audit import service as audit
from gateway.config import Settings
from gateway.connections import service as connections
from gateway.connections.service import Connection
from gateway.connectors import wanted
from gateway.connectors.client import FetchFailed
from gateway.connectors.wanted import AskedBack
from gateway.reconciliation import repository
from gateway.reconciliation.comparing import Compared, Comparing
from gateway.reconciliation.reader import CannotBeAsked, Reader
from gateway.reconciliation.schemas import (
    AmountOut,
    CellOut,
    ComparisonDetail,
    ComparisonOut,
    ComparisonPage,
    ComparisonWished,
    RecordOut,
)
from gateway.reconciliation.standing import Standing, Sums
from libs.common import clock
from libs.common.db import Database
from libs.common.events.crm import ComparedAmount, CrmDealsCompared
from libs.common.ids import entity_id, new_id
from libs.common.messaging import outbox
from libs.common.web.auth import Principal, require
from libs.common.web.errors import NotFound
from libs.common.web.paging import decode_cursor, encode_cursor

READERS = ("viewer", "seller", "manager", "sales_ops", "finance", "cso", "ceo")
SEE_DEALS = frozenset({"sales_ops", "finance", "cso", "admin"})
"""Who may see deals of everybody."""
RECORDS_KEPT = 1000
"""Differing deals of one comparison that are stored one by one; the counts and cells are of all."""
IN_A_DELIVERY = 500
"""Deals that are asked back together: they are understood in one transaction."""


class UnknownComparison(NotFound):
    """There is no comparison of this id."""


async def due(session: AsyncSession, settings: Settings, now: datetime) -> list[Connection]:
    """Connections whose last comparison began too long ago, or before somebody wished for one."""
    begun = {key: row["begun_at"] for key, row in (await repository.newest(session)).items()}
    wishes = await repository.wishes(session)
    every = timedelta(seconds=settings.compare_every_s)

    def is_due(key: str) -> bool:
        last = begun.get(key)
        return last is None or now - last >= every or (key in wishes and wishes[key] > last)

    return [each for key, each in (await connections.load(session, settings)).items() if is_due(key)]


async def compare(database: Database, settings: Settings, connection: Connection, http: httpx.AsyncClient) -> UUID:
    """Hold every live deal of the CRM against ours; returns the comparison's id.

    What was found is stored with its event, and with the delivery that asks the differing deals back, in one transaction. A CRM
    that refuses, or cannot be asked, leaves a comparison that says so and nothing of what it has.
    """
    begun_at = clock.now()
    found, outcome, reason = Compared(), "compared", None
    try:
        reader = Reader(connection, settings, http)
        found = await Comparing(
            database,
            connection,
            zone=ZoneInfo(settings.org_timezone),
            begun_at=begun_at,
            settled_before=begun_at - timedelta(seconds=settings.compare_settled_s),
            most=settings.compare_fetched_back,
        ).run(reader)
    except CannotBeAsked as error:
        outcome, reason = "not_asked", str(error)
    except FetchFailed as error:
        found, outcome, reason = Compared(), "refused", str(error)[:500]
    async with database.transaction() as session:
        row = _row(connection, found, begun_at) | {"outcome": outcome, "reason": reason}
        if outcome != "compared":
            row["our_count"] = await repository.count_live(session, connection.key)
        await _store(session, row, found)
    identifier: UUID = row["comparison_id"]
    return identifier


def _row(connection: Connection, found: Compared, begun_at: datetime) -> dict[str, Any]:
    count = found.tally.count()
    return {
        "comparison_id": new_id(),
        "connection": connection.key,
        "begun_at": begun_at,
        "ended_at": clock.now(),
        "listed": found.listed,
        "our_count": int(count.ours),
        "crm_count": int(count.crm),
        "equal_count": int(count.equal),
        "under_way": found.tally.under_way,
        "amounts": _amounts(found.tally.by_currency()),
        **{str(kind): number for kind, number in found.tally.kinds.items()},
    }


def _amounts(sums: Mapping[str, Sums]) -> dict[str, dict[str, str]]:
    return {
        currency: {"crm": str(each.crm), "ours": str(each.ours), "equal": str(each.equal)}
        for currency, each in sums.items()
    }


async def _store(session: AsyncSession, row: dict[str, Any], found: Compared) -> None:
    identifier, key = row["comparison_id"], row["connection"]
    asked_back = [
        AskedBack(each.external_id, each.told_at, each.restored_at) for each in found.differences if each.heals
    ]
    deliveries = [
        await wanted.deliver(session, key, identifier, asked_back[start : start + IN_A_DELIVERY])
        for start in range(0, len(asked_back), IN_A_DELIVERY)
    ]
    await repository.add(session, "comparison", [row | {"delivery_ids": deliveries}])
    await repository.add(
        session,
        "comparison_cell",
        [
            {
                "comparison_id": identifier,
                "position": position,
                **cell._asdict(),
                "crm_count": int(count.crm),
                "our_count": int(count.ours),
                "equal_count": int(count.equal),
                "amounts": _amounts(amounts),
            }
            for position, (cell, count, amounts) in enumerate(found.tally.differing_cells())
        ],
    )
    await repository.add(
        session,
        "comparison_record",
        [
            {
                "comparison_id": identifier,
                "position": position,
                "external_id": each.external_id,
                "entity_id": each.entity_id or entity_id(key, "deal", each.external_id),
                "kind": each.kind,
                "fields": list(each.fields),
                "note": each.note,
                "theirs": _told(each.theirs),
                "ours": _told(each.ours),
                "is_fetched": each.heals,
            }
            for position, each in enumerate(found.differences[:RECORDS_KEPT])
        ],
    )
    amounts = tuple(ComparedAmount(currency=currency, **each) for currency, each in row["amounts"].items())
    outbox.add(
        session,
        CrmDealsCompared.model_validate(row | {"amounts": amounts}),
        key=entity_id(key, "connection", key),
        version=clock.to_millis(row["begun_at"]),
        occurred_at=row["ended_at"],
    )


def _told(standing: Standing | None) -> dict[str, Any] | None:
    if standing is None:
        return None
    return asdict(standing) | {"amount": None if standing.amount is None else str(standing.amount)}


async def wish(session: AsyncSession, key: str, *, settings: Settings, principal: Principal) -> ComparisonWished:
    """Have a connection compared within seconds; needs the role sales_ops. Raises NotConnected."""
    require(principal, "sales_ops")
    await connections.detail(session, key, settings=settings, principal=principal)
    at = clock.now()
    await repository.wish(session, key, at=at, actor=principal.subject)
    await audit.record(session, "comparison.wished", actor=principal.subject, on=key)
    return ComparisonWished(connection=key, wished_at=at)


async def newest(
    session: AsyncSession, *, principal: Principal, only_compared: bool = False
) -> dict[str, ComparisonOut]:
    """The newest comparison of every connection that has one, whatever its outcome or of those that were made."""
    require(principal, *READERS)
    rows = await repository.newest(session, only_compared=only_compared)
    return {key: _out(row) for key, row in rows.items()}


async def listed(
    session: AsyncSession, key: str, *, principal: Principal, cursor: str | None = None, limit: int = 50
) -> ComparisonPage:
    """Comparisons of a connection, the newest first."""
    require(principal, *READERS)
    after = decode_cursor(cursor, 1)
    before = datetime.fromisoformat(str(after[0])) if after else None
    rows = await repository.page(session, key, before=before, limit=limit + 1)
    items = [_out(row) for row in rows[:limit]]
    return ComparisonPage(
        items=items, next_cursor=encode_cursor(items[-1].begun_at.isoformat()) if len(rows) > limit else None
    )


async def detail(session: AsyncSession, comparison_id: UUID, *, principal: Principal) -> ComparisonDetail:
    """A comparison with the cells and deals that differ; deals are nobody's secret to sales ops. Raises UnknownComparison."""
    require(principal, *SEE_DEALS)
    row = await repository.one(session, comparison_id)
    if row is None:
        raise UnknownComparison(f"There is no comparison {comparison_id}.")
    cells = [
        CellOut.model_validate(
            {name: each[name] for name in CellOut.model_fields if name != "amounts"}
            | {"amounts": _amounts_out(each["amounts"])}
        )
        for each in await repository.cells(session, comparison_id)
    ]
    records = [
        RecordOut.model_validate({name: each[name] for name in RecordOut.model_fields})
        for each in await repository.records(session, comparison_id)
    ]
    return ComparisonDetail(**_out(row).model_dump(), cells=cells, records=records)


def _out(row: RowMapping) -> ComparisonOut:
    amounts = _amounts_out(row["amounts"])
    count = _share(Sums(Decimal(row["crm_count"]), Decimal(row["our_count"]), Decimal(row["equal_count"])))
    count_share = count if row["outcome"] == "compared" else None
    shares = [each for each in (count_share, *(amount.share for amount in amounts)) if each is not None]
    return ComparisonOut.model_validate(
        dict(row)
        | {"amounts": amounts, "count_share": count_share, "share": min(shares) if count_share is not None else None}
    )


def _amounts_out(amounts: Mapping[str, Mapping[str, str]]) -> Sequence[AmountOut]:
    found = []
    for currency, told in amounts.items():
        sums = Sums(Decimal(told["crm"]), Decimal(told["ours"]), Decimal(told["equal"]))
        found.append(AmountOut(currency=currency, crm=sums.crm, ours=sums.ours, equal=sums.equal, share=_share(sums)))
    return found


def _share(sums: Sums) -> float | None:
    """Rounded down, so that only what is whole reads as whole."""
    return None if sums.share is None else float(sums.share.quantize(Decimal("0.000001"), ROUND_DOWN))
