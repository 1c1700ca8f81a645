"""Who is asking: `CurrentUser` for every endpoint of the gateway that people and programs may call.

A browser comes with the session cookie and, on unsafe methods, must repeat the session's CSRF token; a program comes
with `Authorization: Bearer <key>`. The internal tokens between components are not accepted here.
"""

from typing import Annotated

from fastapi import Depends, Request

from gateway.auth import service
from gateway.auth.tokens import KEY_PREFIX, csrf_token, same
from libs.common.web.api import runtime_of
from libs.common.web.auth import Principal
from libs.common.web.errors import Forbidden, Unauthorised

COOKIE = "foretell_session"
CSRF_HEADER = "X-CSRF-Token"
CSRF_FIELD = "csrf"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


class NotSignedIn(Unauthorised):
    """No valid session and no valid key came with the request."""


class CrossSiteRequest(Forbidden):
    """An unsafe request did not come from one of our own pages."""


def refuse_other_sites(request: Request) -> None:
    """Refuse what a browser says was sent from another site. Raises CrossSiteRequest."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise CrossSiteRequest("This request came from another site; open Foretell itself and try again.")


async def current_user(request: Request) -> Principal:
    """The caller. Raises NotSignedIn or CrossSiteRequest."""
    scheme, _, credential = request.headers.get("authorization", "").partition(" ")
    if scheme:
        return await _by_key(request, credential.strip() if scheme.lower() == "bearer" else "")
    token = request.cookies.get(COOKIE)
    if not token:
        raise NotSignedIn("Sign in, or send an API key as 'Authorization: Bearer <key>'.")
    async with runtime_of(request).database.reading() as session:
        user = await service.user_of_session(session, token)
    if user is None:
        raise NotSignedIn("The session has ended; sign in again.")
    if request.method not in _SAFE:
        await _check_csrf(request, token)
    request.state.user = user
    request.state.csrf = csrf_token(token)
    return user.principal


async def _by_key(request: Request, key: str) -> Principal:
    if key.startswith(KEY_PREFIX):
        async with runtime_of(request).database.reading() as session:
            principal = await service.principal_of_key(session, key)
        if principal is not None:
            return principal
    raise NotSignedIn("The API key is unknown or was withdrawn; create one with 'python -m gateway api-key'.")


async def _check_csrf(request: Request, token: str) -> None:
    refuse_other_sites(request)
    given = request.headers.get(CSRF_HEADER)
    if given is None and request.headers.get("content-type", "").startswith(_FORMS):
        field = (await request.form()).get(CSRF_FIELD)
        given = field if isinstance(field, str) else None
    if given is None or not same(given, csrf_token(token)):
        raise CrossSiteRequest(f"The request lacks this session's {CSRF_HEADER}; reload the page and try again.")


CurrentUser = Annotated[Principal, Depends(current_user)]
