"""Taking over what leads knew, recording what becomes known since, and saying what a stage still lacks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.events.base import Received
from libs.common.events.leads import LeadEvidenceHanded
from libs.common.ids import new_id
from libs.common.messaging import outbox
from libs.common.qualification import GATES, Entry, Gate, Lack, Standing, lacking, readings
from libs.common.qualification.elements import Key
from libs.common.qualification.evidence import Said
from libs.common.web.auth import ROLES, Principal, require
from libs.common.web.errors import Invalid
from services.deals.ledger import reading
from services.deals.qualification import repository
from services.deals.qualification.repository import Statement

WRITERS = ("seller", "manager", "sales_ops", "cso")
"""Roles that may record what is known of deals in their scope."""


class EvidenceFromTheFuture(Invalid):
    """A statement was dated later than now."""


@dataclass(frozen=True, slots=True)
class Known:
    """All that is known of a deal; what each gate lacks."""

    as_of: datetime
    standing: Sequence[Standing]
    statements: Sequence[Statement]
    gates: Sequence[tuple[Gate, Sequence[Lack]]]


async def take(session: AsyncSession, events: Sequence[Received[LeadEvidenceHanded]], *, principal: Principal) -> None:
    """Keep what was handed over, in any order and repetition, before the deal or the lead is known too."""
    require(principal, "system")
    statements = [Statement(event.data.entry, lead_id=event.data.lead_id) for event in events]
    await repository.add(session, statements, recorded_at=await outbox.stamp(session))


async def read(session: AsyncSession, deal_id: UUID, *, principal: Principal) -> Known:
    """What is known of a deal now. Raises NotFound outside the principal's scope."""
    require(principal, *ROLES)
    await reading.deal(session, deal_id, principal=principal)
    statements = await repository.of_deal(session, deal_id)
    as_of = clock.now()
    standing = readings((each.entry for each in statements), as_of=as_of)
    return Known(as_of, standing, statements, [(gate, lacking(gate, standing)) for gate in GATES.values()])


async def record(
    session: AsyncSession,
    deal_id: UUID,
    *,
    element: Key,
    state: Said,
    source: str,
    note: str,
    at: datetime | None,
    half_life_days: int | None,
    principal: Principal,
) -> Entry:
    """Record a statement, as of now unless `at` says when it became known.

    Raises NotFound outside the principal's scope, MissingRole, EvidenceFromTheFuture.
    """
    require(principal, *WRITERS)
    await reading.deal(session, deal_id, principal=principal)
    now = clock.now()
    if at is not None and at > now:
        raise EvidenceFromTheFuture(f"{at.isoformat()} is not yet; say when it became known, or leave the time out.")
    entry = Entry(
        entry_id=new_id(),
        element=element,
        state=state,
        source=source,
        note=note,
        author=principal.subject,
        at=at or now,
        half_life_days=half_life_days,
    )
    await repository.add(session, [Statement(entry, deal_id=deal_id)], recorded_at=await outbox.stamp(session))
    return entry
