"""Periods by HTTP: their states, finance's closings, and late wins."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import money
from libs.common.web.api import Reading, Transaction
from libs.common.web.auth import CurrentPrincipal
from libs.common.web.paging import UnreadableCursor, decode_cursor, encode_cursor
from services.forecast.config import settings_of
from services.forecast.periods import service
from services.forecast.periods.schemas import (
    ChangedOut,
    ChangeIn,
    DecisionIn,
    LateWinOut,
    LateWinsOut,
    PeriodChangeOut,
    PeriodsOut,
    PeriodStateOut,
)
from services.forecast.periods.service import LateWin
from services.forecast.periods.states import Change, Standing

router = APIRouter(prefix="/forecast/periods", tags=["periods"])


@router.get("")
async def list_periods(
    session: Reading,
    principal: CurrentPrincipal,
    year: Annotated[str | None, Query(description="FY2026; without it this year and the last")] = None,
) -> PeriodsOut:
    """Years, quarters and months with their states, who closed them, and what finance has to decide."""
    found = await service.listing(session, year, principal=principal)
    configured = settings_of(session)
    today = service.today_of(configured)
    items = [
        PeriodStateOut(
            key=state.period.key,
            kind=state.period.kind,
            label=state.period.label,
            start=state.period.start,
            end=state.period.last_day,
            state=state.state,
            due=state.due,
            is_overdue=state.state == "closing" and today > state.due,
            change=_change(state),
            to_decide=waiting,
        )
        for state, waiting in found
    ]
    waiting = sum(item.to_decide for item in items if item.kind == "year")
    return PeriodsOut(today=today, calendar=configured.calendar.name, to_decide=waiting, items=items)


@router.post("/{key}/close")
async def close_period(key: str, body: ChangeIn, session: Transaction, principal: CurrentPrincipal) -> ChangedOut:
    """Close the months of a period that is over. Needs the role finance."""
    return _changed(await service.close(session, key, reason=body.reason, principal=principal))


@router.post("/{key}/reopen")
async def reopen_period(key: str, body: ChangeIn, session: Transaction, principal: CurrentPrincipal) -> ChangedOut:
    """Open the closed months of a period again. Needs the role finance."""
    return _changed(await service.reopen(session, key, reason=body.reason, principal=principal))


@router.get("/{key}/late-wins")
async def list_late_wins(
    key: str,
    session: Reading,
    principal: CurrentPrincipal,
    after_closing: Annotated[bool, Query(description="those alone on which finance decides")] = False,
    cursor: Annotated[str | None, Query(max_length=500)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> LateWinsOut:
    """Wins booked in the period that became known after their month was over, and where they count."""
    found = await service.late_wins(
        session, key, after_closing=after_closing, after=_after(cursor), limit=limit + 1, principal=principal
    )
    page = found[:limit]
    following = encode_cursor(page[-1].win.won_known_at, page[-1].win.deal_id) if len(found) > limit else None
    return _late_wins(session, key, page, following)


@router.post("/{key}/late-wins")
async def decide_late_wins(
    key: str, body: DecisionIn, session: Transaction, principal: CurrentPrincipal
) -> LateWinsOut:
    """Say in which month late wins of the period count. Needs the role finance; a later decision replaces an earlier one."""
    decided = await service.decide(
        session, key, deals=body.deal_ids, counted_in=body.counted_in, reason=body.reason, principal=principal
    )
    return _late_wins(session, key, decided, None)


def _changed(changes: Sequence[Change]) -> ChangedOut:
    return ChangedOut(changes=[_entry(change) for change in changes])


def _change(state: Standing) -> PeriodChangeOut | None:
    return _entry(state.change) if state.change else None


def _entry(change: Change) -> PeriodChangeOut:
    return PeriodChangeOut(
        period=change.period,
        state=change.state,
        changed_at=change.at,
        changed_by=change.by,
        reason=change.reason,
    )


def _late_wins(session: AsyncSession, key: str, found: Sequence[LateWin], following: str | None) -> LateWinsOut:
    currency = settings_of(session).base_currency
    return LateWinsOut(
        period=service.parse(settings_of(session), key).key,
        currency=currency,
        items=[_late_win(late, currency) for late in found],
        next_cursor=following,
    )


def _late_win(late: LateWin, currency: str) -> LateWinOut:
    win, decision = late.win, late.counted.decision
    return LateWinOut(
        deal_id=win.deal_id,
        name=win.name,
        owner_id=win.owner_id,
        amount=win.amount,
        deal_currency=win.deal_currency,
        amount_base=None if win.amount_base is None else money.quantise(win.amount_base, currency),
        booked_on=win.booked_on,
        booked_in=late.booked_in.key,
        won_known_at=win.won_known_at,
        why=late.counted.why,
        counted_in=late.counted.month.key,
        decided_at=decision.at if decision else None,
        decided_by=decision.by if decision else None,
        reason=decision.reason if decision else None,
    )


def _after(cursor: str | None) -> tuple[datetime, UUID] | None:
    values = decode_cursor(cursor, 2)
    try:
        return (datetime.fromisoformat(str(values[0])), UUID(str(values[1]))) if values else None
    except ValueError:
        raise UnreadableCursor("The cursor is not one that this list gave; start without a cursor.") from None
