"""The pages on connections: which CRMs are connected and how they do, and the document of one, to be tried and put."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Literal, cast

from fastapi import APIRouter, Form, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import RedirectResponse, Response

from gateway.auth.dependencies import CurrentUser
from gateway.config import Settings
from gateway.connections import service
from gateway.connections.documents import Mistake, WrongDocument, parsed_one, written
from gateway.connections.schemas import ConnectionDetail, ConnectionOut, ProviderName, PutResult
from gateway.connectors import beside
from gateway.connectors.beside import Refused
from gateway.deliveries import service as deliveries
from gateway.deliveries.schemas import Arrivals
from gateway.pages.templates import page
from gateway.proxy.client import ServiceDown, ServiceRefused, services_of
from gateway.reconciliation import service as reconciliation
from gateway.reconciliation.schemas import ComparisonDetail, ComparisonOut
from gateway.trials import service as trials
from gateway.trials.schemas import Movement, TrialOut
from libs.common import clock
from libs.common.web.api import Reading, Transaction, runtime_of
from libs.common.web.auth import Principal, require
from libs.common.web.errors import Conflict, Invalid

router = APIRouter(include_in_schema=False)

HOURS = 24
CELLS_SHOWN = 50
RECORDS_SHOWN = 100
CRMS: dict[ProviderName, str] = {
    "hubspot": "HubSpot",
    "salesforce": "Salesforce",
    "pipedrive": "Pipedrive",
    "dataverse": "Microsoft Dynamics 365",
    "standard": "In-house, by Standard Webhooks",
    "generic": "Any CRM, by its document",
}
READINGS = {
    "lines": "product lines",
    "splits": "splits",
    "competitors": "competitors",
    "activity": "calls, mails and meetings",
}
"""What a CRM may refuse to tell beside its records, in words."""
UNVERIFIED = frozenset(CRMS) - {"standard"}
"""Built from documentation and public vectors; no live account has been behind them yet."""


@dataclass(frozen=True)
class Row:
    """A connection of the list with what has come from it; ages in seconds, None where there is nothing to be old."""

    connection: ConnectionOut
    arrivals: Arrivals
    last_age_s: float | None
    waiting_age_s: float | None
    compared: ComparisonOut | None
    compared_age_s: float | None


@dataclass(frozen=True)
class Compared:
    """What the page of a connection shows of its CRM: the last comparison tried, the newest that was made, and what differed in that.

    `difference` is None for those who may not see deals of others.
    """

    compared: ComparisonOut | None
    made: ComparisonOut | None
    difference: ComparisonDetail | None
    refused: Sequence[Refused] = ()
    """What the CRM does not let the connection read beside its records."""


@router.get("/connections")
async def connections(request: Request, session: Reading, principal: CurrentUser) -> Response:
    """All connections: where their CRMs send to, what has come, and what still waits."""
    now = clock.now()
    found = await service.listed(session, settings=_settings(request), principal=principal)
    arrived = await deliveries.arrived(session, principal=principal, since=now - timedelta(hours=HOURS))
    compared = await reconciliation.newest(session, principal=principal)
    rows = [_row(each, arrived[each.key], compared.get(each.key), now) for each in found if each.key in arrived]
    refused = await beside.refused(session, [each.key for each in found])
    return page(
        request,
        "intake/connections.html",
        rows=rows,
        refused=refused,
        readings=READINGS,
        crms=CRMS,
        unverified=UNVERIFIED,
        hours=HOURS,
    )


@router.get("/connections/{key}")
async def connection(
    request: Request,
    session: Reading,
    principal: CurrentUser,
    key: str,
    put: PutResult | None = None,
    wished: bool = False,
) -> Response:
    """A connection's document and its last comparison. `put` says what has just been done with it, `wished` that one is wished for."""
    found = await service.detail(session, key, settings=_settings(request), principal=principal)
    compared = await _compared(session, key, principal)
    return _shown(request, principal, found, compared, put=put, wished=wished)


@router.post("/connections/{key}/comparisons")
async def compare_now(request: Request, session: Transaction, principal: CurrentUser, key: str) -> Response:
    """Have a connection compared, and go back to it."""
    await reconciliation.wish(session, key, settings=_settings(request), principal=principal)
    return RedirectResponse(f"/connections/{key}?wished=true#comparison", status_code=303)


