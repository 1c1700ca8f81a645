"""Makes the gateway's app show pages: static files, security headers, and problems that people can read."""

import contextlib
from collections.abc import Awaitable, Callable
from typing import cast
from urllib.parse import quote

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from gateway.auth.dependencies import NotSignedIn, current_user
from gateway.config import Settings
from gateway.pages.headers import SecurityHeaders
from gateway.pages.templates import STATIC, is_fragment, page
from gateway.proxy.client import ServiceDown, ServiceRefused
from libs.common.runtime import Runtime
from libs.common.web import errors
from libs.common.web.errors import Problem

Handler = Callable[[Request, Exception], Awaitable[Response]]

TITLES = {
    401: "Please sign in",
    403: "This is not yours to see",
    404: "There is nothing here",
    422: "That cannot be shown",
    503: "A part of Foretell does not answer",
}
_NO_PAGES = ("/api/", "/webhooks/", "/static/", "/events", "/healthz", "/readyz", "/metrics", "/openapi.json")


def customise(app: FastAPI, runtime: Runtime) -> None:
    """Add what routers cannot: called once, after the routers."""
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    settings = runtime.settings
    https = isinstance(settings, Settings) and settings.public_url.startswith("https://")
    app.add_middleware(SecurityHeaders, https=https)
    for kind in (Problem, HTTPException, Exception):
        _for_people(app, kind)
    app.add_exception_handler(ServiceRefused, _refused)


def wants_page(request: Request) -> bool:
    """Whether a person's browser asks, not a program."""
    return "text/html" in request.headers.get("accept", "") and not request.url.path.startswith(_NO_PAGES)


def _for_people(app: FastAPI, kind: type[Exception]) -> None:
    for_programs = cast("Handler", app.exception_handlers[kind])

    async def handle(request: Request, error: Exception) -> Response:
        if not wants_page(request):
            return await for_programs(request, error)
        if isinstance(error, NotSignedIn):
            return sign_in_first(request)
        await _recognise(request)
        if isinstance(error, Problem):
            return problem_page(request, error.status, error.detail, service=error.extra.get("service"))
        if isinstance(error, HTTPException):
            return problem_page(request, error.status_code, f"{request.url.path} leads nowhere.")
        told = await for_programs(request, error)  # logs it, and knows what passes by itself
        return problem_page(request, told.status_code, "It has been logged. What you see elsewhere is not affected.")

    app.add_exception_handler(kind, handle)


async def _recognise(request: Request) -> None:
    """Let the page of a problem still greet its reader; what fails while doing so is not the problem at hand."""
    if request.method == "GET" and not hasattr(request.state, "user"):
        with contextlib.suppress(Exception):
            await current_user(request)


async def _refused(request: Request, error: Exception) -> Response:
    if not isinstance(error, ServiceRefused):
        raise TypeError("only for refusals of services")
    if wants_page(request):
        return problem_page(request, error.status, str(error))
    return errors.answer(error.status, "ServiceRefused", str(error))


def sign_in_first(request: Request) -> Response:
    """Send a browser to the sign-in page and, afterwards, back to where it wanted to go."""
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    to = "/sign-in" if wanted == "/" or request.method != "GET" else f"/sign-in?next={quote(wanted, safe='')}"
    if is_fragment(request):
        return Response(status_code=401, headers={"HX-Redirect": to})
    return RedirectResponse(to, status_code=303)


def problem_page(request: Request, status: int, detail: str, *, service: str | None = None) -> Response:
    hint = None
    if status == ServiceDown.status:
        hint = (
            f"Only what the {service} service knows is missing. The other pages stay up, changes from the CRM are kept, "
            "and this page works again as soon as the service does."
            if service
            else "Changes from the CRM are kept. Try again shortly."
        )
    title = TITLES.get(status, "Something went wrong" if status >= 500 else "That did not work")
    response = page(request, "problem.html", status=status, status_code=status, title=title, detail=detail, hint=hint)
    if status == ServiceDown.status:
        response.headers["retry-after"] = "2"
    return response
