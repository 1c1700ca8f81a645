"""Calls, judgements and adjustments by HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Response
from pydantic import AwareDatetime
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.events.crm import DealType, ValueBasis
from libs.common.web.api import Reading, Transaction
from libs.common.web.auth import CurrentPrincipal, Principal
from libs.common.web.etags import etag
from libs.common.web.idempotency import IdempotencyKey
from libs.common.web.uploads import CSV_BODY, CsvBody
from services.forecast.calls import importing, ledger, moved, reading, service
from services.forecast.calls.answers import adjustment_out, judgement_out
from services.forecast.calls.forest import Moment
from services.forecast.calls.repository import Population
from services.forecast.calls.schemas import (
    AdjustmentIn,
    AdjustmentOut,
    AdjustmentsOut,
    CallsReading,
    ImportKind,
    ImportOut,
    JudgementIn,
    JudgementOut,
    JudgementsOut,
    MovesIn,
    MovesOut,
    SeatIn,
    SeatOut,
    SubmissionIn,
    SubmissionOut,
    SubmissionPageOut,
)
from services.forecast.calls.steps import NodeKey

router = APIRouter(prefix="/forecast", tags=["calls"])

IfMatch = Annotated[str | None, Header(max_length=200)]
Cursor = Annotated[str | None, Query(max_length=500)]
Period = Annotated[str | None, Query(max_length=20, description="2026Q4, 2026-11 or FY2026")]


def _node(
    org: Annotated[UUID | None, Query(description="a unit")] = None,
    owner: Annotated[UUID | None, Query(description="a person's own deals")] = None,
) -> NodeKey | None:
    if org is not None and owner is not None:
        raise service.NodeNotNamed("org and owner: name one of them.")
    return NodeKey("unit", org) if org else NodeKey("person", owner) if owner else None


AtNode = Annotated[NodeKey | None, Depends(_node)]


def _population(
    session: AsyncSession,
    period: str | None,
    deal_type: DealType | None,
    value_basis: ValueBasis | None,
    principal: Principal,
) -> Population | None:
    if period is None:
        return None
    return service.population_of(
        session, period=period, deal_type=deal_type, value_basis=value_basis, principal=principal
    )


@router.get("/calls")
async def read_calls(
    session: Reading,
    principal: CurrentPrincipal,
    period: Annotated[str, Query(max_length=20, description="2026Q4, 2026-11 or FY2026")],
    org: Annotated[UUID | None, Query(description="a unit; without it the caller's own")] = None,
    as_of: Annotated[AwareDatetime | None, Query(description="as valid at this instant")] = None,
    known_at: Annotated[AwareDatetime | None, Query(description="as known at this instant")] = None,
    deal_type: Annotated[DealType | None, Query(description="without it all types")] = None,
    value_basis: Annotated[ValueBasis | None, Query(description="without it the organisation's own")] = None,
) -> CallsReading:
    """A unit's call and those right below it: own numbers, what is replaced from the CRM, plug, adjustments, each step."""
    population = service.population_of(
        session, period=period, deal_type=deal_type, value_basis=value_basis, principal=principal
    )
    moment = Moment(as_of=as_of, known_at=known_at)
    return await reading.calls(session, population, org=org, moment=moment, principal=principal)


