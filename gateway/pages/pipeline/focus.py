"""The page *Focus*: the deals on which an hour of attention is worth most, which of them fit into some hours, and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Final, Literal, NamedTuple
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import RedirectResponse, Response

from gateway.auth.dependencies import CurrentUser
from gateway.pages import saying
from gateway.pages.address import CallView, DatedView
from gateway.pages.names import names_of, speakers
from gateway.pages.templates import page
from gateway.pages.views import projection_view
from gateway.proxy.client import ServiceDown, ServiceRefused, services_of
from libs.common.ids import new_id
from libs.common.web.api import Reading
from libs.common.web.auth import Principal

router = APIRouter(include_in_schema=False)

PATH: Final = "/focus"
SAYERS: Final = frozenset({"seller", "manager", "sales_ops", "cso", "admin"})
ASSUMERS: Final = frozenset({"sales_ops", "cso", "admin"})
HUNDRED: Final = Decimal(100)
Whose = Literal["together", "each"]
Text = Annotated[str, Form(max_length=4000)]
SAID: Final = ("hours", "reference", "displacement")
SHARES: Final = frozenset({"reference", "displacement", "uplift", "emphasis"})
"""What people type in percent."""


class Words(NamedTuple):
    """A term of the strategic impact in the reader's words."""

    label: str
    meaning: str


TERMS: Final[Mapping[str, Words]] = {
    "plan_gap": Words("Plan gap", "how much of what the owner's plan lacks it would close"),
    "account_tier": Words("Account tier", "how much an account of this tier counts"),
    "whitespace": Words("White space", "a product that this account never bought from us"),
    "reference": Words("Reference", "how much winning it would serve as a reference"),
    "displacement": Words("Displacement", "how far it replaces a competitor"),
}

STATED: Final[Mapping[str, str]] = {
    "owned": "stated: the account has this product",
    "potential": "stated: the account may need this product",
    "competitor": "stated: the account has it from a competitor",
    "not_applicable": "stated: the account has no use for it",
}
"""What people said of a product at an account, where that and not what was bought makes the term."""


@dataclass(frozen=True, kw_only=True)
class FocusView(DatedView):
    """Of which deals focus is shown, for how many hours, as typed, and whose."""

    PATH = PATH

    hours: str = "12"
    whose: Whose = "together"

    def question(self) -> dict[str, str]:
        """The forecast's query parameters: focus is of now."""
        return {name: text for name, text in self.asked(hours=self.hours, whose=self.whose).items() if name != "date"}


def focus_view(
    view: Annotated[DatedView, Depends(projection_view)],
    hours: Annotated[str, Query(max_length=12)] = "12",
    whose: Whose = "together",
) -> FocusView:
    """What is typed as hours is kept even where it is none."""
    shared = {each.name: getattr(view, each.name) for each in fields(DatedView)}
    return FocusView(**shared | {"date": ""}, hours=hours.strip() or "12", whose=whose)


Viewed = Annotated[FocusView, Depends(focus_view)]


@dataclass(frozen=True)
class Refused:
    """A form that was refused: of which deal, or of the assumptions (""), what was typed, and what is wrong where."""

    deal: str
    values: Mapping[str, str]
    mistakes: Mapping[str, str]
    status: int = 422


@dataclass(frozen=True, slots=True)
class Row:
    """A deal with its owner's name and the lengths of its bars, in hundredths."""

    deal: Mapping[str, Any]
    owner: str
    length: str
    points: Sequence[tuple[str, str, str]]
    """Of each known term: its name, where its bar begins and how long it is."""


@router.get(PATH)
async def focus(request: Request, session: Reading, principal: CurrentUser, view: Viewed) -> Response:
    """Which deals fill the hours best, and what came next."""
    shown = await _page(request, session, view, principal=principal)
    if "hours" in request.query_params:
        shown.headers["hx-push-url"] = view.href()
    return shown


@router.post(PATH + "/deals/{deal_id}")
async def say(
    request: Request,
    session: Reading,
    principal: CurrentUser,
    view: Viewed,
    deal_id: UUID,
    hours: Text = "",
    reference: Text = "",
    displacement: Text = "",
    once: Annotated[str, Form(max_length=64)] = "",
) -> Response:
    """Keep what is said of a deal, and show the list anew."""
    values = {"hours": hours, "reference": reference, "displacement": displacement}
    body = {name: typed(name, text) for name, text in values.items()}
    path = f"forecast/focus/deals/{deal_id}"
    return await _kept(request, session, view, path, body, Refused(str(deal_id), values, {}), once, principal=principal)


@router.post(PATH + "/assumptions")
async def assume(
    request: Request,
    session: Reading,
    principal: CurrentUser,
    view: Viewed,
    uplift: Text = "",
    hours: Text = "",
    emphasis: Text = "",
    tiers: Text = "",
    once: Annotated[str, Form(max_length=64)] = "",
) -> Response:
    """Keep what is assumed, and show the list anew."""
    form = await request.form()
    values = {"uplift": uplift, "hours": hours, "emphasis": emphasis, "tiers": tiers}
    weights = {term: str(form.get(f"weight-{term}", "")) for term in TERMS}
    body: dict[str, Any] = {name: typed(name, values[name]) for name in ("uplift", "hours", "emphasis")}
    body |= {"weights": {term: text.strip() or None for term, text in weights.items()}, "tiers": tiers_typed(tiers)}
    refused = Refused("", values | {f"weight-{term}": text for term, text in weights.items()}, {})
    return await _kept(request, session, view, "forecast/focus/assumptions", body, refused, once, principal=principal)


