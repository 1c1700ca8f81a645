"""Price policies by HTTP."""

from fastapi import APIRouter

from libs.common.web.api import Reading, Transaction
from libs.common.web.auth import CurrentPrincipal
from services.pricing.policies import service
from services.pricing.policies.schemas import PoliciesOut, PolicyIn, PolicyOut

router = APIRouter(prefix="/price-policies", tags=["policies"])


@router.get("")
async def list_versions(session: Reading, principal: CurrentPrincipal) -> PoliciesOut:
    """All versions, newest first; one of them is in force."""
    held = await service.in_force(session, principal=principal)
    rows = await service.list_versions(session, principal=principal)
    return PoliciesOut(items=[PolicyOut.of(row, document, in_force=held.version) for row, document in rows])


@router.post("", status_code=201)
async def publish(wanted: PolicyIn, session: Transaction, principal: CurrentPrincipal) -> PolicyOut:
    """Publish a version; with `after` only if that one is still the newest."""
    row = await service.publish(
        session,
        wanted.document,
        note=wanted.note,
        valid_from=wanted.valid_from,
        after=wanted.after,
        principal=principal,
    )
    held = await service.in_force(session, principal=principal)
    return PolicyOut.of(row, wanted.document, in_force=held.version)
