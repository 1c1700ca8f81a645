"""`GET /api/v1/people?ids=...`: ids to names."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from gateway.auth.dependencies import CurrentUser
from gateway.people import service
from gateway.people.schemas import PeopleOut, PersonOut
from libs.common.web.api import Reading

router = APIRouter(prefix="/api/v1/people", tags=["people"])


@router.get("")
async def people(
    session: Reading, principal: CurrentUser, ids: Annotated[list[UUID], Query(min_length=1, max_length=500)]
) -> PeopleOut:
    """Names of at most 500 people, in the order of the ids; an unknown one has no name."""
    known = await service.names(session, ids, principal=principal)
    return PeopleOut(items=[PersonOut(id=each, name=known.get(each)) for each in ids])
