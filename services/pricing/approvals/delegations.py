"""Delegations: dated, with the roles and scope that the one who delegates had; they end early when they are taken back.

They go no further than what their giver may do now, as the gateway tells it: a role or a unit that the giver lost is lost to whoever
decides in their place, as soon as it is known here. Of a giver of whom nothing was told the roles of the day hold.
"""

from collections.abc import Sequence
from dataclasses import asdict, fields
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.events.base import Received
from libs.common.events.crm import CrmRightsChanged
from libs.common.ids import new_id
from libs.common.messaging import outbox
from libs.common.web.auth import Principal, require
from libs.common.web.errors import Invalid, NotFound
from services.pricing.approvals.models import Delegation

APPROVERS = ("manager", "finance", "cso", "ceo")
LONGEST = timedelta(days=60)

_KEPT = [each.name for each in fields(Delegation) if each.name != "ended_at"]
_ADD = text(
    f"INSERT INTO approval_delegation ({', '.join(_KEPT)}) VALUES ({', '.join(f':{name}' for name in _KEPT)})"  # noqa: S608
)
_OF = text(
    f"""
    SELECT {", ".join(f"given.{name}" for name in _KEPT)}, ended.ended_at
    FROM approval_delegation given LEFT JOIN approval_delegation_end ended USING (delegation_id)
    WHERE given.from_subject = :subject OR given.to_subject = :subject ORDER BY given.starts_at DESC, given.delegation_id
    """  # noqa: S608
)
_HELD = text(
    f"""
    SELECT {", ".join(f"given.{name}" for name in _KEPT)}
    FROM approval_delegation given LEFT JOIN approval_delegation_end ended USING (delegation_id)
    WHERE given.to_subject = :subject AND given.starts_at <= :at AND given.ends_at > :at AND ended.ended_at IS NULL
    ORDER BY given.delegation_id
    """  # noqa: S608
)
_END = text(
    """
    INSERT INTO approval_delegation_end (delegation_id, ended_by, ended_at) VALUES (:delegation_id, :ended_by, :ended_at)
    ON CONFLICT DO NOTHING
    """
)


_KEEP_RIGHTS = text(
    """
    INSERT INTO known_rights AS known (subject, version, roles, scope) VALUES (:subject, :version, :roles, :scope)
    ON CONFLICT (subject) DO UPDATE
    SET version = excluded.version, roles = excluded.roles, scope = excluded.scope WHERE known.version < excluded.version
    """
)
_RIGHTS = text("SELECT subject, roles, scope FROM known_rights WHERE subject = ANY(:subjects)")
_WITHIN = text(
    """
    SELECT DISTINCT descendant FROM org_closure
    WHERE (ancestor = ANY(cast(:one AS uuid[])) AND descendant = ANY(cast(:other AS uuid[])))
       OR (ancestor = ANY(cast(:other AS uuid[])) AND descendant = ANY(cast(:one AS uuid[])))
    ORDER BY descendant
    """
)


class UnfitDelegation(Invalid):
    """A delegation to oneself, of nothing, too long, or that is over already."""


class DelegationNotFound(NotFound):
    """No such delegation of the principal's own."""


async def delegate(
    session: AsyncSession, to: str, *, starts_at: datetime | None, ends_at: datetime, note: str, principal: Principal
) -> Delegation:
    """Let somebody decide in one's place for a time. Raises UnfitDelegation."""
    require(principal, *APPROVERS)
    now = clock.now()
    begins = max(starts_at or now, now)
    if to == principal.subject:
        raise UnfitDelegation("You cannot delegate to yourself; name somebody else.")
    if ends_at <= begins or ends_at - begins > LONGEST:
        raise UnfitDelegation(f"A delegation ends after it begins and at most {LONGEST.days} days later.")
    made = Delegation(
        new_id(),
        principal.subject,
        to,
        sorted(principal.roles),
        list(principal.scope),
        begins,
        ends_at,
        note,
        await outbox.stamp(session),
    )
    await session.execute(_ADD, {name: value for name, value in asdict(made).items() if name != "ended_at"})
    return made


async def end(session: AsyncSession, delegation_id: UUID, *, principal: Principal) -> None:
    """Take a delegation back at once. Raises DelegationNotFound."""
    own = [each for each in await of(session, principal=principal) if each.from_subject == principal.subject]
    if delegation_id not in {each.delegation_id for each in own}:
        raise DelegationNotFound(f"You have no delegation {delegation_id}.")
    given = {"delegation_id": delegation_id, "ended_by": principal.subject, "ended_at": clock.now()}
    await session.execute(_END, given)


async def of(session: AsyncSession, *, principal: Principal) -> list[Delegation]:
    """Delegations from and to the principal."""
    return [Delegation(*row) for row in await session.execute(_OF, {"subject": principal.subject})]


async def deputised(session: AsyncSession, *, principal: Principal) -> list[Principal]:
    """Those for whom the principal may decide now, with what they had when they delegated and still have."""
    rows = await session.execute(_HELD, {"subject": principal.subject, "at": clock.now()})
    given = [Delegation(*row) for row in rows]
    rights = await session.execute(_RIGHTS, {"subjects": [each.from_subject for each in given]})
    known = {row.subject: row for row in rights}
    found = []
    for each in given:
        roles, scope = frozenset(each.roles), tuple(each.scope)
        if (now := known.get(each.from_subject)) is not None:
            roles &= frozenset(now.roles)
            scope = await _both(session, scope, tuple(now.scope))
        if roles and scope:
            found.append(Principal(each.from_subject, roles, scope))
    return found


async def keep_rights(
    session: AsyncSession, events: Sequence[Received[CrmRightsChanged]], *, principal: Principal
) -> None:
    """Keep what people may do now, in any order and repetition."""
    require(principal, "system")
    newest: dict[str, CrmRightsChanged] = {}
    for each in events:
        before = newest.get(each.data.subject)
        if before is None or before.version < each.data.version:
            newest[each.data.subject] = each.data
    await session.execute(
        _KEEP_RIGHTS,
        [
            {"subject": name, "version": each.version, "roles": list(each.roles), "scope": list(each.scope)}
            for name, each in sorted(newest.items())
        ],
    )


async def _both(session: AsyncSession, one: tuple[UUID, ...], other: tuple[UUID, ...]) -> tuple[UUID, ...]:
    """The units that lie within both scopes."""
    if set(one) == set(other):
        return one
    found = await session.execute(_WITHIN, {"one": list(one), "other": list(other)})
    return tuple(found.scalars())
