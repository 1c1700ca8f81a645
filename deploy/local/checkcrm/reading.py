"""Whether everything is at rest, and the books that are compared then."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import text

from deploy.local import books
from deploy.local.checkcrm.comparing import Ledger
from deploy.local.crms import Crms
from deploy.local.stack import Stack

_WAITING = """
    SELECT (SELECT count(*) FROM delivery WHERE state IN ('accepted', 'pending')) AS deliveries,
           (SELECT count(*) FROM fetch_signal) AS fetches
"""
_STORED = """
    SELECT connection, encode(sha256(body), 'hex') AS digest, count(*) AS stored,
           count(*) FILTER (WHERE state = 'parked') AS parked
    FROM delivery GROUP BY 1, 2
"""
_CHANGES_OUT = "SELECT entity_id, version FROM source_record WHERE version > 0"
_DEALS_IN = "SELECT deal_id, count(*) FROM deal_input WHERE kind = 'crm' GROUP BY 1"
_LEADS_IN = "SELECT lead_id, count(*) FROM lead_input WHERE kind = 'record' GROUP BY 1"
_REPEATED = """
    SELECT deal_id, valid_from FROM (
        SELECT deal_id, valid_from, said, lag(said) OVER (PARTITION BY deal_id, valid_from ORDER BY version) AS before
        FROM (SELECT *, content || jsonb_build_object('unobserved_since', unobserved_since) AS said FROM deal_version) versions
    ) entries WHERE said = before
"""
_LEADS = "SELECT lead_id, state ->> 'amount', verdict, state ->> 'company', deleted FROM lead WHERE version > 0"


def on_its_way(crms: Crms, *, since: datetime) -> str | None:
    """What is not at rest yet, in words; None when all that was received before `since` is in the forecast."""
    (row,) = _rows(crms.stack, "gateway", _WAITING)
    if row.deliveries or row.fetches:
        return f"{row.deliveries} deliveries and {row.fetches} fetches wait"
    try:
        answer = crms.http.get("/api/v1/forecast/rollup", params={"by": "region"})
    except httpx.TransportError as error:
        return f"the forecast cannot be read: {type(error).__name__}"
    watermark = answer.json().get("watermark") if answer.is_success else None
    if watermark is None:
        return f"the forecast has no watermark: status {answer.status_code}"
    behind_s = (since - datetime.fromisoformat(watermark)).total_seconds()
    return f"the forecast's watermark is {behind_s:.0f} s behind the last delivery" if behind_s >= 0 else None


def ledger(stack: Stack) -> Ledger:
    """Read the books; all must be at rest, or they differ."""
    bodies = _rows(stack, "gateway", _STORED)
    return Ledger(
        stored={(row.connection, row.digest): row.stored for row in bodies},
        parked={(row.connection, row.digest): row.parked for row in bodies if row.parked},
        changes_out=_counted(_rows(stack, "gateway", _CHANGES_OUT)),
        changes_in=_counted([*_rows(stack, "deals", _DEALS_IN), *_rows(stack, "leads", _LEADS_IN)]),
        repeated=[tuple(row) for row in _rows(stack, "deals", _REPEATED)],
        leads={
            lead: (None if amount is None else Decimal(amount), verdict, company, deleted)
            for lead, amount, verdict, company, deleted in _rows(stack, "leads", _LEADS)
        },
    )


def _counted(rows: Sequence[Any]) -> dict[UUID, int]:
    found: Counter[UUID] = Counter()
    for entity, count in rows:
        found[entity] += count
    return dict(found)


def _rows(stack: Stack, component: str, statement: str) -> Sequence[Any]:
    async def read(connection: Any) -> Sequence[Any]:
        return (await connection.execute(text(statement))).all()  # type: ignore[no-any-return]

    return asyncio.run(books.within(stack, component, read))
