"""People decide about gates: a deal that waits for its lead is let into the forecast all the same, with a reason."""

from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.ids import new_id
from libs.common.organisation import scope_parameters
from libs.common.web.auth import ROLES, Principal, require
from libs.common.web.errors import Conflict, NotFound
from services.deals.ledger import repository, service
from services.deals.ledger.arrivals import arrival
from services.deals.ledger.schemas import GateOut
from services.deals.ledger.timeline import GateDecision

GATE_KEEPERS = ("manager", "sales_ops")
"""Roles that may override the gate of deals in their scope."""


class DealOutOfSight(NotFound):
    """No deal of this id that the principal may see."""


class NotHeldBack(Conflict):
    """The deal's gate is not waiting, so there is nothing to override."""


class NotOverridden(Conflict):
    """Nobody overrides the deal's gate, so there is nothing to withdraw."""


async def read(session: AsyncSession, deal_id: UUID, *, principal: Principal) -> GateOut:
    """A deal's gate with everything that people decided about it. Raises DealOutOfSight."""
    require(principal, *ROLES)
    gate = await _gate(session, deal_id, principal=principal)
    payloads = await repository.gate_decisions(session, deal_id)
    decisions = [orjson.loads(payload) for payload in payloads]
    for decision in decisions:
        del decision["deal_id"]
    return GateOut.model_validate({"deal_id": deal_id, "gate": gate, "decisions": decisions})


async def decide(
    session: AsyncSession, deal_id: UUID, *, overrides: bool, reason: str, principal: Principal
) -> GateOut:
    """Override a gate or take that back; kept for good with reason and person.

    Raises MissingRole, DealOutOfSight, NotHeldBack, NotOverridden.
    """
    require(principal, *GATE_KEEPERS)
    known = await read(session, deal_id, principal=principal)
    if overrides and known.gate != "waiting":
        raise NotHeldBack(f"Deal {deal_id} is not held back: its gate is {known.gate}.", gate=known.gate)
    if not overrides and not (known.decisions and known.decisions[-1].overrides):
        raise NotOverridden(f"Nobody overrides the gate of deal {deal_id}; it is {known.gate}.", gate=known.gate)
    decision = GateDecision(
        decision_id=new_id(),
        deal_id=deal_id,
        at=clock.now(),
        overrides=overrides,
        reason=reason,
        actor=principal.subject,
    )
    await service.take(session, arrival(decision), principal=principal)
    return await read(session, deal_id, principal=principal)


async def _gate(session: AsyncSession, deal_id: UUID, *, principal: Principal) -> str:
    found = await repository.gate_of(session, deal_id, scope_parameters(principal))
    if found is None:
        raise DealOutOfSight(f"No deal {deal_id} is known to you; it may not have arrived from the CRM yet.")
    return found