def typed(name: str, text: str) -> str | None:
    """A number as the forecast takes it; shares are typed in percent. What is no number is left for it to refuse."""
    number = saying.amount(text.replace("%", ""))
    if number is None or name not in SHARES:
        return number
    try:
        return str(Decimal(number) / HUNDRED)
    except InvalidOperation:
        return number


def tiers_typed(text: str) -> dict[str, str | None]:
    """`gold 100, silver 50` or a line each: the tier's name, then how much it counts in percent."""
    parts = [each.strip() for line in text.splitlines() for each in line.split(",") if each.strip()]
    pairs = [each.rpartition(" ") for each in parts]
    return {(name or share).strip(): typed("reference", share) if name else None for name, _, share in pairs}


def tiers_written(tiers: Mapping[str, str]) -> str:
    """The same way round, a line each."""
    return "\n".join(f"{name} {in_percent(share)}" for name, share in tiers.items())


def in_percent(share: str | float | None) -> str:
    """A share as people type it; nothing where nothing is said."""
    return "" if share is None else f"{Decimal(str(share)) * HUNDRED:.2f}".rstrip("0").rstrip(".")


async def _kept(
    request: Request,
    session: AsyncSession,
    view: FocusView,
    path: str,
    body: Mapping[str, Any],
    refused: Refused,
    once: str,
    *,
    principal: Principal,
) -> Response:
    names = {name.rpartition("-")[2] for name in refused.values}
    try:
        await services_of(request).post("forecast", path, body, principal=principal, idempotency_key=once or None)
    except ServiceDown as down:
        mistakes = {saying.FORM: f"{down} What you typed is kept."}
        return await _page(
            request, session, view, Refused(refused.deal, refused.values, mistakes, down.status), principal=principal
        )
    except ServiceRefused as problem:
        mistakes = saying.mistakes(problem.problem, names)
        return await _page(request, session, view, Refused(refused.deal, refused.values, mistakes), principal=principal)
    at = "assumptions" if not refused.deal else f"deal-{refused.deal}"
    return RedirectResponse(f"{view.href()}#{at}", status_code=303)


async def _page(
    request: Request, session: AsyncSession, view: FocusView, refused: Refused | None = None, *, principal: Principal
) -> Response:
    services = services_of(request)
    call = await services.get("forecast", "forecast/call", principal=principal, params=view.asked())
    view = FocusView(
        **{each.name: getattr(view, each.name) for each in fields(FocusView)} | {"period": call["period"]["key"]}
    )
    found, mistake = None, ""
    try:
        found = await services.get("forecast", "forecast/focus", principal=principal, params=view.question())
    except ServiceRefused as problem:
        if problem.status != 422:
            raise
        mistake = saying.mistakes(problem.problem, ("hours",)).get("hours") or str(problem)
    every = [*found["deals"], *found["missed"]] if found else []
    owners = {UUID(each["owner_id"]) for each in every if each["owner_id"]}
    by = found["assumptions"]["said_by"] if found else None
    names, people = (
        await names_of(session, owners, principal=principal),
        await speakers(session, {by} if by else set(), principal=principal),
    )
    rows = shown(every, {str(key): name for key, name in names.items()})
    return page(
        request,
        "pipeline/focus.html",
        status=refused.status if refused else 422 if mistake else 200,
        view=view,
        call=call,
        found=found,
        mistake=mistake,
        rows=rows[: len(found["deals"])] if found else [],
        missed=rows[len(found["deals"]) :] if found else [],
        terms=TERMS,
        stated=STATED,
        people=people,
        refused=refused,
        may_say=bool(principal.roles & SAYERS),
        may_assume=bool(principal.roles & ASSUMERS),
        in_percent=in_percent,
        tiers_written=tiers_written,
        csv_href=f"/api/v1/forecast/focus?{urlencode(view.question() | {'format': 'csv'})}",
        projection_href=CallView(**{each.name: getattr(view, each.name) for each in fields(DatedView)}).href(
            "/projection"
        ),
        once=str(new_id()),
    )


def shown(deals: Sequence[Mapping[str, Any]], names: Mapping[str, str]) -> list[Row]:
    """The deals with their bars: what an hour is worth as a share of the best one's, and the points of each term."""
    most = max((Decimal(each["by_the_hour"]) for each in deals), default=Decimal())
    return [
        Row(
            each,
            names.get(each["owner_id"] or "", f"Person {each['owner_id'][:8]}" if each["owner_id"] else "Nobody"),
            f"{Decimal(each['by_the_hour']) / most * HUNDRED:.1f}" if most else "0",
            _points(each["terms"]),
        )
        for each in deals
    ]


def _points(terms: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, str]]:
    found, at = [], 0.0
    for each in terms:
        if each["points"]:
            found.append((each["term"], f"{at:.1f}", f"{each['points']:.1f}"))
            at += each["points"]
    return found