@router.post("/connections/{key}")
async def submitted(
    request: Request,
    principal: CurrentUser,
    key: str,
    document: Annotated[str, Form()] = "",
    act: Annotated[Literal["try", "put"], Form()] = "try",
) -> Response:
    """Try the document that was typed, or put it. A mistake is shown beside what was typed, and nothing is stored."""
    require(principal, "sales_ops")
    database, settings = runtime_of(request).database, _settings(request)
    async with database.reading() as session:
        found = await service.detail(session, key, settings=settings, principal=principal)
        compared = await _compared(session, key, principal)
    try:
        wanted = parsed_one(document)
        service.check_key(wanted, key)
        if act == "put":
            async with database.transaction() as session:
                result = await service.put(session, wanted, settings=settings, principal=principal)
            return RedirectResponse(f"/connections/{key}?put={result}", status_code=303)
        trial = await trials.run(database, services_of(request), wanted, settings=settings, principal=principal)
    except (WrongDocument, Invalid, Conflict) as wrong:
        return _shown(request, principal, found, compared, typed=document, mistakes=_mistakes(wrong))
    except (ServiceDown, ServiceRefused) as error:
        return _shown(request, principal, found, compared, typed=document, trouble=str(error), status=error.status)
    return _shown(request, principal, found, compared, typed=document, trial=trial)


def _mistakes(wrong: WrongDocument | Invalid | Conflict) -> Sequence[Mistake]:
    if isinstance(wrong, WrongDocument):
        return wrong.mistakes
    return [Mistake(str(wrong), "key" if isinstance(wrong, service.OtherKey) else "")]


def _shown(
    request: Request,
    principal: Principal,
    found: ConnectionDetail,
    compared: Compared,
    *,
    typed: str | None = None,
    mistakes: Sequence[Mistake] = (),
    trial: TrialOut | None = None,
    trouble: str | None = None,
    put: PutResult | None = None,
    wished: bool = False,
    status: int = 200,
) -> Response:
    text = written(found.document) if typed is None else typed.replace("\r\n", "\n")
    return page(
        request,
        "intake/connection.html",
        status=422 if mistakes else status,
        connection=found,
        crm=CRMS[found.provider],
        is_unverified=found.provider in UNVERIFIED,
        text=text,
        lines=min(max(text.count("\n") + 2, 12), 40),
        mistakes=mistakes,
        trial=trial,
        bars=bars(trial.forecast.moved) if trial and trial.forecast else [],
        trouble=trouble,
        put=put,
        wished=wished,
        compared=compared.compared,
        made=compared.made,
        difference=compared.difference,
        refused=compared.refused,
        readings=READINGS,
        CELLS=CELLS_SHOWN,
        RECORDS=RECORDS_SHOWN,
        may_change=bool(principal.roles & {"sales_ops", "admin"}),
    )


async def _compared(session: AsyncSession, key: str, principal: Principal) -> Compared:
    last = (await reconciliation.newest(session, principal=principal)).get(key)
    made = (await reconciliation.newest(session, principal=principal, only_compared=True)).get(key)
    refused = (await beside.refused(session, [key])).get(key, ())
    if made is None or not principal.roles & reconciliation.SEE_DEALS:
        return Compared(last, made, None, refused)
    return Compared(last, made, await reconciliation.detail(session, made.comparison_id, principal=principal), refused)


def _row(connection: ConnectionOut, arrivals: Arrivals, compared: ComparisonOut | None, now: datetime) -> Row:
    return Row(
        connection,
        arrivals,
        _age_s(arrivals.last_at, now),
        _age_s(arrivals.oldest_waiting_at, now),
        compared,
        _age_s(compared.begun_at if compared else None, now),
    )


def _age_s(at: datetime | None, now: datetime) -> float | None:
    return None if at is None else max(0.0, (now - at).total_seconds())


@dataclass(frozen=True)
class Bar:
    """The picture of one difference: `x` and `width` in thousandths, from the middle to the left (less) or right (more)."""

    x: str
    width: str


def bars(moved: Sequence[Movement]) -> list[Bar]:
    """Lengths in proportion to the amounts, the largest of them half of the width."""
    largest = max((abs(each.amount) for each in moved), default=Decimal())
    if not largest:
        return [Bar("500.00", "0.00")] * len(moved)
    lengths = [each.amount * 500 / largest for each in moved]
    return [Bar(f"{500 + min(length, Decimal()):.2f}", f"{abs(length):.2f}") for length in lengths]


def _settings(request: Request) -> Settings:
    return cast("Settings", runtime_of(request).settings)
