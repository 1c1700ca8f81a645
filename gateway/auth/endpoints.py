"""The API's door on who is asking. The sign-in pages are in `gateway.pages.sign_in`."""

from fastapi import APIRouter

from gateway.auth.dependencies import CurrentUser
from gateway.auth.schemas import Me

router = APIRouter(tags=["session"])


@router.get("/api/v1/me")
async def who_am_i(principal: CurrentUser) -> Me:
    """The caller's subject, roles and scope."""
    return Me(subject=principal.subject, roles=sorted(principal.roles), scope=list(principal.scope))
