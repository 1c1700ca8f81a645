"""The page on variance: why a period brought more or less than another, driver by driver."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, NamedTuple
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from gateway.auth.dependencies import CurrentUser
from gateway.pages.address import DatedView
from gateway.pages.movement.drivers import Whence, whence
from gateway.pages.templates import page
from gateway.pages.views import projection_view
from gateway.pages.waterfall import Bar, Waterfall, waterfall
from gateway.proxy.client import ServiceRefused, Services, services_of
from libs.common.web.auth import Principal

router = APIRouter(include_in_schema=False)

Against = Literal["prior_year", "prior_period", "plan"]


class Words(NamedTuple):
    """A term in the reader's words."""

    label: str
    meaning: str


TERMS: Final[Mapping[str, Words]] = {
    "opening": Words("Opening pipeline", "more or fewer deals were open when the period began"),
    "creation": Words("Creation", "more or fewer deals were created in it"),
    "win_rate": Words("Win rate", "of the deals that were decided another share was won"),
    "timing": Words("Timing", "another share of the deals was decided within the period"),
    "size": Words("Size", "a won deal brought another amount"),
    "scope": Words("Scope", "people came to this unit or left it"),
    "fx": Words("Exchange rates", "the rates of the two periods differ"),
    "unexplained": Words("Unexplained", "won deals that were neither open at the beginning nor created since"),
}


@dataclass(frozen=True, kw_only=True)
class VarianceView(DatedView):
    """Of which deals and against which other period."""

    PATH = "/movement/variance"

    against: Against = "prior_year"


@dataclass(frozen=True, slots=True)
class Row:
    """A term with its bar and, of a driver, whose it is that the bridge begins with."""

    name: str
    words: Words
    amount: Decimal
    bar: Bar
    whence: Whence | None


def variance_view(
    view: Annotated[DatedView, Depends(projection_view)], against: Against = "prior_year"
) -> VarianceView:
    """Has the parameters that the projection has."""
    return VarianceView(**{each.name: getattr(view, each.name) for each in fields(DatedView)}, against=against)


@router.get(VarianceView.PATH)
async def variance(
    request: Request, principal: CurrentUser, view: Annotated[VarianceView, Depends(variance_view)]
) -> Response:
    """From what the other period brought to what this one did."""
    services = services_of(request)
    call, told = await asyncio.gather(
        services.get("forecast", "forecast/call", principal=principal, params=view.asked()),
        _found(services, view, principal=principal),
    )
    found, no_plan = told
    if no_plan:
        view = replace(view, against="prior_year")
    view = replace(view, period=found["period"]["key"])
    picture, rows = drawn(found)
    shown = page(
        request,
        "movement/variance.html",
        view=view,
        call=call,
        found=found,
        picture=picture,
        rows=rows,
        no_plan=no_plan,
        csv_href=f"/api/v1/forecast/variance?{urlencode(view.asked(against=view.against, format='csv'))}",
    )
    if "against" in request.query_params:
        shown.headers["hx-push-url"] = view.href()
    return shown


async def _found(services: Services, view: VarianceView, *, principal: Principal) -> tuple[dict[str, Any], str | None]:
    """The bridge; from the year before, with the reason, where no plan states any driver."""
    path = "forecast/variance"
    try:
        return await services.get("forecast", path, principal=principal, params=view.asked(against=view.against)), None
    except ServiceRefused as refused:
        if view.against != "plan" or refused.status != 409:
            raise
        return await services.get("forecast", path, principal=principal, params=view.asked(against="prior_year")), str(
            refused
        )


def drawn(found: Mapping[str, Any]) -> tuple[Waterfall, list[Row]]:
    """The bridge as a picture, with a row per term, also of those that moved nothing."""
    return bridged(found, whence(found["drivers"], found["before"]["period"]["label"], found["currency"]))


def bridged(bridge: Mapping[str, Any], whose: Mapping[str, Whence]) -> tuple[Waterfall, list[Row]]:
    """A bridge as a picture with a row per term; `whose`: by driver whose it is that it begins with."""
    amounts = [Decimal(each["amount"]) for each in bridge["terms"]]
    picture = waterfall(Decimal(bridge["before"]["booked"]), amounts, Decimal(bridge["after"]["booked"]))
    rows = [
        Row(each["term"], TERMS[each["term"]], amount, bar, whose.get(each["term"]))
        for each, amount, bar in zip(bridge["terms"], amounts, picture.bars[1:-1], strict=True)
    ]
    return picture, rows
