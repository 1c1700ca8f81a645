"""The pages that let a person in and out."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from gateway.auth import service
from gateway.auth.dependencies import COOKIE, CurrentUser, refuse_other_sites
from gateway.auth.limits import AttemptLimit
from gateway.auth.models import SignedIn
from gateway.auth.service import LinkSpent, WrongPassword
from gateway.config import Settings
from gateway.pages.templates import page
from libs.common import clock
from libs.common.web.api import Reading, Transaction, runtime_of

router = APIRouter(include_in_schema=False)

HOME = "/call"
_by_address = AttemptLimit(attempts=20, window_s=300)
_by_mail = AttemptLimit(attempts=8, window_s=300)


def local_path(wanted: str | None) -> str:
    """Where to go after signing in: a path of ours, never another site."""
    if not wanted or not wanted.startswith("/") or wanted.startswith(("//", "/\\")) or "\n" in wanted or "\r" in wanted:
        return HOME
    return wanted


@router.get("/sign-in")
async def sign_in_page(request: Request, next: str = HOME) -> Response:  # noqa: A002 - the query's name
    return page(request, "sign_in.html", message=None, email="", next=local_path(next))


@router.post("/sign-in")
async def sign_in(
    request: Request,
    session: Transaction,
    email: Annotated[str, Form(max_length=320)],
    password: Annotated[str, Form(max_length=1024)],
    next: Annotated[str, Form(max_length=2000)] = HOME,  # noqa: A002
) -> Response:
    """Sign in by mail and password; 20 attempts per address and 8 per mail in five minutes."""
    refuse_other_sites(request)
    address, mail, at = _address(request), email.strip().lower(), clock.monotonic()
    if not (_by_address.allows(address, at=at) and _by_mail.allows(mail, at=at)):
        wait = max(_by_address.wait_s(address, at=at), _by_mail.wait_s(mail, at=at))
        message = f"Too many attempts; try again in {wait} s."
        refused = page(request, "sign_in.html", status=429, message=message, email=email, next=local_path(next))
        refused.headers["retry-after"] = str(wait)
        return refused
    try:
        signed_in = await service.sign_in_by_password(session, mail, password=password)
    except WrongPassword as wrong:
        return page(request, "sign_in.html", status=401, message=str(wrong), email=email, next=local_path(next))
    return _welcome(request, signed_in, local_path(next))


@router.get("/sign-in/{token}")
async def sign_in_link_page(request: Request, session: Reading, token: str) -> Response:
    """Show whom the link signs in. Reading it does not use it up: mail scanners and previews open links too."""
    if not _by_address.allows(_address(request), at=clock.monotonic()):
        return page(request, "sign_in_link.html", status=429, name=None, message="Too many attempts; try again later.")
    try:
        user = await service.user_of_link(session, token)
    except LinkSpent as spent:
        return page(request, "sign_in_link.html", status=401, name=None, message=str(spent))
    return page(request, "sign_in_link.html", name=user.name, email=user.email)


@router.post("/sign-in/{token}")
async def sign_in_by_link(request: Request, session: Transaction, token: str) -> Response:
    refuse_other_sites(request)
    try:
        signed_in = await service.sign_in_by_link(session, token)
    except LinkSpent as spent:
        return page(request, "sign_in_link.html", status=401, name=None, message=str(spent))
    return _welcome(request, signed_in, HOME)


@router.post("/sign-out")
async def sign_out(request: Request, session: Transaction, _: CurrentUser) -> Response:
    await service.sign_out(session, request.cookies.get(COOKIE, ""))
    response = RedirectResponse("/sign-in", status_code=303)
    response.delete_cookie(COOKIE, path="/")
    return response


def _welcome(request: Request, signed_in: SignedIn, to: str) -> Response:
    response = RedirectResponse(to, status_code=303)
    response.set_cookie(
        COOKIE,
        signed_in.token,
        max_age=int(service.SESSION_LIVES.total_seconds()),
        path="/",
        httponly=True,
        samesite="lax",
        secure=is_https(request),
    )
    return response


def is_https(request: Request) -> bool:
    """Whether people reach us by https, by the configured public address; never by a header anyone can send."""
    settings = runtime_of(request).settings
    return isinstance(settings, Settings) and settings.public_url.startswith("https://")


def _address(request: Request) -> str:
    return request.client.host if request.client else "unknown"
