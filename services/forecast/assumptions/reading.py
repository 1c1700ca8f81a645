"""Assumptions as they are shown: what a version takes for granted, how that stands, and what every lock saw of one."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.web.auth import Principal
from services.forecast.assumptions import repository
from services.forecast.assumptions.measures import MEASURES
from services.forecast.assumptions.schemas import AssumptionHistoryOut, AssumptionOut, AssumptionsOut, PointOut, SeenOut
from services.forecast.assumptions.stating import SEPARATOR, AssumptionNotFound
from services.forecast.assumptions.table import KNOWN
from services.forecast.plans import service as plans
from services.forecast.plans.content import Content
from services.forecast.plans.service import Found
from services.forecast.readings.table import Kind, Table


async def read(session: AsyncSession, plan_id: UUID, *, version: int | None, principal: Principal) -> AssumptionsOut:
    """What a version assumes, broken ones first, then from the root down. Raises PlanNotFound."""
    found = await plans.find(session, plan_id, version=version, principal=principal)
    return await shown(session, found, principal=principal)


async def shown(session: AsyncSession, found: Found, *, principal: Principal) -> AssumptionsOut:
    """What a version assumes."""
    items, _ = await _items(session, found, principal=principal)
    return AssumptionsOut(
        plan_id=found.row["plan_id"],
        version=found.version.version,
        state=found.version.state,
        sequence=found.version.sequence,
        currency=found.row["currency"],
        looked_at=await repository.newest_look(session, found.row["plan_id"], found.version.version),
        items=items,
    )


async def history(
    session: AsyncSession, plan_id: UUID, assumption_id: UUID, *, version: int | None, principal: Principal
) -> AssumptionHistoryOut:
    """One assumption and every lock. Raises PlanNotFound, AssumptionNotFound."""
    found = await plans.find(session, plan_id, version=version, principal=principal)
    items, rows = await _items(session, found, principal=principal)
    item = next((each for each in items if each.assumption_id == assumption_id), None)
    if item is None:
        raise AssumptionNotFound(f"{plans.noun(found)} assumes nothing with the id {assumption_id}.")
    return AssumptionHistoryOut(
        plan_id=plan_id,
        version=found.version.version,
        currency=found.row["currency"],
        assumption=item,
        history=[_seen(row) for row in reversed(rows.get(assumption_id, []))],
    )


async def _items(
    session: AsyncSession, found: Found, *, principal: Principal
) -> tuple[list[AssumptionOut], Mapping[UUID, Sequence[Mapping[str, Any]]]]:
    plan_id, version = found.row["plan_id"], found.version.version
    content = await plans.content(session, found, found.row["measures"][0], principal=principal)
    stated = await repository.assumptions(session, plan_id, version, principal=principal)
    by_id: dict[UUID, list[Mapping[str, Any]]] = {}
    for row in await repository.states(session, plan_id, version, principal=principal):
        by_id.setdefault(row["assumption_id"], []).append(row)
    order = {name: at for at, name in enumerate(MEASURES)}
    rank = {"broken": 0, "drifting": 1}
    standing = [each for each in stated if each["node_id"] in content.tree.place]
    items = [_item(content, each, by_id.get(each["assumption_id"], [])) for each in standing]
    items.sort(key=lambda each: (rank.get(each.state, 2), content.tree.place[each.node_id], order[each.metric]))
    return items, by_id


def _item(content: Content, stated: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> AssumptionOut:
    measure = MEASURES[stated["metric"]]
    expected, tolerance = Decimal(stated["expected"]), Decimal(stated["tolerance"])
    ends = [expected * (1 - tolerance), expected * (1 + tolerance)]
    if measure.greatest is not None:
        ends[1] = min(ends[1], measure.greatest)
    return AssumptionOut(
        assumption_id=stated["assumption_id"],
        node_id=stated["node_id"],
        path=[content.tree.nodes[at].label for at in content.tree.path(content.tree.place[stated["node_id"]])],
        metric=measure.name,
        label=measure.label,
        meaning=measure.meaning,
        unit=measure.unit,
        expected=expected,
        tolerance=tolerance,
        within=ends,
        criticality=stated["criticality"],
        from_cases=stated["cases"],
        state=rows[-1]["state"] if rows else "not_looked_at",
        seen=_seen(rows[-1]) if rows else None,
        locks=[PointOut(due_at=row["due_at"], state=row["state"]) for row in rows],
    )


def _seen(row: Mapping[str, Any]) -> SeenOut:
    given = {name: row[name] for name in SeenOut.model_fields if name in row}
    return SeenOut(**given, side=row["broken"] or row["leans"])


_KINDS: dict[str, Kind] = {
    "expected": "number", "tolerance": "share", "from_cases": "count", "value": "number", "low": "number", "high": "number",
    "cases": "count", "weeks": "count", "due_at": "instant", "broken_since": "instant",
}  # fmt: skip


def as_table(found: AssumptionsOut) -> Table:
    """A line per assumption with what was seen at the newest lock, as the import takes it."""
    lines = []
    for each in found.items:
        seen = each.seen.model_dump() if each.seen else {}
        cells = {
            **each.model_dump(
                include={"node_id", "metric", "unit", "expected", "tolerance", "criticality", "from_cases"}
            ),
            **{name: seen.get(name) for name in ("value", "low", "high", "cases", "weeks", "due_at", "broken_since")},
            "path": SEPARATOR.join(each.path),
            "state": each.state,
        }
        lines.append([cells[name] for name in KNOWN])
    columns: dict[str, Kind] = {name: _KINDS.get(name, "text") for name in KNOWN}
    return Table(f"assumptions-v{found.version}", columns, lines)
