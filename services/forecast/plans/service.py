"""The rules of plans: who may make, see and change them, and how a version stands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.calendar import Period, UnknownPeriod
from libs.common.ids import entity_id, new_id
from libs.common.messaging import outbox
from libs.common.web import etags
from libs.common.web.auth import Principal, require
from libs.common.web.errors import Conflict, Forbidden, Invalid, NotFound
from libs.common.web.idempotency import sent
from services.forecast.config import settings_of
from services.forecast.plans import repository, standing
from services.forecast.plans.content import Content, load
from services.forecast.plans.schemas import PlanIn
from services.forecast.plans.spans import spans_of
from services.forecast.plans.standing import Standing
from services.forecast.plans.states import ALLOWED, NEXT, Kind
from services.forecast.rates import service as rates
from services.forecast.readings.asked import Question
from services.forecast.readings.service import UnreadablePeriod, decide

LISTED: Final = 200
EDITORS: Final = ("cso", "manager", "sales_ops")


class PlanNotFound(NotFound):
    """No such plan or version, or none that the caller may see."""


class NotYourPlan(Forbidden):
    """The plan is of a unit that the caller sees and may not plan for."""


class WrongState(Conflict):
    """What was asked is not possible with the version as it stands."""


class MeasureNotPlanned(Invalid):
    """The plan has other measures."""


class NotOfThisPlan(Invalid):
    """A node or a period that the plan does not have."""


@dataclass(frozen=True)
class Found:
    """A plan with one of its versions."""

    row: Mapping[str, Any]
    versions: Sequence[Standing]
    version: Standing


async def make(session: AsyncSession, wanted: PlanIn, *, idempotency_key: str | None, principal: Principal) -> Found:
    """A new plan with a draft that has nothing but its root. Raises what a reading of its unit raises, and IdempotencyKeyReused."""
    require(principal, *EDITORS)
    request = sent("plan", wanted.model_dump_json(), idempotency_key, principal=principal)
    known = await repository.plan(session, request.id, principal=principal)
    if known is not None and request.was_taken(known["request_digest"]):
        return await find(session, request.id, principal=principal)
    asked = await decide(session, Question(wanted.period, wanted.org), principal=principal)
    await may_plan(session, asked.org.unit_id, principal=principal)
    configured = settings_of(session)
    period = asked.period
    at = await outbox.stamp(session)
    row = {
        "plan_id": request.id,
        "name": wanted.name,
        "kind": wanted.kind,
        "unit_id": asked.org.unit_id,
        "period_key": period.key,
        "period_start": period.start,
        "period_end": period.end,
        "spans": [span.document for span in spans_of(configured.calendar, period)],
        "deal_type": wanted.deal_type,
        "value_basis": wanted.value_basis or configured.call_basis,
        "measures": list(dict.fromkeys(wanted.measures)),
        "currency": configured.base_currency,
        "rate_set": await _rate_set(session, period),
        "made_by": principal.subject,
        "made_at": at,
        "request_digest": request.digest,
    }
    if not await repository.append(session, "plan", [row]):
        return await find(session, request.id, principal=principal)
    await note(session, request.id, 1, "drafted", what="made", principal=principal)
    root = {
        "plan_id": request.id, "version": 1, "sequence": 1, "node_id": root_of(request.id), "parent_id": None,
        "dimension": "unit", "value": str(asked.org.unit_id), "label": asked.org.name, "position": 0,
        "organisational": True, "removed": False,
    }  # fmt: skip
    await repository.append(session, "plan_node", [root])
    return await find(session, request.id, principal=principal)


def root_of(plan_id: UUID) -> UUID:
    """The id of a plan's root: the same in all its versions."""
    return entity_id("foretell", "plan-node", f"{plan_id}:root")


async def _rate_set(session: AsyncSession, period: Period) -> str:
    """The one set of rates that holds for a period: its fiscal year's own, else the default."""
    configured = settings_of(session)
    held = await rates.load(session, known_at=None, base=configured.base_currency)
    of_year = any(year.start <= period.start < year.end for year in held.years)
    return f"{configured.calendar.year(period.start).key}" if of_year else "default"


async def renew(
    session: AsyncSession, plan_id: UUID, *, since: int | None, idempotency_key: str | None, principal: Principal
) -> Found:
    """A new draft with all that stands in an earlier version, else in the newest.

    Raises PlanNotFound, NotYourPlan, WrongState while another draft waits, IdempotencyKeyReused.
    """
    require(principal, *EDITORS)
    return await begin(session, plan_id, since=since, idempotency_key=idempotency_key, principal=principal)


async def begin(
    session: AsyncSession, plan_id: UUID, *, since: int | None, idempotency_key: str | None, principal: Principal
) -> Found:
    """The same for whoever may decide about the plan, which the caller has checked. Raises as `renew` but MissingRole."""
    await repository.alone(session, plan_id)
    found = await find(session, plan_id, version=since, principal=principal)
    request = sent("plan-version", f"{plan_id}:{since}", idempotency_key, principal=principal)
    known = await repository.entry(session, request.id)
    if known is not None and request.was_taken(known["request_digest"]):
        return await find(session, plan_id, version=known["version"], principal=principal)
    await may_plan(session, found.row["unit_id"], principal=principal)
    for each in found.versions:
        if each.state in ("draft", "proposed"):
            raise WrongState(
                f"Version {each.version} of {found.row['name']!r} is {each.state}; {NEXT[each.state]} first."
            )
    number = max(each.version for each in found.versions) + 1
    await note(
        session,
        plan_id,
        number,
        "drafted",
        what=f"from version {found.version.version}",
        entry_id=request.id,
        digest=request.digest,
        principal=principal,
    )
    await repository.copy(session, plan_id, since=found.version.version, to=number)
    return await find(session, plan_id, version=number, principal=principal)


