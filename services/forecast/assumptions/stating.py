"""Stating what a draft assumes: by hand, from the year before, or by file. What was approved assumes that for ever."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.ids import entity_id
from libs.common.web.auth import Principal
from libs.common.web.errors import Invalid, NotFound
from services.forecast.assumptions import counting, repository, table
from services.forecast.assumptions.counting import Facts
from services.forecast.assumptions.ground import Ground, counted, ground
from services.forecast.assumptions.measures import MEASURES, METRICS, Metric
from services.forecast.assumptions.proposing import Proposal, proposed
from services.forecast.assumptions.schemas import (
    AssumptionDraftIn,
    AssumptionImportOut,
    AssumptionIn,
    AssumptionsIn,
    NotProposedOut,
)
from services.forecast.plans import editing
from services.forecast.plans import service as plans
from services.forecast.plans.changes import Change
from services.forecast.plans.content import Content
from services.forecast.plans.schemas import RefusedRow
from services.forecast.plans.service import Found

SEPARATOR: Final = " / "
MOST: Final = 500
"""Assumptions of one version: whoever assumes more watches none of them."""
MOST_PROPOSED: Final = 40
"""Nodes of which a draft proposes something, the uppermost first."""
CRITICAL: Final[tuple[Metric, ...]] = ("win_rate", "creation")
"""What is proposed as critical, of the whole plan."""


class BadAssumption(Invalid):
    """An assumption that this plan cannot have."""


class AssumptionNotFound(NotFound):
    """The version assumes no such thing."""


def identity(plan_id: UUID, node_id: UUID, metric: str) -> UUID:
    """The id of what a plan assumes of a node in a metric: the same in all its versions."""
    return entity_id("foretell", "plan-assumption", f"{plan_id}:{node_id}:{metric}")


async def state(
    session: AsyncSession, plan_id: UUID, wanted: AssumptionsIn, *, if_match: str | None, principal: Principal
) -> Found:
    """Take a change. Raises what `plans.open_draft` raises, BadAssumption, AssumptionNotFound, NotOfThisPlan."""
    found = await plans.open_draft(session, plan_id, if_match=if_match, principal=principal)
    content = await plans.content(session, found, found.row["measures"][0], principal=principal)
    known = await _known(session, found, principal=principal)
    rows = [_row(found, content, each, where=f"items.{at}") for at, each in enumerate(wanted.items)]
    for gone in wanted.remove:
        if gone not in known:
            raise AssumptionNotFound(f"remove: {plans.noun(found)} assumes nothing with the id {gone}.")
        rows.append({name: known[gone][name] for name in _COLUMNS} | {"removed": True})
    return await _take(session, found, known, rows, what="assumptions", principal=principal)


async def draft(
    session: AsyncSession, plan_id: UUID, wanted: AssumptionDraftIn, *, if_match: str | None, principal: Principal
) -> tuple[Found, int, list[NotProposedOut]]:
    """Propose from the 52 weeks before the plan, or before today. What a person said of a node and metric is kept.

    Raises what `plans.open_draft` raises.
    """
    found = await plans.open_draft(session, plan_id, if_match=if_match, principal=principal)
    known = await _known(session, found, principal=principal)
    on = await ground(session, found, principal=principal)
    tree = on.content.tree
    order = sorted(range(len(tree)), key=lambda at: (int(tree.depth[at]), at))
    places = [at for at in order if tree.depth[at] <= wanted.levels][:MOST_PROPOSED]
    proposals = await counted(on, lambda facts: _proposals(on, facts, places))
    rows, without = [], []
    for (metric, at), each in proposals.items():
        node = tree.nodes[at]
        assumption_id = identity(plan_id, node.node_id, metric)
        if assumption_id in known and known[assumption_id]["cases"] is None:
            continue
        if each.expected is None or each.tolerance is None:
            path = [tree.nodes[place].label for place in tree.path(at)]
            without.append(NotProposedOut(path=path, metric=metric, cases=each.cases, reason=each.reason or ""))
            continue
        is_critical = at == 0 and metric in CRITICAL
        rows.append(
            {
                "assumption_id": assumption_id, "node_id": node.node_id, "metric": metric, "expected": each.expected,
                "tolerance": each.tolerance, "criticality": "critical" if is_critical else "normal",
                "cases": each.cases, "removed": False,
            }
        )  # fmt: skip
    if rows:
        what = "assumptions from the year before"
        found = await _take(session, found, known, rows, what=what, principal=principal)
    return found, len(rows), without


def _proposals(on: Ground, facts: Mapping[Metric, Facts], places: Sequence[int]) -> dict[tuple[Metric, int], Proposal]:
    end = counting.last_days(on.start, on.day)
    length = (on.end - on.start).days
    found: dict[tuple[Metric, int], Proposal] = {}
    for metric in METRICS:
        years = counting.years(on.content.tree, facts[metric], places, end=end)
        found |= {
            (metric, at): proposed(metric, year, plan_days=length) for at, year in zip(places, years, strict=True)
        }
    return found


async def take_file(
    session: AsyncSession, plan_id: UUID, body: bytes, *, dry_run: bool, if_match: str | None, principal: Principal
) -> tuple[Found, AssumptionImportOut]:
    """Take a file's assumptions; a line that cannot be taken is named, and loses nothing else. Raises what `state` raises."""
    found = await plans.open_draft(session, plan_id, if_match=if_match, principal=principal)
    try:
        lines = table.read(body)
    except table.UnreadableTable as error:
        raise BadAssumption(str(error)) from None
    content = await plans.content(session, found, found.row["measures"][0], principal=principal)
    known = await _known(session, found, principal=principal)
    tree = content.tree
    paths = {
        SEPARATOR.join(tree.nodes[place].label for place in tree.path(at)): node.node_id
        for at, node in enumerate(tree.nodes)
    }
    rows: dict[UUID, dict[str, Any]] = {}
    refused = []
    for line in lines:
        try:
            row = _of_line(found, content, paths, line)
            rows[row["assumption_id"]] = row
        except BadAssumption as error:
            column, _, reason = error.detail.removeprefix(".").partition(": ")
            refused.append(RefusedRow(line=line.number, column=column or None, reason=reason))
    if rows and not dry_run:
        what = f"from a file: {len(rows)} assumptions"
        found = await _take(session, found, known, list(rows.values()), what=what, principal=principal)
    accepted = len(lines) - len(refused)
    return found, AssumptionImportOut(dry_run=dry_run, rows=len(lines), accepted=accepted, refused=refused)


