"""Taking past calls, quotas and adjustments over from CSV: what can be read is kept once, what cannot is named by line."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.events.forecast import AdjustmentMade
from libs.common.ids import entity_id
from libs.common.messaging import outbox
from libs.common.web.auth import Principal, require
from libs.common.web.errors import Invalid
from services.forecast.calls import ledger, repository, service
from services.forecast.calls.repository import Population, Table
from services.forecast.calls.schemas import ImportKind, ImportOut, RefusedRow
from services.forecast.calls.steps import NodeKey
from services.forecast.calls.table import Line, Rules, UnreadableTable, read
from services.forecast.config import settings_of

TABLES: Mapping[ImportKind, Table] = {"calls": "submission", "quotas": "quota", "adjustments": "adjustment_entry"}


class UnreadableFile(Invalid):
    """The file as a whole is no such table."""


async def take(
    session: AsyncSession, kind: ImportKind, body: bytes, *, dry_run: bool, principal: Principal
) -> ImportOut:
    """Append what is new; the same line again changes nothing. Rows keep their own `made_at` and are marked as imported.

    Raises UnreadableFile when the header is not one of this kind.
    """
    require(principal, "sales_ops")
    configured = settings_of(session)
    rules = Rules(configured.calendar, configured.base_currency, configured.call_basis, clock.now())
    try:
        lines = list(read(kind, body, rules))
    except UnreadableTable as error:
        raise UnreadableFile(str(error)) from None
    there = await repository.nodes_within(
        session, {line.node for line in lines if line.node is not None}, principal=principal
    )
    refused = [refusal for line in lines if (refusal := _refused(kind, line, there))]
    bad = {refusal.line for refusal in refused}
    recorded_at = await outbox.stamp(session)
    rows = {
        row_id: row
        for line in lines
        if line.number not in bad
        for row_id, row in [_row(kind, line, recorded_at, principal.subject)]
    }
    if dry_run:
        accepted = rows.keys() - await repository.known(session, TABLES[kind], rows.keys())
    else:
        accepted = await repository.append(session, TABLES[kind], list(rows.values()))
        _tell(session, kind, [row for row_id, row in rows.items() if row_id in accepted], principal)
    taken = len(lines) - len(refused)
    return ImportOut(
        kind=kind,
        dry_run=dry_run,
        rows=len(lines),
        accepted=len(accepted),
        known=taken - len(accepted),
        refused=refused,
    )


def _refused(kind: ImportKind, line: Line, there: set[NodeKey]) -> RefusedRow | None:
    if line.refusal is not None:
        return RefusedRow(line=line.number, column=line.refusal.column, reason=line.refusal.reason)
    assert line.node is not None  # noqa: S101 - a line that was read has its node
    assert line.values is not None  # noqa: S101 - and its values
    if line.node not in there:
        column = "unit" if line.node.kind == "unit" else "owner"
        return RefusedRow(line=line.number, column=column, reason="the organisation has none, or you may not see it")
    if kind == "calls" and line.node.kind == "unit" and not line.values["person"]:
        return RefusedRow(line=line.number, column="person", reason="is empty; say who called for the unit")
    return None


def _row(kind: ImportKind, line: Line, recorded_at: datetime, by: str) -> tuple[UUID, dict[str, Any]]:
    """The row of a line; its id comes from what the line says, so that it is taken once."""
    node, period, values = line.node, line.period, dict(line.values or {})
    assert node is not None  # noqa: S101 - it was not refused
    assert period is not None  # noqa: S101 - it was not refused
    identifier = entity_id("foretell", f"imported {kind}", repr((node, period.key, sorted(values.items(), key=str))))
    common = {
        "node_kind": node.kind,
        "node_id": node.id,
        **asdict(Population(period.key, period.start, period.end, values["deal_type"], values["value_basis"])),
        "currency": values["currency"],
        "recorded_at": recorded_at,
        "recorded_by": by,
    }
    made_at = values["made_at"] or recorded_at
    if kind == "quotas":
        return identifier, {"quota_id": identifier, **common, "amount": values["amount"], "made_at": made_at}
    if kind == "adjustments":
        said = {name: values[name] for name in ("delta", "reason", "expires_at", "made_by")}
        entry = {"entry_id": identifier, "adjustment_id": identifier, "kind": "made", "at": made_at}
        return identifier, {**common, **said, **entry, "imported": True, "request_digest": "", "base_landing": None}
    return identifier, {
        **common,
        **{name: values[name] for name in ("amount", "best", "worst", "notes")},
        "submission_id": identifier,
        "person": values["person"] or str(node.id),
        "from_above": False,
        "mode": "own",
        "imported": True,
        "made_at": made_at,
        "request_digest": "",
    }


def _tell(session: AsyncSession, kind: ImportKind, rows: list[dict[str, Any]], principal: Principal) -> None:
    if kind == "calls":
        service.tell(session, rows, principal=principal)
    elif kind == "adjustments":
        for row in rows:
            ledger.tell(session, AdjustmentMade, row, at=row["at"], principal=principal)
