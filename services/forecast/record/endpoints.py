"""Accuracy by HTTP."""

from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import AwareDatetime
from starlette.responses import Response

from libs.common import money
from libs.common.events.crm import DealType, ValueBasis
from libs.common.web.api import Reading, Transaction
from libs.common.web.auth import CurrentPrincipal
from libs.common.web.errors import Invalid
from libs.common.web.idempotency import IdempotencyKey
from services.forecast.accuracy.scores import Coverage
from services.forecast.calls.steps import NodeKey
from services.forecast.champion import service as champion
from services.forecast.config import settings_of
from services.forecast.readings.endpoints import Exported
from services.forecast.readings.export import answer
from services.forecast.record import service, weighing
from services.forecast.record.export import accuracy_table
from services.forecast.record.judging import Judged, Method
from services.forecast.record.schemas import (
    AccuracyOut,
    By,
    ChampionOut,
    ChosenIn,
    ComparedOut,
    CoverageOut,
    JudgedOut,
    LevelOut,
    MethodOut,
    PartOut,
)
from services.forecast.record.service import Accuracy, Asking

router = APIRouter(prefix="/forecast", tags=["accuracy"])

_PLACES = 4


class OneNode(Invalid):
    """A unit and a person were asked for at once."""


@router.get("/accuracy", response_model=AccuracyOut)
async def read_accuracy(
    session: Reading,
    principal: CurrentPrincipal,
    form: Exported,
    org: Annotated[UUID | None, Query(description="a unit")] = None,
    owner: Annotated[UUID | None, Query(description="a person")] = None,
    by: Annotated[By, Query(description="weeks to the end, third of the period, or the nodes right below")] = "lead",
    deal_type: DealType | None = None,
    value_basis: ValueBasis | None = None,
    ahead: Annotated[int, Query(ge=0, le=4, description="locks made so many periods before the one they spoke of")] = 0,
    as_of: Annotated[AwareDatetime | None, Query(description="locks due and periods closed by this instant")] = None,
    known_at: Annotated[AwareDatetime | None, Query(description="what was frozen by this instant")] = None,
) -> AccuracyOut | Response:
    """What locks froze of the projection and of simpler methods, scored at what was closed: JSON, or a file."""
    if org is not None and owner is not None:
        raise OneNode("org and owner: name one of them.")
    node = NodeKey("unit", org) if org else NodeKey("person", owner) if owner else None
    asking = Asking(node, by, deal_type, value_basis, ahead, as_of, known_at)
    found = await service.accuracy(session, asking, principal=principal)
    reading = _shown(found, asking, settings_of(session).base_currency)
    return answer(accuracy_table(reading), form) if form else reading


@router.get("/champion")
async def read_champion(
    session: Reading,
    principal: CurrentPrincipal,
    as_of: Annotated[AwareDatetime | None, Query(description="the method that answered then")] = None,
    known_at: Annotated[AwareDatetime | None, Query(description="as known at this instant")] = None,
) -> ChampionOut:
    """Which of the two methods answers, since when and why, and what locks tell of both."""
    return await weighing.read(session, as_of=as_of, known_at=known_at, principal=principal)


@router.post("/champion", status_code=201)
async def choose_champion(
    wanted: ChosenIn,
    session: Transaction,
    principal: CurrentPrincipal,
    idempotency_key: IdempotencyKey = None,
) -> ChampionOut:
    """Decide which method answers from now on; earlier readings keep the method that answered then."""
    await champion.decide(session, wanted.method, wanted.reason, idempotency_key=idempotency_key, principal=principal)
    return await weighing.read(session, as_of=None, known_at=None, principal=principal)


def _shown(found: Accuracy, asking: Asking, currency: str) -> AccuracyOut:
    return AccuracyOut(
        as_of=found.as_of,
        known_at=found.known_at,
        node_kind=found.node.kind,
        node_id=found.node.id,
        deal_type=asking.deal_type,
        value_basis=found.value_basis,
        currency=currency,
        ahead=asking.ahead,
        by=asking.by,
        settings=found.settings,
        excluded_incomplete=found.excluded_incomplete,
        unknown_completeness=found.unknown_completeness,
        made_late=found.made_late,
        waiting=found.waiting,
        overall=JudgedOut(**_judged(found.overall, currency)),
        reliability=[
            LevelOut(said=said, came=came)
            for said, covered in found.overall.levels
            if (came := _coverage(covered)) is not None
        ],
        parts=[
            PartOut(kind=part.kind, key=part.key, label=part.label, **_judged(part.judged, currency))
            for part in found.parts
        ],
    )


def _judged(each: Judged, currency: str) -> dict[str, Any]:
    return {
        "n": each.n,
        "periods": each.periods,
        "too_early": each.too_early,
        "noise_floor": _rounded(each.floor),
        "noise_floor_remaining": _rounded(each.floor_remaining),
        "cover_95": _coverage(each.cover_95),
        "methods": [_method(method, currency) for method in each.methods],
    }


def _method(each: Method, currency: str) -> MethodOut:
    compared = each.compared
    return MethodOut(
        method=each.name,
        n=each.n,
        periods=each.periods,
        absolute_error=money.quantise(Decimal(repr(each.absolute_error)), currency),
        wape=_rounded(each.wape),
        wape_remaining=_rounded(each.wape_remaining),
        bias=_rounded(each.bias),
        bias_remaining=_rounded(each.bias_remaining),
        crps=_rounded(each.crps),
        interval_score=_rounded(each.interval_score),
        cover_80=_coverage(each.cover_80),
        foretell_wape=_rounded(each.ours),
        compared=None
        if compared is None
        else ComparedOut(
            log_ratio=round(compared.log_ratio, _PLACES),
            low=round(compared.low, _PLACES),
            high=round(compared.high, _PLACES),
        ),
        closer=each.closer,
    )


def _coverage(each: Coverage | None) -> CoverageOut | None:
    if each is None:
        return None
    share, low, high = (round(value, _PLACES) for value in (each.share, each.low, each.high))
    return CoverageOut(share=share, n=each.n, periods=each.distinct, low=low, high=high)


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, _PLACES)