def _of_line(found: Found, content: Content, paths: Mapping[str, UUID], line: table.Line) -> dict[str, Any]:
    """Raises BadAssumption, which names the column."""
    if line.reason is not None:
        raise BadAssumption(f": {line.reason}")
    cells = line.cells
    node = cells.get("node_id") or paths.get(cells.get("path", ""))
    if not node:
        raise BadAssumption(f"path: the plan has no node {cells.get('path', '')!r}")
    try:
        given = AssumptionIn.model_validate(
            {
                "node_id": node,
                **{name: cells[name] for name in ("metric", "expected", "tolerance")},
                "criticality": cells.get("criticality") or "normal",
            }
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise BadAssumption(f"{first['loc'][0]}: {first['msg']}") from None
    return _row(found, content, given, where="")


def _row(found: Found, content: Content, wanted: AssumptionIn, *, where: str) -> dict[str, Any]:
    """Raises BadAssumption, which names what is wrong by `where`."""
    if wanted.node_id not in content.tree.place:
        raise BadAssumption(f"{where}.node_id: the plan has no node {wanted.node_id}.")
    greatest = MEASURES[wanted.metric].greatest
    if greatest is not None and wanted.expected >= greatest:
        raise BadAssumption(f"{where}.expected: {wanted.expected} is no share below 1; write 0.3 for 30 %, not 30.")
    return {
        "assumption_id": identity(found.row["plan_id"], wanted.node_id, wanted.metric),
        **wanted.model_dump(),
        "cases": None,
        "removed": False,
    }


_COLUMNS: Final = ("assumption_id", "node_id", "metric", "expected", "tolerance", "criticality", "cases")


async def _known(session: AsyncSession, found: Found, *, principal: Principal) -> dict[UUID, dict[str, Any]]:
    rows = await repository.assumptions(session, found.row["plan_id"], found.version.version, principal=principal)
    return {row["assumption_id"]: row for row in rows}


async def _take(
    session: AsyncSession,
    found: Found,
    known: Mapping[UUID, Mapping[str, Any]],
    rows: Sequence[dict[str, Any]],
    *,
    what: str,
    principal: Principal,
) -> Found:
    if len({row["assumption_id"] for row in rows}) < len(rows):
        raise BadAssumption("items: a node has one assumption in a metric; one of them stands here twice.")
    stays = known.keys() | {row["assumption_id"] for row in rows if not row["removed"]}
    if len(stays) > MOST:
        raise BadAssumption(f"items: a plan has at most {MOST} assumptions, this would have {len(stays)}.")
    named = what if any(each.isdigit() for each in what) else f"{len(rows)} {what}"
    return await editing.take(session, found, Change(assumptions=list(rows)), what=named, principal=principal)
