"""Evidence by HTTP: what is known of a lead, recording it, and what has to be known."""

from uuid import UUID

from fastapi import APIRouter

from libs.common.qualification.gates import Gate
from libs.common.web.api import Reading, Transaction
from libs.common.web.auth import CurrentPrincipal
from libs.common.web.evidence import EvidenceIn, LackOut, elements, statement
from services.leads.evidence import service
from services.leads.evidence.schemas import (
    EvidenceOut,
    GateIn,
    GateOut,
    GateRule,
)
from services.leads.evidence.service import Known

router = APIRouter(prefix="/leads", tags=["evidence"])


@router.get("/gate")
async def read_gate(session: Reading, principal: CurrentPrincipal) -> GateRule:
    """What has to be known before a lead is qualified."""
    return _rule(*await service.read_gate(session, principal=principal))


@router.put("/gate")
async def set_gate(wanted: GateIn, session: Transaction, principal: CurrentPrincipal) -> GateRule:
    """Change that. Needs the role sales_ops or cso."""
    return _rule(
        *await service.set_gate(session, requires=wanted.requires, enforced=wanted.enforced, principal=principal)
    )


@router.get("/{lead_id}/evidence")
async def read_evidence(lead_id: UUID, session: Reading, principal: CurrentPrincipal) -> EvidenceOut:
    """Each element of BANT and MEDDPICC as it stands, what is lacking for qualification, and all statements."""
    return _out(lead_id, await service.read(session, lead_id, principal=principal))


@router.post("/{lead_id}/evidence", status_code=201)
async def record_evidence(
    lead_id: UUID, wanted: EvidenceIn, session: Transaction, principal: CurrentPrincipal
) -> EvidenceOut:
    """Record a statement about an element; `void` takes back what was said about it before. Nothing is ever changed."""
    await service.record(session, lead_id, wanted, principal=principal)
    return _out(lead_id, await service.read(session, lead_id, principal=principal))


def _rule(version: int, gate: Gate) -> GateRule:
    return GateRule(name=gate.name, version=version, enforced=gate.enforced, requires=dict(gate.requires))


def _out(lead_id: UUID, known: Known) -> EvidenceOut:
    gate = GateOut(
        **_rule(known.gate_version, known.gate).model_dump(),
        lacking=[LackOut.model_validate(lack) for lack in known.lacks],
    )
    entries = [statement(of.entry, of.lead_id) for of in known.entries]
    return EvidenceOut(
        lead_id=lead_id, as_of=known.as_of, elements=elements(known.standing), gate=gate, entries=entries
    )
