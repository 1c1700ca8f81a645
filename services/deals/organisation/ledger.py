"""Stating, revoking and beginning: the rules of who may say what of the organisation, and what is written when they do."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID, uuid5

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.ids import entity_id
from libs.common.messaging import outbox
from libs.common.organisation import sees_everything
from libs.common.web.auth import ROLES, Principal, require
from libs.common.web.errors import Conflict, Forbidden, Invalid, NotFound, Problem
from libs.common.web.idempotency import sent
from services.deals.organisation import entries, found, kept
from services.deals.organisation.schemas import State, StatementIn, StatementOut
from services.deals.organisation.standing import Kind, Refused, Statement, Why

SPEAKERS = ("sales_ops", "manager", "cso")
NEEDED: Final[Mapping[Kind, tuple[str, ...]]] = {
    "unit_created": ("name",),
    "unit_renamed": ("unit_id", "name"),
    "unit_moved": ("unit_id",),
    "unit_closed": ("unit_id", "into_id"),
    "lead_named": ("unit_id",),
    "person_joined": ("person_id", "unit_id"),
    "person_moved": ("person_id", "unit_id"),
    "person_left": ("person_id",),
}
ALLOWED: Final[Mapping[Kind, tuple[str, ...]]] = {
    "unit_created": ("unit_id", "parent_id", "name", "lead_id"),
    "unit_renamed": ("unit_id", "name"),
    "unit_moved": ("unit_id", "parent_id"),
    "unit_closed": ("unit_id", "into_id"),
    "lead_named": ("unit_id", "lead_id"),
    "person_joined": ("person_id", "unit_id"),
    "person_moved": ("person_id", "unit_id"),
    "person_left": ("person_id",),
}
FIELDS: Final = ("unit_id", "parent_id", "name", "person_id", "lead_id", "into_id")


class UnitCycle(Conflict):
    """A unit would stand below itself."""


class TwoParents(Conflict):
    """A unit would have two parents from one instant on."""


class UnknownLead(Invalid):
    """Who is named as the lead is nobody of the organisation, or has left."""


class UnitWithoutParent(Invalid):
    """A unit would belong to nothing."""


class UnknownUnit(Invalid):
    """The organisation has no such unit then."""


class UnknownPerson(Invalid):
    """The organisation has no such person."""


class ClosedUnit(Conflict):
    """The unit is closed by then."""


class UnitExists(Conflict):
    """There is such a unit already."""


class FixedUnit(Invalid):
    """The company and the line of the unassigned stay as they are."""


class UnitOutOfScope(Forbidden):
    """The statement speaks of what is not below the caller's units."""


class FieldMissing(Invalid):
    """A statement of this kind needs another field, or has one that means nothing in it."""


class StatementNotFound(NotFound):
    """There is no such statement, or the caller may not see it."""


class AlreadyBegun(Conflict):
    """What has begun cannot be revoked; say what holds from now on."""


class OthersDependOnIt(Conflict):
    """Something else that is planned would not be possible any more."""


PROBLEMS: Mapping[Why, type[Problem]] = {
    "unit_cycle": UnitCycle,
    "two_parents": TwoParents,
    "unknown_lead": UnknownLead,
    "unit_without_parent": UnitWithoutParent,
    "unknown_unit": UnknownUnit,
    "unknown_person": UnknownPerson,
    "closed_unit": ClosedUnit,
    "unit_exists": UnitExists,
    "fixed_unit": FixedUnit,
    "not_yours": UnitOutOfScope,
}


async def state(
    session: AsyncSession, wanted: Sequence[StatementIn], *, idempotency_key: str | None, principal: Principal
) -> list[StatementOut]:
    """Make statements, all or none; those of a coming instant are planned. With a key a repetition returns what was made.

    Raises FieldMissing, IdempotencyKeyReused and the problem of the first that cannot be made, with its place.
    """
    require(principal, *SPEAKERS)
    await kept.lock(session)
    request = sent(
        "org_statement", "".join(each.model_dump_json() for each in wanted), idempotency_key, principal=principal
    )
    ids = [request.id, *(uuid5(request.id, str(number)) for number in range(1, len(wanted)))]
    if not request.was_taken((await kept.digests(session, ids)).get(request.id)):
        said = understood(wanted, ids, at=await outbox.stamp(session), principal=principal)
        await allow(session, said, principal=principal)
        await keep(session, dict.fromkeys(said, request.digest), principal=principal)
    made = {each.statement_id: each for each in await listed(session, ids=ids, limit=len(ids), principal=principal)}
    return [made[each] for each in ids]


