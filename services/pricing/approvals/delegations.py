"""Delegations: dated, with the roles and scope that the one who delegates had; they end early when they are taken back."""

from dataclasses import asdict, fields
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
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
    """Those for whom the principal may decide now, with the roles and scope they had when they delegated."""
    rows = await session.execute(_HELD, {"subject": principal.subject, "at": clock.now()})
    found = [Delegation(*row) for row in rows]
    return [Principal(each.from_subject, frozenset(each.roles), tuple(each.scope)) for each in found]
