"""Taking over what leads knew, recording what becomes known since, and saying what a stage still lacks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.events.base import Received
from libs.common.events.leads import LeadEvidenceHanded
from libs.common.messaging import outbox
from libs.common.qualification import GATES, Entry, Gate, Lack, Standing, lacking, readings
from libs.common.web.auth import ROLES, Principal, require
from libs.common.web.evidence import EvidenceIn
from services.deals.ledger import reading
from services.deals.ledger import service as ledger
from services.deals.ledger.arrivals import Arrivals, evidence, statement
from services.deals.qualification import repository
from services.deals.qualification.repository import Statement

WRITERS = ("seller", "manager", "sales_ops", "cso")
"""Roles that may record what is known of deals in their scope."""


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
    await _keep(session, statements, evidence(events), principal=principal)


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
    said: EvidenceIn,
    *,
    principal: Principal,
) -> Entry:
    """Record a statement, as of now unless it says when it became known.

    Raises NotFound outside the principal's scope, MissingRole, EvidenceFromTheFuture.
    """
    require(principal, *WRITERS)
    await reading.deal(session, deal_id, principal=principal)
    entry = said.entry(principal.subject)
    await _keep(session, [Statement(entry, deal_id=deal_id)], statement(deal_id, entry), principal=principal)
    return entry


async def _keep(
    session: AsyncSession, statements: Sequence[Statement], batch: Arrivals, *, principal: Principal
) -> None:
    """Keep statements, and let the timelines tell what follows from them."""
    await ledger.hold(session, batch, principal=principal)
    await repository.add(session, statements, recorded_at=await outbox.stamp(session))
    await ledger.take(session, batch, principal=principal)
