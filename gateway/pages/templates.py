"""Jinja2 as the pages use it: everything escaped, nothing undefined, values written by `format`."""

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse

from gateway.pages import format as written
from gateway.pages.rooms import ROOMS, standing
from libs.common.web.api import runtime_of

HERE = Path(__file__).parent
STATIC = HERE / "static"


@cache
def static(path: str) -> str:
    """The address of a static file; it changes with the file's content, so that browsers never use an old one."""
    digest = hashlib.sha256((STATIC / path).read_bytes()).hexdigest()[:12]
    return f"/static/{path}?v={digest}"


@cache
def environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters.update(
        whole=written.whole,
        grouped=written.grouped,
        signed=written.signed,
        ago=written.ago,
        compact=written.compact,
        chance=written.chance,
        count=written.count,
        percent=written.percent,
        portion=written.portion,
        deals=written.deals,
        clock_time=written.clock_time,
        moment=written.moment,
        day_of=written.day_of,
        until=written.until,
        day=written.day,
        measure=written.measure,
        month=written.month,
        duration=written.duration,
        words=written.words,
    )
    made.globals.update(static=static, NONE=written.NONE, ROOMS=ROOMS, stands_at=standing)
    return made


def is_fragment(request: Request) -> bool:
    """Whether htmx asks for a part of the page that it already shows."""
    return request.headers.get("hx-request") == "true" and request.headers.get("hx-history-restore-request") != "true"


def _layout(request: Request) -> str:
    """The whole page; what stands below the bar of rooms; or a part that loads by itself into its place of a page."""
    if not is_fragment(request):
        return "layout.html"
    return "fragment.html" if request.headers.get("hx-target", "").endswith("#main") else "part.html"


def page(request: Request, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """A whole page, or only what htmx asks for of it. `user` is null where nobody is signed in."""
    settings = runtime_of(request).settings
    user = getattr(request.state, "user", None)
    html = (
        environment()
        .get_template(template)
        .render(
            user=user,
            csrf=getattr(request.state, "csrf", ""),
            zone=settings.org_timezone,
            currency=settings.base_currency,
            path=request.url.path,
            layout=_layout(request),
            **values,
        )
    )
    return HTMLResponse(Markup(html), status_code=status, headers={"vary": "HX-Request, HX-Target"})  # noqa: S704 - escaped by the environment
