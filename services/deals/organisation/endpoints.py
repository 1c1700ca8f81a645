"""The organisation over HTTP."""

from fastapi import APIRouter

from libs.common.web.api import Reading
from libs.common.web.auth import CurrentPrincipal
from services.deals.organisation import service
from services.deals.organisation.schemas import PeopleOut, TreeOut

router = APIRouter(prefix="/organisation", tags=["organisation"])


@router.get("/tree")
async def get_tree(session: Reading, principal: CurrentPrincipal) -> TreeOut:
    return await service.tree(session, principal=principal)


@router.get("/people")
async def get_people(session: Reading, principal: CurrentPrincipal) -> PeopleOut:
    return await service.people(session, principal=principal)
