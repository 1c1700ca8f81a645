"""From a draft to the plan that holds: proposed, approved by somebody else, active until another takes its place."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.events.forecast import (
    PlanActivated,
    PlanApproved,
    PlanProposed,
    PlanReturned,
    PlanState,
    PlanSuperseded,
)
from libs.common.messaging import outbox
from libs.common.web import etags
from libs.common.web.auth import Principal, require, require_person
from libs.common.web.errors import Conflict, Forbidden, Invalid
from services.forecast.plans import holding, repository, service
from services.forecast.plans.service import Found
from services.forecast.plans.states import Kind

EVENTS: Final[Mapping[str, type[PlanState]]] = {
    "proposed": PlanProposed,
    "returned": PlanReturned,
    "approved": PlanApproved,
    "activated": PlanActivated,
    "superseded": PlanSuperseded,
}
APPROVERS: Final = ("cso", "ceo", "manager")
EVERYWHERE: Final = frozenset({"cso", "ceo", "admin", "system"})
"""Roles that approve plans of their own unit; a manager approves those of units below."""


class NotSeen(Invalid):
    """A decision without saying what it is about."""


class OwnPlan(Forbidden):
    """Nobody approves what they wrote."""


class OffItsTotal(Invalid):
    """A plan above wants something else of this unit, and nobody said why."""


class NothingPlanned(Conflict):
    """A version without any number is no plan."""


class PlanCovered(Conflict):
    """A unifying plan of a unit above holds in that period."""


class PlanOverlaps(Conflict):
    """Another plan of the same unit holds in a part of the period, or in more than that."""


async def propose(
    session: AsyncSession, plan_id: UUID, *, note: str, if_match: str | None, principal: Principal
) -> Found:
    """Ask for the newest version to be approved. Raises what `service.open_draft` raises, and NothingPlanned."""
    require(principal, *service.EDITORS)
    found = await _taken(session, plan_id, if_match, "proposed", principal=principal)
    await service.may_plan(session, found.row["unit_id"], principal=principal)
    amounts = await _amounts(session, found, principal=principal)
    if not amounts:
        raise NothingPlanned(f"{service.noun(found)} says no number; give it one, then propose it.")
    return await _write(session, found, "proposed", amounts, note=note, principal=principal)


async def send_back(
    session: AsyncSession, plan_id: UUID, *, note: str, if_match: str | None, principal: Principal
) -> Found:
    """Make a proposed version a draft again: its authors, or who could approve it. Raises what `approve` raises but OwnPlan."""
    found = await _taken(session, plan_id, if_match, "returned", principal=principal)
    if principal.subject not in found.version.authors:
        may_approve(found, principal)
    amounts = await _amounts(session, found, principal=principal)
    return await _write(session, found, "returned", amounts, note=note, principal=principal)


async def approve(
    session: AsyncSession, plan_id: UUID, *, note: str, if_match: str | None, principal: Principal
) -> Found:
    """Approve a proposed version that the caller has seen and did not write; from then on it never changes.

    Raises PlanNotFound, MissingRole, NotAPerson, OwnPlan, NotYourPlan, OffItsTotal, NotSeen, VersionHasMoved, WrongState.
    """
    found = await _taken(session, plan_id, if_match, "approved", principal=principal)
    may_approve(found, principal)
    require_person(principal, "Plans are approved")
    if principal.subject in found.version.authors:
        raise OwnPlan(
            f"{service.noun(found)} was written by {', '.join(found.version.authors)}; somebody else has to approve it."
        )
    amounts = await _amounts(session, found, principal=principal)
    if not note.strip():
        await _require_its_total(session, found, amounts)
    return await _write(session, found, "approved", amounts, note=note, principal=principal)


async def _require_its_total(session: AsyncSession, found: Found, amounts: Mapping[str, Decimal]) -> None:
    above = await holding.bound(session, found.row)
    wanted = amounts.get(holding.BOOKINGS)
    if above is not None and (above.amount, above.currency) != (wanted, found.row["currency"]):
        said = "nothing" if wanted is None else f"{wanted} {found.row['currency']}"
        raise OffItsTotal(
            f"note: plan {above.name!r} in force wants {above.amount} {above.currency} of {found.row['unit_name']}, and "
            f"{service.noun(found)} says {said}. Say why it is approved all the same, or send it back."
        )


async def activate(
    session: AsyncSession, plan_id: UUID, *, note: str, if_match: str | None, principal: Principal
) -> Found:
    """Make an approved version the one that holds. What held for its unit and period is superseded, and below it too if it unifies.

    Raises PlanNotFound, MissingRole, NotYourPlan, NotSeen, VersionHasMoved, WrongState, PlanCovered, PlanOverlaps.
    """
    require(principal, "cso", "ceo", "manager", "sales_ops")
    await repository.alone_in_activating(session)
    seen = await service.find(session, plan_id, principal=principal)
    others = await _others(session, seen)
    for each in sorted({plan_id, *(other["plan_id"] for other in others)}):
        await repository.alone(session, each)
    found = await _taken(session, plan_id, if_match, "activated", principal=principal)
    await service.may_plan(session, found.row["unit_id"], principal=principal)
    for other in others:
        await _supersede(session, other, by=found, principal=principal)
    amounts = await _amounts(session, found, principal=principal)
    return await _write(session, found, "activated", amounts, note=note, principal=principal)


async def _taken(
    session: AsyncSession, plan_id: UUID, if_match: str | None, kind: Kind, *, principal: Principal
) -> Found:
    """The version that a decision is about, as the caller has seen it. Of two at once the second finds the first done."""
    await repository.alone(session, plan_id)
    found = await service.find(session, plan_id, principal=principal)
    if kind == "activated":
        waiting = [each for each in found.versions if each.state == "approved"]
        found = Found(found.row, found.versions, waiting[-1] if waiting else found.version)
    if if_match is None or if_match.strip() == "*":
        raise NotSeen(
            f'If-Match: say which state of {service.noun(found)} you have seen, by the ETag that it was read with, such as "3".'
        )
    service.check(found, kind)
    etags.check(if_match, found.version.sequence, noun=service.noun(found))
    return found


def may_approve(found: Found, principal: Principal) -> None:
    """Whether the caller judges plans of this unit. Raises MissingRole, or NotYourPlan for a manager at their own unit."""
    require(principal, *APPROVERS)
    if not principal.roles & EVERYWHERE and found.row["unit_id"] in principal.scope:
        raise service.NotYourPlan(
            f"{service.noun(found)} is of your own unit; whoever leads the unit above, a CSO or a CEO approves it."
        )


async def _others(session: AsyncSession, found: Found) -> Sequence[Mapping[str, Any]]:
    """The versions that this one takes the place of. Raises PlanCovered, PlanOverlaps."""
    row = found.row
    holding = await repository.active(
        session,
        period=(row["period_start"], row["period_end"]),
        deal_type=row["deal_type"],
        value_basis=row["value_basis"],
        at=None,
    )
    units = {each["unit_id"]: each["above"] or [] for each in holding}
    units[row["unit_id"]] = await repository.above(session, row["unit_id"])
    found_others = []
    for other in holding:
        is_same = other["unit_id"] == row["unit_id"]
        same_days = (other["period_start"], other["period_end"]) == (row["period_start"], row["period_end"])
        if is_same and not same_days and other["plan_id"] != row["plan_id"]:
            raise PlanOverlaps(
                f"Plan {other['name']!r} of the same unit holds from {other['period_start']} to before "
                f"{other['period_end']}; a unit has one plan for a day."
            )
        if not is_same and other["kind"] == "unifying" and other["unit_id"] in units[row["unit_id"]]:
            raise PlanCovered(
                f"Plan {other['name']!r} of a unit above is unifying and holds in this period; change that plan, or make it federated."
            )
        is_below = row["unit_id"] in units[other["unit_id"]]
        if is_same or (is_below and row["kind"] == "unifying"):
            found_others.append(other)
    return found_others


async def _supersede(session: AsyncSession, other: Mapping[str, Any], *, by: Found, principal: Principal) -> None:
    """End a version; whoever may activate what is above it may end it, even where they see no more of it than that."""
    system = Principal.system("forecast")
    held = await service.find(session, other["plan_id"], version=other["version"], principal=system)
    amounts = await _amounts(session, held, principal=system)
    what = f"by version {by.version.version} of {by.row['name']!r}"
    await _write(session, held, "superseded", amounts, what=what, principal=principal)


async def _amounts(session: AsyncSession, found: Found, *, principal: Principal) -> dict[str, Decimal]:
    """What a version wants of its unit in the whole period, by measure."""
    amounts: dict[str, Decimal] = {}
    for measure in found.row["measures"]:
        content = await service.content(session, found, measure, principal=principal)
        if content.grid.known[0, 0]:
            amounts[measure] = content.amount(content.grid.amount[0, 0])
    return amounts


async def _write(
    session: AsyncSession,
    found: Found,
    kind: Kind,
    amounts: Mapping[str, Decimal],
    *,
    note: str = "",
    what: str = "",
    principal: Principal,
) -> Found:
    """Write the step and say so. Entries of a plan are counted, so that the events of one plan stand in one order."""
    row, version = found.row, found.version
    at = await service.note(
        session,
        row["plan_id"],
        version.version,
        kind,
        what=what or kind,
        note=note,
        sequence=version.sequence + 1,
        principal=principal,
    )
    told = EVENTS[kind](
        version=version.version,
        amounts=dict(amounts),
        made_by=principal.subject,
        made_at=at,
        **{
            name: row[name]
            for name in PlanState.model_fields
            if name not in ("version", "amounts", "made_by", "made_at")
        },
    )
    number = await repository.count(session, row["plan_id"])
    outbox.add(session, told, key=row["plan_id"], version=number, occurred_at=at, actor=principal.subject)
    return await service.find(session, row["plan_id"], version=version.version, principal=Principal.system("forecast"))
