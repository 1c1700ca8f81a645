"""Errors named for the business, answered as problem+json (RFC 9457).

Problem
├── Unauthorised 401      who are you?
├── Forbidden 403         not yours
├── NotFound 404
├── Conflict 409          not in this state
├── PreconditionFailed 412  somebody was faster
├── TooLarge 413
├── UnsupportedType 415
├── Invalid 422           we understand, but no
├── TooMany 429
└── Unavailable 503       try again
"""

import re
from typing import Any, ClassVar

import orjson
from asyncpg import PostgresError
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from libs.common.db import is_passing
from libs.common.observe.log import get_logger

log = get_logger(__name__)

MEDIA_TYPE = "application/problem+json"


class Problem(Exception):
    """Base of all answers that are not a success. `detail` says what happened, to what, and what to do."""

    status: ClassVar[int] = 500
    headers: ClassVar[dict[str, str]] = {}

    def __init__(self, detail: str, **extra: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.extra = extra


class Unauthorised(Problem):
    status = 401
    headers: ClassVar[dict[str, str]] = {"WWW-Authenticate": "Bearer"}


class Forbidden(Problem):
    status = 403


class NotFound(Problem):
    status = 404


class Conflict(Problem):
    status = 409


class PreconditionFailed(Problem):
    status = 412


class TooLarge(Problem):
    status = 413


class UnsupportedType(Problem):
    status = 415


class Invalid(Problem):
    status = 422


class TooMany(Problem):
    status = 429


class Unavailable(Problem):
    status = 503
    headers: ClassVar[dict[str, str]] = {"Retry-After": "2"}


def slug(name: str) -> str:
    """`DealAlreadyClosed` -> `deal-already-closed`, the stable `type` of a problem."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


def answer(
    status: int, kind: str, detail: str, *, extra: dict[str, Any] | None = None, headers: dict[str, str] | None = None
) -> Response:
    """A problem+json response; `kind` is the class name or slug."""
    name = slug(kind)
    body = {"type": f"urn:foretell:problem:{name}", "title": name.replace("-", " "), "status": status, "detail": detail}
    return Response(
        orjson.dumps(body | (extra or {}), default=str), status_code=status, media_type=MEDIA_TYPE, headers=headers
    )


_NO_TEXT = ("22021", "22P05")
"""PostgreSQL's states for a character that it cannot hold as text, and as text in JSON."""

_SECRET_PATH = re.compile(r"^(/webhooks/[^/]*/|/shared-plan/|/sign-in/).+")


def shown_path(request: Request) -> str:
    """The request's path for logs and answers. What follows a connection's key may be its secret, and so are the tokens of links."""
    return _SECRET_PATH.sub(r"\1…", request.url.path)


def install(app: FastAPI) -> None:
    """Give an app these answers for its own errors, the framework's, and everything unforeseen."""

    @app.exception_handler(Problem)
    async def _problem(_: Request, error: Problem) -> Response:
        return answer(error.status, type(error).__name__, error.detail, extra=error.extra, headers=dict(error.headers))

    @app.exception_handler(RequestValidationError)
    async def _invalid(_: Request, error: RequestValidationError) -> Response:
        fields = [
            {"field": ".".join(str(part) for part in found["loc"]), "message": found["msg"]} for found in error.errors()
        ]
        first = fields[0] if fields else {"field": "request", "message": "is invalid"}
        return answer(422, "Invalid", f"{first['field']}: {first['message']}", extra={"errors": fields})

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        names = {404: "NotFound", 405: "MethodNotAllowed"}
        detail = f"{request.method} {shown_path(request)}: {error.detail}"
        return answer(
            error.status_code, names.get(error.status_code, "HttpError"), detail, headers=dict(error.headers or {})
        )

    @app.exception_handler(DBAPIError)
    @app.exception_handler(PostgresError)
    async def _refused_by_the_database(request: Request, error: DBAPIError | PostgresError) -> Response:
        cause = error.orig if isinstance(error, DBAPIError) else error
        if getattr(cause, "sqlstate", None) not in _NO_TEXT:
            raise error
        detail = f"{request.method} {shown_path(request)}: a text holds a character that no database keeps (NUL); leave it out."
        return answer(422, "Invalid", detail)

    @app.exception_handler(Exception)
    async def _unforeseen(request: Request, error: Exception) -> Response:
        if is_passing(error):
            log.warning(
                "dependency unavailable", path=shown_path(request), reason=f"{type(error).__name__}: {error}"[:300]
            )
            return answer(
                503, "Unavailable", "A part of the system is unavailable; try again.", headers=Unavailable.headers
            )
        log.error("request failed", path=shown_path(request), exc_info=error)
        return answer(500, "Unforeseen", "Something unforeseen happened; it has been logged.")
