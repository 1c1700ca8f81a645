"""Deliveries over HTTP: list, detail, replay, summary."""

from typing import Annotated, cast
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request
from pydantic import AwareDatetime

from gateway.audit import service as audit_trail
from gateway.auth.dependencies import CurrentUser
from gateway.config import Settings
from gateway.connectors.bells import ARRIVED, bell
from gateway.deliveries import editing, records, service
from gateway.deliveries.asked import Selection
from gateway.deliveries.schemas import (
    DeliveryDetail,
    DeliveryPage,
    EditIn,
    EditOut,
    ItemRecord,
    RecordOut,
    ReplayIn,
    ReplayOut,
    ReplayPlan,
    State,
    Summary,
    WaitingList,
)
from libs.common.web.api import Reading, Transaction, runtime_of

router = APIRouter(prefix="/api/v1/deliveries", tags=["deliveries"])


@router.get("")
async def deliveries(
    session: Reading,
    principal: CurrentUser,
    connection: str | None = None,
    state: State | None = None,
    external_id: Annotated[str | None, Query(max_length=200)] = None,
    text: Annotated[str | None, Query(max_length=200)] = None,
    since: AwareDatetime | None = None,
    until: AwareDatetime | None = None,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> DeliveryPage:
    """Deliveries, newest first.

    `external_id` is of a record in them, `text` stands in the reason, field or value of an item, `since` and `until` (excluded)
    are times of arrival.
    """
    asked = Selection(connection=connection, state=state, external_id=external_id, text=text, since=since, until=until)
    return await service.listed(session, asked, principal=principal, cursor=cursor, limit=limit)


@router.get("/waiting")
async def waiting(
    session: Reading,
    principal: CurrentUser,
    older_than_s: Annotated[float, Query(ge=0, le=86400)] = 5.0,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> WaitingList:
    """Accepted, not yet effective: unread deliveries and items that wait for a fetch, with age and reason. Empty when all is well."""
    return await service.waiting(session, principal=principal, older_than_s=older_than_s, limit=limit)


@router.post("/replay")
async def replay_selected(
    asked: ReplayIn, request: Request, session: Transaction, principal: CurrentUser
) -> ReplayPlan:
    """Read all parked deliveries again that meet what is given; needs the role sales_ops. A dry run only says which those are."""
    selection = asked.selection()
    done = await service.replay_selected(session, selection, dry_run=asked.dry_run, principal=principal)
    if not asked.dry_run:
        detail = selection.shown() | {"deliveries": done.deliveries, "items": done.items}
        await audit_trail.record(
            session, "deliveries.replayed", actor=principal.subject, on="delivery:*", detail=detail
        )
        bell(runtime_of(request), ARRIVED).set()
    return done


@router.get("/summary")
async def summary(
    session: Reading, principal: CurrentUser, hours: Annotated[int, Query(ge=1, le=24 * 31)] = 24
) -> Summary:
    """What the last hours brought, by connection and outcome."""
    return await service.summary(session, principal=principal, hours=hours)


@router.get("/records/{connection}/{object_type}/{external_id:path}")
async def record(
    connection: str, object_type: str, external_id: str, session: Reading, principal: CurrentUser
) -> RecordOut:
    """Where each value of a deal or lead is known from: who changed it in the CRM, when, and the delivery; needs the role sales_ops."""
    return await records.record(
        session, connection=connection, object_type=object_type, external_id=external_id, principal=principal
    )


@router.get("/{delivery_id}")
async def delivery(delivery_id: UUID, session: Reading, principal: CurrentUser) -> DeliveryDetail:
    """One delivery with its items and raw body; needs the role sales_ops."""
    return await service.detail(session, delivery_id, principal=principal)


@router.get("/{delivery_id}/editable")
async def editable(delivery_id: UUID, request: Request, session: Reading, principal: CurrentUser) -> list[ItemRecord]:
    """The parked items that can be edited, with their records as they were read; needs the role sales_ops."""
    return await editing.records(session, delivery_id, settings=_settings(request), principal=principal)


@router.put("/{delivery_id}/items/{position}/edit")
async def edit(
    delivery_id: UUID,
    position: Annotated[int, Path(ge=0, le=2**31 - 1)],
    wanted: EditIn,
    request: Request,
    session: Transaction,
    principal: CurrentUser,
) -> EditOut:
    """Change fields of a parked item's record and read it again with them; needs the role sales_ops. What came stays as it is."""
    done = await editing.edit(session, delivery_id, position, wanted, settings=_settings(request), principal=principal)
    bell(runtime_of(request), ARRIVED).set()
    return done


@router.post("/{delivery_id}/replay")
async def replay(delivery_id: UUID, request: Request, session: Transaction, principal: CurrentUser) -> ReplayOut:
    """Read the parked items of a delivery again; needs the role sales_ops."""
    done = await service.replay(session, delivery_id, principal=principal)
    await audit_trail.record(session, "delivery.replayed", actor=principal.subject, on=f"delivery:{delivery_id}")
    bell(runtime_of(request), ARRIVED).set()
    return done


def _settings(request: Request) -> Settings:
    return cast("Settings", runtime_of(request).settings)
