"""Taking the numbers of a draft from CSV: what can be read is taken, what cannot is named by line and column."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.web.auth import Principal
from libs.common.web.errors import Invalid
from services.forecast.organisation.tree import Organisation
from services.forecast.plans import editing, repository, service
from services.forecast.plans.changes import Change, key_of
from services.forecast.plans.editing import BadAmount, BadNode
from services.forecast.plans.growing import Growing
from services.forecast.plans.schemas import CellIn, NodeIn, PlanImportOut, RefusedRow
from services.forecast.plans.service import Found
from services.forecast.plans.table import Line, UnreadableTable, read

SEPARATOR = " / "


class UnreadableFile(Invalid):
    """The file as a whole is no such table."""


class _Refused(ValueError):
    """A line that cannot be taken."""

    def __init__(self, column: str | None, reason: str) -> None:
        super().__init__(reason)
        self.column, self.reason = column, reason


class _Taking:
    """The draft as the lines so far leave it."""

    def __init__(self, found: Found, stored: Sequence[Mapping[str, Any]], organised: Organisation) -> None:
        self.found, self.organised = found, organised
        self.growing = Growing(stored)
        self.change = Change()

    def take(self, line: Line) -> None:
        """Raises _Refused."""
        if line.reason is not None:
            raise _Refused(line.column, line.reason)
        plan, cells = self.found.row, line.cells
        if cells.get("currency") and cells["currency"] != plan["currency"]:
            raise _Refused("currency", f"the plan is in {plan['currency']}, not in {cells['currency']}")
        # What an export tells of numbers made of others would otherwise come back as if somebody had said it.
        if cells.get("source") in ("periods", "below") or (not cells["amount"] and cells.get("state")):
            return
        node, row = self._node(cells)
        try:
            cell = CellIn(
                node_id=node,
                period=cells["period"],
                measure=cells.get("measure") or plan["measures"][0],
                amount=line.amount,
            )
        except ValidationError as error:
            first = error.errors()[0]
            raise _Refused(str(first["loc"][0]), first["msg"]) from None
        known = self.growing.rows if row is None else {node: row}
        try:
            number = editing.cell_row(
                self.found, cell, known, where="", manual=cells.get("manual", "").lower() not in ("false", "0")
            )
        except BadAmount as error:
            column, _, reason = error.detail.removeprefix(".").partition(": ")
            raise _Refused(column, reason) from None
        if row is not None:
            self._fits(row)
            self.growing.add(row)
            self.change.nodes.append(row)
        self.change.cells.append(number)

    def _fits(self, row: dict[str, Any]) -> None:
        """Raises _Refused."""
        if len(self.growing.rows) >= editing.MOST_NODES:
            raise _Refused("path", f"a plan has at most {editing.MOST_NODES} nodes, and these are all.")
        reason = self.growing.why_not(row)
        if reason is not None:
            raise _Refused("path", reason)

    def _node(self, cells: Any) -> tuple[UUID, dict[str, Any] | None]:
        """The node of a line, and its row where it is to be made."""
        if cells.get("node_id"):
            try:
                node = UUID(cells["node_id"])
            except ValueError:
                raise _Refused("node_id", f"{cells['node_id']!r} is not an id") from None
            if node not in self.growing.rows:
                raise _Refused("node_id", f"the plan has no node {node}")
            return node, None
        parts = tuple(part.strip() for part in cells["path"].split(SEPARATOR.strip()))
        if parts in self.growing.paths:
            return self.growing.paths[parts], None
        above = self.growing.paths.get(parts[:-1])
        if above is None:
            raise _Refused("path", f"the plan has no node {SEPARATOR.join(parts[:-1]) or parts[0]!r} to put it below")
        if not cells.get("dimension"):
            raise _Refused(
                "dimension", f"the plan has no node {cells['path']!r}; to make it, say of which dimension it is"
            )
        try:
            wanted = NodeIn(
                parent_id=above,
                dimension=cells["dimension"],
                value=cells.get("value") or parts[-1],
                label=parts[-1],
            )
            row = editing.node_row(self.found, wanted, self.growing.rows, self.organised, where="")
        except ValidationError as error:
            raise _Refused(str(error.errors()[0]["loc"][0]), error.errors()[0]["msg"]) from None
        except BadNode as error:
            column, _, reason = error.detail.removeprefix(".").partition(": ")
            raise _Refused(column, reason) from None
        return row["node_id"], row


def taken(
    found: Found, stored: Sequence[Mapping[str, Any]], organised: Organisation, lines: Sequence[Line]
) -> tuple[Change, list[RefusedRow]]:
    """What the lines append to a draft, of two for one number the later, and the lines that cannot be taken."""
    taking = _Taking(found, stored, organised)
    refused: list[RefusedRow] = []
    for line in lines:
        try:
            taking.take(line)
        except _Refused as refusal:
            refused.append(RefusedRow(line=line.number, column=refusal.column, reason=refusal.reason))
    change = taking.change
    change.cells = list({key_of(each): each for each in change.cells}.values())
    if change.nodes:
        editing.check_tree(taking.growing.rows)
    return change, refused


async def take(
    session: AsyncSession, plan_id: UUID, body: bytes, *, dry_run: bool, if_match: str | None, principal: Principal
) -> tuple[Found, PlanImportOut]:
    """Put the numbers of a file into the draft. Raises what `service.open_draft` raises, and UnreadableFile."""
    found = await service.open_draft(session, plan_id, if_match=if_match, principal=principal)
    stored = await repository.nodes(session, plan_id, found.version.version, principal=principal)
    organised = await editing.organised_now(session)

    def worked() -> tuple[int, Change, list[RefusedRow]]:
        lines = list(read(body))
        return len(lines), *taken(found, stored, organised, lines)

    try:
        rows, change, refused = await asyncio.to_thread(worked)
    except UnreadableTable as error:
        raise UnreadableFile(str(error)) from None
    if (change.cells or change.nodes) and not dry_run:
        what = f"from a file: {len(change.cells)} numbers"
        found = await editing.take(session, found, change, what=what, principal=principal)
    report = PlanImportOut(
        dry_run=dry_run,
        rows=rows,
        accepted=rows - len(refused),
        new_nodes=len(change.nodes),
        refused=refused,
    )
    return found, report