def understood(
    wanted: Sequence[StatementIn],
    ids: Sequence[UUID],
    *,
    at: datetime,
    principal: Principal,  # noqa: ARG001
) -> list[Statement]:
    """The statements as they would be kept, from now on where no time was given. Raises FieldMissing."""
    now = clock.now()
    made: list[Statement] = []
    for number, (each, identifier) in enumerate(zip(wanted, ids, strict=True)):
        values = each.model_dump(include=set(FIELDS))
        for name in FIELDS:
            if (name in NEEDED[each.kind]) and values[name] is None:
                raise FieldMissing(f"statements.{number}.{name}: {each.kind} needs it.", statement=number, field=name)
            if name not in ALLOWED[each.kind] and values[name] is not None:
                raise FieldMissing(
                    f"statements.{number}.{name}: {each.kind} has no such field; leave it out.",
                    statement=number,
                    field=name,
                )
        if each.kind == "unit_created" and values["unit_id"] is None:
            values["unit_id"] = entity_id("foretell", "unit", str(identifier))
        made.append(
            Statement(
                statement_id=identifier,
                kind=each.kind,
                valid_from=each.valid_from or now,
                recorded_at=at,
                position=number,
                **values,
            )
        )
    return made


async def allow(session: AsyncSession, said: Sequence[Statement], *, principal: Principal) -> None:
    """Raise the problem of the first of these statements that cannot be made."""
    refused = (await found.admission(session, said, principal=principal)).refused
    for number, each in enumerate(said):
        if each.statement_id in refused:
            raise problem(refused[each.statement_id], number)


def problem(refused: Refused, number: int | None = None) -> Problem:
    """The answer for a statement that cannot be made."""
    where = "" if number is None else f"statements.{number}."
    extra = {} if number is None else {"statement": number}
    return PROBLEMS[refused.why](
        f"{where}{refused.field}: {refused.reason}.", field=refused.field, value=refused.value, **extra
    )


async def keep(session: AsyncSession, said: Mapping[Statement, str], *, principal: Principal) -> set[UUID]:
    """Append statements, each with its request's digest; those that begin by now take effect. Returns the ids of new ones."""
    now = clock.now()
    rows = [kept.row_of(each, by=principal.subject, digest=digest) for each, digest in said.items()]
    added = await kept.keep(session, rows, now=now)
    begun = [each for each in said if each.statement_id in added and each.valid_from <= now]
    await entries.take_effect(session, begun, actor=principal.subject)
    return added


async def begin(session: AsyncSession, *, principal: Principal) -> int:
    """Let everything that was planned for by now take effect; how many statements began."""
    require(principal, "system")
    now = clock.now()
    if not await kept.due(session, now):
        return 0
    await kept.lock(session)
    begun = await kept.begin(session, now)
    await entries.take_effect(session, begun, actor=principal.subject)
    return len(begun)


async def revoke(session: AsyncSession, statement_id: UUID, *, principal: Principal) -> StatementOut:
    """Take a plan back before it begins. Raises StatementNotFound, AlreadyBegun, UnitOutOfScope, OthersDependOnIt."""
    require(principal, *SPEAKERS)
    await kept.lock(session)
    row = await _one(session, statement_id, principal=principal)
    if row.state == "revoked":
        return row
    if row.state == "begun" or row.valid_from <= clock.now():
        raise AlreadyBegun(
            f"This holds since {row.valid_from.isoformat()} and cannot be revoked; state what is to hold from now on."
        )
    said = Statement(**row.model_dump(include={"statement_id", "kind", "valid_from", "recorded_at", *FIELDS}))
    refused = (await found.admission(session, [said], principal=principal)).refused.get(statement_id)
    if refused is not None and refused.why == "not_yours":
        raise problem(refused)
    impeded = await found.impeded_without(session, said)
    if impeded is not None:
        raise OthersDependOnIt(
            f"What is planned for {impeded[0].valid_from.isoformat()} needs it: {impeded[1].reason}; revoke that first.",
            needed_by=impeded[0].statement_id,
        )
    await kept.revoke(session, statement_id, at=await outbox.stamp(session), by=principal.subject)
    return await _one(session, statement_id, principal=principal)


async def listed(
    session: AsyncSession,
    *,
    state: State | None = None,
    unit_id: UUID | None = None,
    person_id: UUID | None = None,
    ids: Sequence[UUID] | None = None,
    limit: int = 100,
    principal: Principal,
) -> list[StatementOut]:
    """Statements that speak of something within scope, the latest to begin first."""
    require(principal, *ROLES)
    rows = await kept.listed(
        session,
        {
            "state": state,
            "unit_id": unit_id,
            "person_id": person_id,
            "ids": None if ids is None else list(ids),
            "limit": limit,
            "sees_everything": sees_everything(principal),
            "scope": list(principal.scope),
        },
    )
    return [StatementOut.model_validate({name: row[name] for name in StatementOut.model_fields}) for row in rows]


async def _one(session: AsyncSession, statement_id: UUID, *, principal: Principal) -> StatementOut:
    rows = await listed(session, ids=[statement_id], principal=principal)
    if not rows:
        raise StatementNotFound(f"There is no statement {statement_id} that you may see.")
    return rows[0]
