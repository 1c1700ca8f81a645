"""The organisation over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import AwareDatetime

from libs.common.web.api import Reading, Transaction
from libs.common.web.auth import CurrentPrincipal
from libs.common.web.idempotency import IdempotencyKey
from libs.common.web.uploads import CSV_BODY, CsvBody
from services.deals.organisation import importing, ledger, moved, service
from services.deals.organisation.schemas import (
    ImportOut,
    OrganisationThen,
    PeopleOut,
    PreviewOut,
    State,
    StatementOut,
    StatementsIn,
    StatementsOut,
    TreeOut,
    VacanciesOut,
)

router = APIRouter(prefix="/organisation", tags=["organisation"])


@router.get("/tree")
async def get_tree(session: Reading, principal: CurrentPrincipal) -> TreeOut:
    return await service.tree(session, principal=principal)


@router.get("/people")
async def get_people(session: Reading, principal: CurrentPrincipal) -> PeopleOut:
    return await service.people(session, principal=principal)


@router.get("/at")
async def get_organisation(
    session: Reading,
    principal: CurrentPrincipal,
    as_of: AwareDatetime | None = None,
    known_at: AwareDatetime | None = None,
) -> OrganisationThen:
    """The organisation at an instant, past or coming, as known at another."""
    return await service.then(session, as_of=as_of, known_at=known_at, principal=principal)


@router.get("/vacancies")
async def get_vacancies(session: Reading, principal: CurrentPrincipal) -> VacanciesOut:
    """The vacant lines: open deals whose owners have left."""
    return await service.vacancies(session, principal=principal)


@router.post("/statements", status_code=201)
async def make_statements(
    wanted: StatementsIn,
    session: Transaction,
    principal: CurrentPrincipal,
    idempotency_key: IdempotencyKey = None,
) -> StatementsOut:
    """Say what holds of units and people from an instant on, all of it or nothing; a coming instant makes a plan."""
    made = await ledger.state(session, wanted.statements, idempotency_key=idempotency_key, principal=principal)
    return StatementsOut(statements=made)


@router.get("/statements")
async def list_statements(
    session: Reading,
    principal: CurrentPrincipal,
    state: State | None = None,
    unit_id: UUID | None = None,
    person_id: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> StatementsOut:
    """What was stated, the latest to begin first; `state=planned` lists what has not begun."""
    found = await ledger.listed(
        session, state=state, unit_id=unit_id, person_id=person_id, limit=limit, principal=principal
    )
    return StatementsOut(statements=found)


@router.post("/statements/{statement_id}/revoke")
async def revoke_statement(statement_id: UUID, session: Transaction, principal: CurrentPrincipal) -> StatementOut:
    """Take a plan back before it begins."""
    return await ledger.revoke(session, statement_id, principal=principal)


@router.post("/preview")
async def preview_statements(wanted: StatementsIn, session: Reading, principal: CurrentPrincipal) -> PreviewOut:
    """Which people, open deals and money would move from where to where; nothing is said by asking."""
    return await moved.preview(session, wanted.statements, principal=principal)


@router.post("/imports", openapi_extra=CSV_BODY)
async def import_csv(
    body: CsvBody,
    session: Transaction,
    principal: CurrentPrincipal,
    dry_run: Annotated[bool, Query(description="read and report only")] = False,
) -> ImportOut:
    """Make the statements of a CSV body; refused lines are named, the others are made."""
    return await importing.take(session, body, dry_run=dry_run, principal=principal)
