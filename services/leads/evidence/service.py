"""Recording and reading what is known of a lead, and handing it to deals once sales accepted the lead."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.events.leads import LeadEvidenceHanded
from libs.common.messaging import outbox
from libs.common.qualification import GATES, Entry, Gate, Lack, Standing, lacking, readings
from libs.common.qualification.elements import Key
from libs.common.qualification.gates import Wanted
from libs.common.web.auth import Principal, require
from libs.common.web.errors import Conflict
from libs.common.web.evidence import EvidenceIn
from services.leads.evidence import repository
from services.leads.evidence.repository import OfLead
from services.leads.register import service as register

QUALIFIED = "qualified"


class EvidenceBelongsToTheDeal(Conflict):
    """Sales accepted the lead; what is known is recorded with its deal from then on."""


class EvidenceLacking(Conflict):
    """The gate is enforced and not met."""


@dataclass(frozen=True, slots=True)
class Known:
    """All that is known of a lead and of those merged into it; what the gate lacks."""

    as_of: datetime
    standing: Sequence[Standing]
    entries: Sequence[OfLead]
    gate: Gate
    gate_version: int
    lacks: Sequence[Lack]


async def read(session: AsyncSession, lead_id: UUID, *, principal: Principal) -> Known:
    """What is known of a lead now. Raises LeadNotFound."""
    merged = await register.merged_into(session, lead_id, principal=principal)
    entries = await repository.of_leads(session, {lead_id, *(row.lead_id for row in merged)})
    as_of = clock.now()
    standing = readings((each.entry for each in entries), as_of=as_of)
    version, gate = await read_gate(session, principal=principal)
    return Known(as_of, standing, entries, gate, version, lacking(gate, standing))


async def record(
    session: AsyncSession,
    lead_id: UUID,
    said: EvidenceIn,
    *,
    principal: Principal,
) -> Entry:
    """Record a statement, as of now unless it says when it became known.

    Raises LeadNotFound, LeadIsGone, EvidenceBelongsToTheDeal, EvidenceFromTheFuture.
    """
    require(principal, *register.WRITERS)
    row = await register.read_lead(session, lead_id, lock=True, principal=principal)
    register.check_is_there(row)
    if row.state is not None and (row.state.verdict == "qualified" or row.state.converted_deal_id):
        raise EvidenceBelongsToTheDeal(f"Lead {lead_id} is qualified; record what is known with its deal from now on.")
    entry = said.entry(principal.subject)
    await repository.add(session, lead_id, entry, recorded_at=await outbox.stamp(session))
    return entry


async def hand_over(session: AsyncSession, ids: Collection[UUID], *, principal: Principal) -> None:
    """Tell deals what is known of those of these leads that sales accepted; each statement once.

    Called whenever leads changed, so it does not matter who accepted one: a person, a CRM, a deal that names it, or a
    merge. The caller has checked that the principal may do what led to it.
    """
    require(principal, "system", *register.WRITERS)
    if not ids:
        return
    now = await outbox.stamp(session)
    for handed in await repository.hand_over(session, ids, at=now):
        outbox.add(
            session,
            LeadEvidenceHanded(lead_id=handed.lead_id, entry=handed.entry),
            key=handed.entry.entry_id,
            version=1,
            occurred_at=handed.entry.at,
            actor=handed.entry.author,
        )


async def check_gate(session: AsyncSession, lead_id: UUID, *, principal: Principal) -> None:
    """Raise EvidenceLacking, which names what is lacking, where the gate is enforced and not met."""
    known = await read(session, lead_id, principal=principal)
    if known.gate.enforced and known.lacks:
        names = "; ".join(f"{lack.name}: {lack.reason}, wanted {lack.wanted}" for lack in known.lacks)
        raise EvidenceLacking(
            f"Lead {lead_id} cannot be qualified yet. {names}.", lacking=[lack.model_dump() for lack in known.lacks]
        )


async def read_gate(session: AsyncSession, *, principal: Principal) -> tuple[int, Gate]:  # noqa: ARG001
    """The version and rule of what has to be known before a lead is qualified; version 0 as shipped. No scope applies."""
    return await repository.gate(session, QUALIFIED) or (0, GATES[QUALIFIED])


async def set_gate(
    session: AsyncSession, *, requires: dict[Key, Wanted], enforced: bool, principal: Principal
) -> tuple[int, Gate]:
    """Change what has to be known before a lead is qualified; former versions are kept. Returns the new one."""
    require(principal, "sales_ops", "cso")
    await repository.lock_gates(session)
    known, _ = await read_gate(session, principal=principal)
    gate = Gate(name=QUALIFIED, requires=requires, enforced=enforced)
    recorded_at = await outbox.stamp(session)
    await repository.set_gate(session, gate, version=known + 1, said_by=principal.subject, recorded_at=recorded_at)
    return known + 1, gate