async def find(session: AsyncSession, plan_id: UUID, *, version: int | None = None, principal: Principal) -> Found:
    """A plan within scope with a version, the newest if none is named. Raises PlanNotFound."""
    row = await repository.plan(session, plan_id, principal=principal)
    if row is None:
        raise PlanNotFound(f"There is no plan {plan_id} here, or you may not see it.")
    versions = standing.of_entries(await repository.entries(session, [plan_id], principal=principal))[plan_id]
    chosen = versions[-1] if version is None else next((each for each in versions if each.version == version), None)
    if chosen is None:
        raise PlanNotFound(
            f"version: plan {row['name']!r} has the versions 1 to {versions[-1].version}, not {version}."
        )
    return Found(row, versions, chosen)


async def listed(session: AsyncSession, *, period: str | None, unit: UUID | None, principal: Principal) -> list[Found]:
    """Plans within scope, each with the version that holds, else its newest. Raises UnreadablePeriod."""
    days: tuple[date, date] | None = None
    if period is not None:
        try:
            asked = settings_of(session).calendar.parse(period)
        except UnknownPeriod as error:
            raise UnreadablePeriod(f"period: {error}.") from None
        days = asked.start, asked.end
    rows = await repository.plans(session, period=days, unit=unit, limit=LISTED, principal=principal)
    entries = await repository.entries(session, [row["plan_id"] for row in rows], principal=principal)
    versions = standing.of_entries(entries)
    return [Found(row, versions[row["plan_id"]], standing.shown(versions[row["plan_id"]])) for row in rows]


async def content(session: AsyncSession, found: Found, measure: str, *, principal: Principal) -> Content:
    """What stands in a version. Raises MeasureNotPlanned."""
    if measure not in found.row["measures"]:
        raise MeasureNotPlanned(
            f"measure: plan {found.row['name']!r} is of {', '.join(found.row['measures'])}, not of {measure}; "
            "measures are never mixed."
        )
    return await load(session, found.row, found.version.version, found.version.sequence, measure, principal=principal)


async def open_draft(session: AsyncSession, plan_id: UUID, *, if_match: str | None, principal: Principal) -> Found:
    """The newest version, to be changed by the caller alone until this transaction ends.

    Raises PlanNotFound, NotYourPlan, WrongState, VersionHasMoved.
    """
    require(principal, *EDITORS)
    await repository.alone(session, plan_id)
    found = await find(session, plan_id, principal=principal)
    await may_plan(session, found.row["unit_id"], principal=principal)
    etags.check(if_match, found.version.sequence, noun=noun(found))
    check(found, "edited")
    return found


def check(found: Found, kind: Kind) -> None:
    """Raises WrongState unless this may be done with the version."""
    if found.version.state not in ALLOWED[kind]:
        raise WrongState(f"{noun(found)} is {found.version.state} and cannot be {kind}; {NEXT[found.version.state]}.")


def noun(found: Found) -> str:
    """How a version is called in words."""
    return f"Version {found.version.version} of plan {found.row['name']!r}"


async def note(
    session: AsyncSession,
    plan_id: UUID,
    version: int,
    kind: Kind,
    *,
    what: str,
    note: str = "",
    sequence: int = 1,
    entry_id: UUID | None = None,
    digest: str = "",
    principal: Principal,
) -> datetime:
    """Write what is done with a version, and by whom. Returns when."""
    at = await outbox.stamp(session)
    entry = {
        "entry_id": entry_id or new_id(),
        "plan_id": plan_id,
        "version": version,
        "sequence": sequence,
        "kind": kind,
        "what": what,
        "note": note or None,
        "made_by": principal.subject,
        "made_at": at,
        "request_digest": digest,
    }
    await repository.append(session, "plan_entry", [entry])
    return at


async def may_plan(session: AsyncSession, unit: UUID, *, principal: Principal) -> None:
    """Raises NotYourPlan for a unit that does not lie within the caller's scope."""
    for top in principal.scope:
        if await repository.is_below(session, unit, top=top):
            return
    raise NotYourPlan(f"You may not plan for unit {unit}: it does not lie within your units.")


def place_of(content: Content, node_id: UUID) -> int:
    """Where a node stands. Raises NotOfThisPlan."""
    at = content.tree.place.get(node_id)
    if at is None:
        raise NotOfThisPlan(f"node_id: the plan has no node {node_id}.")
    return at


def span_of(content: Content, period: str) -> int:
    """Where a period stands. Raises NotOfThisPlan."""
    at = content.span_at.get(period)
    if at is None:
        known = ", ".join(content.span_at)
        raise NotOfThisPlan(f"period: the plan has {known}, not {period!r}.")
    return at


async def alone(session: AsyncSession, plan_id: UUID, *, principal: Principal) -> None:
    """Let nobody else write of a plan within scope until this transaction ends. Raises PlanNotFound."""
    await repository.alone(session, plan_id)
    if await repository.plan(session, plan_id, principal=principal) is None:
        raise PlanNotFound(f"There is no plan {plan_id} here, or you may not see it.")
