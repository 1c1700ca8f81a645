"""Stating, revoking and beginning: the rules of who may say what of the organisation, and what is written when they do."""

from collections.abc import Mapping, Sequence
from uuid import UUID, uuid5

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.messaging import outbox
from libs.common.organisation import sees_everything
from libs.common.web.auth import ROLES, Principal, require
from libs.common.web.errors import Conflict, NotFound
from libs.common.web.idempotency import sent
from services.deals.organisation import entries, found, kept
from services.deals.organisation.answers import FIELDS, SPEAKERS, allow, problem, understood
from services.deals.organisation.schemas import State, StatementIn, StatementOut
from services.deals.organisation.standing import Statement


class StatementNotFound(NotFound):
    """There is no such statement, or the caller may not see it."""


class AlreadyBegun(Conflict):
    """What has begun cannot be revoked; say what holds from now on."""


class OthersDependOnIt(Conflict):
    """Something else that is planned would not be possible any more."""


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
