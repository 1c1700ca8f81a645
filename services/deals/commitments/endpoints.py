"""The ledger of promises over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import AwareDatetime

from libs.common.web.api import Reading, Transaction
from libs.common.web.auth import CurrentPrincipal
from libs.common.web.idempotency import IdempotencyKey
from services.deals.commitments import service
from services.deals.commitments.schemas import CommitmentIn, CommitmentOut, CommitmentsOut, EntryIn

router = APIRouter(tags=["commitments"])

AsOf = Annotated[AwareDatetime | None, Query(description="as valid at this instant")]
KnownAt = Annotated[AwareDatetime | None, Query(description="as known at this instant")]


@router.post("/commitments", status_code=201)
async def make_commitment(
    wanted: CommitmentIn, session: Transaction, principal: CurrentPrincipal, idempotency_key: IdempotencyKey = None
) -> CommitmentOut:
    """Write down a promise. The same `Idempotency-Key` and body again give the same one."""
    return await service.make(session, wanted, idempotency_key=idempotency_key, principal=principal)


@router.post("/commitments/{commitment_id}/entries", status_code=201)
async def say_of_commitment(
    commitment_id: UUID,
    wanted: EntryIn,
    session: Transaction,
    principal: CurrentPrincipal,
    idempotency_key: IdempotencyKey = None,
) -> CommitmentOut:
    """Say what became of a promise: moved, evidenced, kept, broken or withdrawn. Nothing is ever changed."""
    return await service.say(session, commitment_id, wanted, idempotency_key=idempotency_key, principal=principal)


@router.get("/deals/{deal_id}/commitments")
async def commitments_of_deal(
    deal_id: UUID, session: Reading, principal: CurrentPrincipal, as_of: AsOf = None, known_at: KnownAt = None
) -> CommitmentsOut:
    return await service.of_deal(session, deal_id, as_of=as_of, known_at=known_at, principal=principal)


@router.get("/accounts/{account_id}/commitments")
async def commitments_of_account(
    account_id: UUID, session: Reading, principal: CurrentPrincipal, as_of: AsOf = None, known_at: KnownAt = None
) -> CommitmentsOut:
    """Of the account itself and of those of its deals that you see, with the share of ours kept on time."""
    return await service.of_account(session, account_id, as_of=as_of, known_at=known_at, principal=principal)
