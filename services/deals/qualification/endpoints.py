"""Evidence of deals by HTTP."""

from uuid import UUID

from fastapi import APIRouter

from libs.common.web.api import Reading, Transaction
from libs.common.web.auth import CurrentPrincipal
from libs.common.web.evidence import EvidenceIn, LackOut, elements, statement
from services.deals.qualification import service
from services.deals.qualification.schemas import (
    EvidenceOut,
    StageGateOut,
)
from services.deals.qualification.service import Known

router = APIRouter(prefix="/deals", tags=["qualification"])


@router.get("/{deal_id}/evidence")
async def read_evidence(deal_id: UUID, session: Reading, principal: CurrentPrincipal) -> EvidenceOut:
    """Each element of BANT and MEDDPICC as it stands, what each gate lacks, and all statements, those of its leads too."""
    return _out(deal_id, await service.read(session, deal_id, principal=principal))


@router.post("/{deal_id}/evidence", status_code=201)
async def record_evidence(
    deal_id: UUID, wanted: EvidenceIn, session: Transaction, principal: CurrentPrincipal
) -> EvidenceOut:
    """Record a statement about an element; `void` takes back what was said about it before. Nothing is ever changed."""
    await service.record(session, deal_id, wanted, principal=principal)
    return _out(deal_id, await service.read(session, deal_id, principal=principal))


def _out(deal_id: UUID, known: Known) -> EvidenceOut:
    gates = [
        StageGateOut(
            name=gate.name, requires=dict(gate.requires), lacking=[LackOut.model_validate(lack) for lack in lacks]
        )
        for gate, lacks in known.gates
    ]
    entries = [statement(of.entry, of.lead_id) for of in known.statements]
    return EvidenceOut(
        deal_id=deal_id, as_of=known.as_of, elements=elements(known.standing), gates=gates, entries=entries
    )
