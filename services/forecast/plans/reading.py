"""Plans as they are shown: nodes with their numbers, a cut by a dimension, what two versions do not share, and what was ever done."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.web.auth import Principal
from services.forecast.config import settings_of
from services.forecast.history.columns import EPOCH
from services.forecast.plans import facts, holding, repository, service
from services.forecast.plans.content import Content
from services.forecast.plans.crediting import credited
from services.forecast.plans.grid import SOURCES, STATES
from services.forecast.plans.schemas import (
    BoundOut,
    CapacitiesOut,
    CapacityOut,
    CellOut,
    ChangedOut,
    DifferenceOut,
    EntryOut,
    PartOut,
    PlanNodeOut,
    PlanOut,
    PlanTreeOut,
    SpanOut,
    TextOut,
    TextsOut,
    VersionOut,
    ViewOut,
)
from services.forecast.plans.service import Found
from services.forecast.plans.spans import Span, of_document
from services.forecast.plans.standing import Standing
from services.forecast.plans.views import by_dimension
from services.forecast.rollup.schemas import OrgOut

SHARE: Final = Decimal("0.0001")
LISTED: Final = 500
"""Changed numbers that a difference lists; the rest is counted."""
YEARS: Final = 5
"""Earlier periods among which the best is looked for."""


def plan_out(found: Found) -> PlanOut:
    """A plan with its versions as it is told."""
    row = found.row
    return PlanOut(
        **{name: row[name] for name in PlanOut.model_fields if name in row and name != "period"},
        org=OrgOut(unit_id=row["unit_id"], name=row["unit_name"], kind=row["unit_kind"]),
        period=span_out(of_document(row["spans"][0])),
        version=found.version.version,
        state=found.version.state,
        sequence=found.version.sequence,
        versions=[_version(each) for each in found.versions],
    )


def _version(each: Standing) -> VersionOut:
    return VersionOut(
        **{name: getattr(each, name) for name in VersionOut.model_fields if name != "entries"},
        entries=[EntryOut(**{name: row[name] for name in EntryOut.model_fields}) for row in each.entries[-50:]],
    )


def span_out(span: Span) -> SpanOut:
    return SpanOut(**(span.document | {"end": span.end - timedelta(days=1)}))


async def bound(session: AsyncSession, plan_id: UUID, *, version: int | None, principal: Principal) -> BoundOut:
    """The total that a plan above binds this one to. Raises PlanNotFound."""
    found = await service.find(session, plan_id, version=version, principal=principal)
    above = await holding.bound(session, found.row)
    if above is None:
        return BoundOut()
    content = await service.content(session, found, holding.BOOKINGS, principal=principal)
    said = content.amount(content.grid.amount[0, 0]) if content.grid.known[0, 0] else None
    known = said is not None and above.currency == found.row["currency"]
    gap = said - above.amount if known and said is not None else None
    told = {name: getattr(above, name) for name in ("plan_id", "name", "version", "amount", "currency")}
    return BoundOut(**told, said=said, gap=gap)


async def tree(
    session: AsyncSession,
    plan_id: UUID,
    *,
    version: int | None,
    measure: str,
    top: UUID | None,
    levels: int | None,
    periods: Sequence[str] | None,
    principal: Principal,
) -> PlanTreeOut:
    """A node and what is below it, so many levels (None: all), in some periods (None: all).

    Raises PlanNotFound, MeasureNotPlanned, NotOfThisPlan.
    """
    found = await service.find(session, plan_id, version=version, principal=principal)
    content = await service.content(session, found, measure, principal=principal)
    start = 0 if top is None else service.place_of(content, top)
    shown = list(range(len(content.spans))) if periods is None else [service.span_of(content, key) for key in periods]
    deepest = None if levels is None else int(content.tree.depth[start]) + levels
    places = [
        at for at in range(start, int(content.tree.end[start])) if deepest is None or content.tree.depth[at] <= deepest
    ]
    return PlanTreeOut(
        plan=plan_out(found),
        measure=measure,
        currency=content.currency,
        periods=[span_out(content.spans[at]) for at in shown],
        nodes=[node_out(content, at, shown) for at in places],
        of=len(content.tree),
    )


def node_out(content: Content, at: int, spans: Sequence[int]) -> PlanNodeOut:
    """A node with its numbers of some periods."""
    node = content.tree.nodes[at]
    return PlanNodeOut(
        node_id=node.node_id,
        parent_id=node.parent_id,
        depth=int(content.tree.depth[at]),
        dimension=node.dimension,
        value=node.value,
        label=node.label,
        path=[content.tree.nodes[each].label for each in content.tree.path(at)],
        has_children=at in content.tree.children,
        cells=[cell_out(content, at, span) for span in spans],
    )


def cell_out(content: Content, at: int, span: int) -> CellOut:
    """What is wanted of a node in a period."""
    grid = content.grid
    known, has_parts = bool(grid.known[at, span]), bool(grid.parts_known[at, span])
    amount = content.amount(grid.amount[at, span]) if known else None
    parts = content.amount(grid.parts[at, span]) if has_parts else None
    is_leaf = at not in content.tree.children
    rest = None if amount is None or is_leaf else amount - (parts or Decimal())
    over = None
    if amount and parts is not None:
        over = (parts / amount - 1).quantize(SHARE, ROUND_HALF_UP)
    return CellOut.model_validate(
        {
            "period": content.spans[span].key,
            "amount": amount,
            "state": STATES[grid.state[at, span]],
            "source": SOURCES[grid.source[at, span]],
            "manual": bool(content.said.has[at, span] and content.said.manual[at, span]),
            "parts": parts,
            "unallocated": rest,
            "over_assigned": over,
        }
    )


async def view(
    session: AsyncSession,
    plan_id: UUID,
    *,
    version: int | None,
    measure: str,
    dimension: Any,
    period: str | None,
    principal: Principal,
) -> ViewOut:
    """The plan cut by a dimension. Raises what `tree` raises."""
    found = await service.find(session, plan_id, version=version, principal=principal)
    content = await service.content(session, found, measure, principal=principal)
    span = 0 if period is None else service.span_of(content, period)
    cut = by_dimension(content.tree, content.grid, dimension, span)

    def told(units: int | None) -> Decimal | None:
        return None if units is None else content.amount(units)

    return ViewOut(
        plan_id=plan_id,
        version=content.version,
        measure=measure,
        currency=content.currency,
        dimension=dimension,
        period=content.spans[span].key,
        amount=told(cut.whole),
        parts=[PartOut(value=value, label=cut.labels[value], amount=told(units)) for value, units in cut.parts.items()],
        unallocated=told(cut.unallocated),
    )


async def texts(session: AsyncSession, plan_id: UUID, *, version: int | None, principal: Principal) -> TextsOut:
    """What a version says of markets."""
    found = await service.find(session, plan_id, version=version, principal=principal)
    rows = await repository.texts(session, plan_id, found.version.version, principal=principal)
    items = [TextOut(**row) for row in rows if row["text"] or row["campaigns"] or row["promotions"]]
    return TextsOut(plan_id=plan_id, version=found.version.version, items=items)


async def difference(
    session: AsyncSession, plan_id: UUID, *, since: int, to: int, principal: Principal
) -> DifferenceOut:
    """What two versions of a plan do not share. Raises PlanNotFound."""
    first = await service.find(session, plan_id, version=since, principal=principal)
    second = await service.find(session, plan_id, version=to, principal=principal)
    changed: list[ChangedOut] = []
    added: list[list[str]] = []
    removed: list[list[str]] = []
    for measure in first.row["measures"]:
        old = await service.content(session, first, measure, principal=principal)
        new = await service.content(session, second, measure, principal=principal)
        added = [_path(new, at) for at, node in enumerate(new.tree.nodes) if node.node_id not in old.tree.place]
        removed = [_path(old, at) for at, node in enumerate(old.tree.nodes) if node.node_id not in new.tree.place]
        changed += _changed(measure, old, new)
    before = {each.market: each for each in (await texts(session, plan_id, version=since, principal=principal)).items}
    after = {each.market: each for each in (await texts(session, plan_id, version=to, principal=principal)).items}
    return DifferenceOut(
        plan_id=plan_id,
        since=since,
        to=to,
        added=added[:LISTED],
        removed=removed[:LISTED],
        changed=changed[:LISTED],
        texts=sorted(market for market in before.keys() | after.keys() if before.get(market) != after.get(market)),
        not_listed=sum(max(0, len(each) - LISTED) for each in (added, removed, changed)),
    )


def _path(content: Content, at: int) -> list[str]:
    return [content.tree.nodes[each].label for each in content.tree.path(at)]


def _changed(measure: Any, old: Content, new: Content) -> list[ChangedOut]:
    """The numbers that were said differently, by node and period."""
    found = []
    for at, node in enumerate(new.tree.nodes):
        before_at = old.tree.place.get(node.node_id)
        for span, each in enumerate(new.spans):
            after = new.amount(new.said.amount[at, span]) if new.said.has[at, span] else None
            before = None
            if before_at is not None and old.said.has[before_at, span]:
                before = old.amount(old.said.amount[before_at, span])
            if before != after:
                found.append(
                    ChangedOut(
                        node_id=node.node_id,
                        node=_path(new, at),
                        measure=measure,
                        period=each.key,
                        before=before,
                        after=after,
                        change=(after or Decimal()) - (before or Decimal()),
                    )
                )
    return found


async def capacity(
    session: AsyncSession,
    plan_id: UUID,
    *,
    version: int | None,
    measure: Any,
    top: UUID | None,
    principal: Principal,
) -> CapacitiesOut:
    """A node and those right below it: what is wanted of each beside the best it has done in a period of that length."""
    found = await service.find(session, plan_id, version=version, principal=principal)
    content = await service.content(session, found, measure, principal=principal)
    at = 0 if top is None else service.place_of(content, top)
    asked, population, organised = await facts.ground(session, found, principal=principal)
    zone = ZoneInfo(settings_of(session).org_timezone)
    plan = asked.calendar.like(asked.period, content.spans[0].start)
    earlier = [each for each in asked.calendar.before(plan, YEARS + 1) if each.end <= asked.business_date.day]

    def worked() -> tuple[Any, int]:
        did = facts.happened(measure, population, zone)
        nodes = credited(content.tree, organised, population.columns, did.rows, did.owner)
        first = EPOCH + timedelta(days=int(did.day.min())) if len(did.day) else None
        known = [each for each in earlier if first is not None and each.end > first]
        return facts.by_period(content.tree, nodes, did, [(each.start, each.end) for each in known]), len(known)

    done, periods = (np.zeros((0, 0)), 0) if measure not in facts.KNOWN else await asyncio.to_thread(worked)
    names = [each.key for each in earlier][len(earlier) - periods :]
    items = [_capacity(content, place, done, names) for place in (at, *content.tree.children.get(at, ()))]
    return CapacitiesOut(
        plan_id=plan_id, version=content.version, measure=measure, currency=content.currency, items=items
    )


def _capacity(content: Content, at: int, done: Any, names: Sequence[str]) -> CapacityOut:
    grid, node = content.grid, content.tree.nodes[at]
    wanted = content.amount(grid.amount[at, 0]) if grid.known[at, 0] else None
    best = int(done[at].max()) if names else 0
    reason = None
    if wanted is None:
        reason = "Nothing is wanted of it yet."
    elif content.measure == facts.MARGIN:
        reason = "Margin of earlier periods is not compared: their costs are known of few deals."
    elif not names:
        reason = "No earlier period of this length is over and known."
    elif best <= 0:
        reason = "It has done nothing in any earlier period."
    needs = None if reason or wanted is None else (wanted / content.amount(best)).quantize(SHARE, ROUND_HALF_UP)
    return CapacityOut(
        node_id=node.node_id,
        label=node.label,
        wanted=wanted,
        best=content.amount(best) if names else None,
        best_period=names[int(done[at].argmax())] if names and best > 0 else None,
        periods=len(names),
        needs=needs,
        reason=reason,
    )