@router.get("/submissions")
async def list_submissions(
    session: Reading,
    principal: CurrentPrincipal,
    node: AtNode,
    period: Period = None,
    person: Annotated[str | None, Query(max_length=200)] = None,
    current: Annotated[bool, Query(description="only calls that nobody has superseded")] = True,
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> SubmissionPageOut:
    """Calls within scope, newest first, with staleness and to-go."""
    return await reading.submissions(
        session,
        node=node,
        population=_population(session, period, None, None, principal),
        person=person,
        current_only=current,
        cursor=cursor,
        limit=limit,
        principal=principal,
    )


@router.post("/submissions", status_code=201)
async def submit(
    wanted: SubmissionIn,
    session: Transaction,
    principal: CurrentPrincipal,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> SubmissionOut:
    """Make a call; it supersedes your earlier one. The same `Idempotency-Key` and body again give the same call."""
    row = await service.submit(session, wanted, idempotency_key=idempotency_key, principal=principal)
    response.headers["Location"] = f"submissions/{row['submission_id']}"
    (out,) = await reading.with_staleness(session, [row], principal=principal)
    return out


@router.get("/judgements")
async def list_judgements(
    session: Reading,
    principal: CurrentPrincipal,
    node: AtNode,
    period: Period = None,
    deal_type: DealType | None = None,
    value_basis: ValueBasis | None = None,
    deal_id: UUID | None = None,
    mine: Annotated[bool, Query(description="only the caller's own words")] = False,
) -> JudgementsOut:
    """The newest word of each person on each deal within scope, at most 500, beside what the CRM says."""
    rows = await ledger.list_judgements(
        session,
        person=principal.subject if mine else None,
        deal_id=deal_id,
        below=node,
        population=_population(session, period, deal_type, value_basis, principal),
        principal=principal,
    )
    return JudgementsOut(
        counted=ledger.total_counted(session, rows, principal=principal), items=[judgement_out(row) for row in rows]
    )


@router.post("/judgements", status_code=201)
async def judge(
    wanted: JudgementIn, session: Transaction, principal: CurrentPrincipal, idempotency_key: IdempotencyKey = None
) -> JudgementOut:
    """Judge a deal in, out or upside for your own call. The CRM stays as it is."""
    return judgement_out(await ledger.judge(session, wanted, idempotency_key=idempotency_key, principal=principal))


@router.get("/adjustments")
async def list_adjustments(
    session: Reading, principal: CurrentPrincipal, node: AtNode, period: Period = None
) -> AdjustmentsOut:
    """The ledger of adjustments within scope, newest first, at most 500; ended ones included."""
    population = _population(session, period, None, None, principal)
    rows = await ledger.list_adjustments(session, population=population, node=node, principal=principal)
    return AdjustmentsOut(items=[adjustment_out(row) for row in rows])


@router.post("/adjustments", status_code=201)
async def adjust(
    wanted: AdjustmentIn,
    session: Transaction,
    principal: CurrentPrincipal,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> AdjustmentOut:
    """Add a delta to a node below you, with a reason and until it expires."""
    out = adjustment_out(await ledger.adjust(session, wanted, idempotency_key=idempotency_key, principal=principal))
    response.headers["ETag"] = etag(out.version)
    response.headers["Location"] = f"adjustments/{out.adjustment_id}"
    return out


@router.get("/adjustments/{adjustment_id}")
async def read_adjustment(
    adjustment_id: UUID, session: Reading, principal: CurrentPrincipal, response: Response
) -> AdjustmentOut:
    out = adjustment_out(await ledger.read_adjustment(session, adjustment_id, principal=principal))
    response.headers["ETag"] = etag(out.version)
    return out


@router.post("/adjustments/{adjustment_id}/withdraw")
async def withdraw_adjustment(
    adjustment_id: UUID,
    session: Transaction,
    principal: CurrentPrincipal,
    response: Response,
    if_match: IfMatch = None,
) -> AdjustmentOut:
    """Take an adjustment back by a new entry."""
    out = adjustment_out(await ledger.withdraw(session, adjustment_id, if_match=if_match, principal=principal))
    response.headers["ETag"] = etag(out.version)
    return out


@router.post("/organisation/preview")
async def preview_moves(wanted: MovesIn, session: Reading, principal: CurrentPrincipal) -> MovesOut:
    """Which quotas and calls of the current and the next quarter would move with these people; nothing is written."""
    return await moved.preview(session, wanted.moves, principal=principal)


@router.put("/seats/{subject}")
async def set_seat(subject: str, wanted: SeatIn, session: Transaction, principal: CurrentPrincipal) -> SeatOut:
    """Say which person of the organisation an account (`user:<id>`) is, so that they can call their own deals."""
    await service.set_seat(session, subject, person_id=wanted.person_id, principal=principal)
    return SeatOut(subject=subject, person_id=wanted.person_id)


@router.post("/imports/{kind}", openapi_extra=CSV_BODY)
async def import_csv(
    kind: ImportKind,
    body: CsvBody,
    session: Transaction,
    principal: CurrentPrincipal,
    dry_run: Annotated[bool, Query(description="read and report only")] = False,
) -> ImportOut:
    """Take past calls, quotas or adjustments over from a CSV body; refused rows are named, the others are taken."""
    return await importing.take(session, kind, body, dry_run=dry_run, principal=principal)
