"""The queue by HTTP, as JSON or CSV."""

import csv
import io
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response

from libs.common.web.api import Reading
from libs.common.web.auth import CurrentPrincipal
from services.leads.conversion import service as conversion
from services.leads.conversion.schemas import ChanceOut
from services.leads.register.schemas import LeadOut
from services.leads.responses.clocks import Clock
from services.leads.routing import service
from services.leads.routing.repository import Queued
from services.leads.routing.schemas import AboutOut, ClockOut, GradeCount, QueuedOut, QueueOut, Standing

router = APIRouter(prefix="/leads", tags=["queue"])

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
Word = Annotated[str | None, Query(max_length=200)]


@router.get("/queue", response_model=QueueOut)
async def queue(
    session: Reading,
    principal: CurrentPrincipal,
    standing: Standing = "waiting",
    fit: Literal["A", "B", "C"] | None = None,
    engagement: Annotated[int | None, Query(ge=1, le=3)] = None,
    source: Word = None,
    region: Word = None,
    campaign: Word = None,
    late: bool = False,
    cursor: Annotated[str | None, Query(max_length=500)] = None,
    limit: Annotated[int, Query(ge=1, le=5000)] = 50,
    form: Annotated[Literal["json", "csv"], Query(alias="format")] = "json",
) -> QueueOut | Response:
    """Leads of a standing, best grade first and newest first within a grade, with reasons and response clocks."""
    found = await service.queue(
        session,
        standing=standing,
        fit=fit,
        engagement=engagement,
        source=source,
        region=region,
        campaign=campaign,
        late_only=late,
        cursor=cursor,
        limit=limit,
        principal=principal,
    )
    states = [queued.row.state for queued, _ in found.items if queued.row.state]
    chances = await conversion.chances_of(session, states, principal=principal)
    items = [_queued(*each, chance) for each, chance in zip(found.items, chances, strict=True)]
    if form == "csv":
        return Response(_sheet(items), media_type="text/csv; charset=utf-8")
    return QueueOut(
        as_of=found.as_of,
        standing=standing,
        items=items,
        next_cursor=found.next_cursor,
        grades=[
            GradeCount.model_validate({"fit": fit, "engagement": engaged, "count": count, "late": late_ones})
            for fit, engaged, count, late_ones in found.grades
        ],
        standings={each: found.standings.get(each, 0) for each in ("waiting", "recycled", "qualified", "rejected")},
        sources=list(found.sources),
        regions=list(found.regions),
    )


@router.get("/{lead_id}/queue")
async def about(lead_id: UUID, session: Reading, principal: CurrentPrincipal) -> AboutOut:
    """Where a lead stands in the queue, with its clock."""
    found, clock, standing = await service.about(session, lead_id, principal=principal)
    state = found.row.state
    (chance,) = await conversion.chances_of(session, [state], principal=principal) if state else [None]
    queued = _queued(found, clock, chance)
    return AboutOut.model_validate({"lead_id": lead_id, "standing": standing, "queued": queued})


def _queued(queued: Queued, clock: Clock, chance: ChanceOut | None) -> QueuedOut:
    return QueuedOut(
        lead=LeadOut.of(queued.row),
        place=queued.place,
        arrived_at=queued.arrived_at,
        clock=ClockOut.of(clock),
        team_id=queued.team_id,
        duplicates=queued.duplicates,
        conversion=chance,
    )


def _sheet(items: list[QueuedOut]) -> bytes:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    columns = (
        "lead_id",
        "company",
        "grade",
        "verdict",
        "source",
        "region",
        "segment",
        "amount",
        "currency",
        "owner_id",
    )
    writer.writerow(
        (
            *columns,
            "recycled_until",
            "arrived_at",
            "due_at",
            "responded_at",
            "clock",
            "chance",
            "prior_share",
            "reasons",
        )
    )
    for each in items:
        facts = [getattr(each.lead, name) for name in (*columns, "recycled_until")]
        reasons = "; ".join(f"{why.rule} {why.points:+d}: {why.detail}" for why in each.lead.reasons)
        clock = each.clock
        chance = (each.conversion.chance, each.conversion.prior_share) if each.conversion else (None, None)
        line = (*facts, each.arrived_at, clock.due_at, clock.responded_at, clock.state, *chance, reasons)
        writer.writerow([_shown(value) for value in line])
    return buffer.getvalue().encode()


def _shown(value: Any) -> Any:
    """Text that a spreadsheet would take for a formula gets an apostrophe in front."""
    if value is None:
        return ""
    text = value.isoformat() if hasattr(value, "isoformat") else value
    return f"'{text}" if isinstance(text, str) and text.startswith(_FORMULA_STARTS) else text
