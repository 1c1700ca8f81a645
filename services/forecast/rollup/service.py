"""The event path: versions of deals in, history, current deals and cells out, all in one transaction."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from prometheus_client import Histogram
from sqlalchemy import event as hooks
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.calendar import FiscalCalendar
from libs.common.events.base import Received
from libs.common.events.deals import DealState
from libs.common.events.forecast import RollupMoved
from libs.common.ids import ROOT_UNIT
from libs.common.messaging import outbox
from libs.common.web.auth import Principal
from services.forecast.config import settings_of
from services.forecast.credit import service as credit
from services.forecast.rates import repository as rates_repository
from services.forecast.rates import service as rates_service
from services.forecast.rates.conversion import Rates
from services.forecast.rollup import repository
from services.forecast.rollup.cells import difference
from services.forecast.rollup.standing import UNDATED, month_of, standing

Row = Mapping[str, Any]

_AT_ONCE = 5_000
"""Split deals whose parts are made anew together."""

WEBHOOK_TO_ROLLUP = Histogram(
    "forecast_webhook_to_rollup_seconds",
    "From the arrival of a live delivery to the commit of the roll-up it moved",
    buckets=(0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600),
)


class OtherCalendar(OSError):
    """The roll-up is in another fiscal calendar than the settings: infrastructure trouble, which a rebuild ends."""


async def apply(session: AsyncSession, events: Sequence[Received[DealState]], *, principal: Principal) -> None:
    """Take over entries of deals' timelines: any order and any repetition ends in the same deals and cells.

    The difference that moves the cells is taken from the old row, locked in this transaction. One event tells that
    something moved. Raises OtherCalendar, upon which a consumer tries again until the roll-up has been rebuilt.
    """
    await rates_service.hold(session)
    locked = await repository.lock(session, sorted({received.data.deal_id for received in events}))
    calendar = _in_force(session, locked.calendar)
    rates, old = await rates_service.held(session, locked.rates), locked.deals
    rows = [_row(received, rates, calendar) for received in events]
    newest = _newest(rows)
    inserted = await repository.insert_new(session, [newest[deal] for deal in sorted(newest.keys() - old.keys())])
    if raced := newest.keys() - old.keys() - inserted:
        old |= (await repository.lock(session, sorted(raced))).deals
    await outbox.stamp(session)
    replaced = [
        {**newest[deal], "slot": old[deal]["slot"]}
        for deal in sorted(newest.keys() & old.keys())
        if _order(newest[deal]) > _order(old[deal])
    ]
    new = [*(newest[deal] for deal in sorted(inserted)), *replaced]
    before = [old[row["deal_id"]] for row in replaced]
    credited = await credit.shares(session, new, principal=principal)
    new = [{**row, "is_split": row["deal_id"] in credited} for row in new]
    await repository.write(session, rows, replaced, difference(before, new))
    await credit.put(session, _split(before), new, credited, principal=principal)
    if new:
        await _tell(session, before, new, principal=principal)
        _measure(session, new)


async def credit_anew(session: AsyncSession, deals: Sequence[UUID], *, principal: Principal) -> None:
    """Count deals for who is credited with them by what was told of their splits, which the caller has kept."""
    await rates_service.hold(session)
    locked = await repository.lock(session, sorted(set(deals)))
    _in_force(session, locked.calendar)
    old = list(locked.deals.values())
    credited = await credit.shares(session, old, principal=principal)
    new = [{**row, "is_split": row["deal_id"] in credited} for row in old]
    await outbox.stamp(session)
    await repository.write(session, [], [], difference(old, new))
    await credit.put(session, _split(old), new, credited, principal=principal)
    if moved := [row for row in new if row["line"] is not None]:
        await _tell(session, [], moved, principal=principal)


async def _credit_all(session: AsyncSession) -> None:
    """Make the parts of all split deals anew, from what was told of them."""
    system = Principal.system("forecast")
    deals = await credit.told(session, principal=system)
    for start in range(0, len(deals), _AT_ONCE):
        rows = await repository.standing(session, deals[start : start + _AT_ONCE])
        credited = await credit.shares(session, rows, principal=system)
        await credit.put(session, _split(rows), rows, credited, principal=system)


def _split(rows: Sequence[Row]) -> list[UUID]:
    return [row["deal_id"] for row in rows if row["is_split"]]


async def _value_anew(session: AsyncSession, rates: Rates) -> None:
    await repository.revalue(session, rates, settings_of(session).calendar)
    await _credit_all(session)
    await repository.rebuild(session)


async def replace_rates(
    session: AsyncSession, *, fiscal_year: int | None, rates: Mapping[str, Any], principal: Principal
) -> None:
    """Change a rate set and value every deal anew with it."""
    valued = await rates_service.replace(session, fiscal_year=fiscal_year, rates=rates, principal=principal)
    await _value_anew(session, valued)
    moved_at = await outbox.stamp(session)
    event = RollupMoved(moved_at=moved_at, deal_ids=(), deal_count=0, months=())
    _add(session, event, principal=principal)


async def rebuild(session: AsyncSession) -> None:
    """Value every deal and make all cells anew, while no change is applied: after a change of settings or a repair."""
    await rates_repository.hold_alone(session)
    await _value_anew(session, await rates_service.load(session))


async def follow_calendar(session: AsyncSession) -> bool:
    """Make the roll-up anew if the settings have another fiscal calendar than its months; returns whether they had."""
    if await repository.calendar_of_cells(session) == settings_of(session).calendar.name:
        return False
    await rebuild(session)
    return True


def _in_force(session: AsyncSession, of_cells: str) -> FiscalCalendar:
    """The calendar of the settings. Raises OtherCalendar while the cells have the months of another."""
    calendar = settings_of(session).calendar
    if of_cells != calendar.name:
        raise OtherCalendar(f"the roll-up has {of_cells}, the settings have {calendar.name}; run rebuild-rollup")
    return calendar


async def fold(session: AsyncSession, *, limit: int) -> int:
    """Fold up to `limit` cells of all slots into one, while rates stay as they are; returns how many there were."""
    await rates_service.hold(session)
    return await repository.fold(session, limit=limit)


def _row(received: Received[DealState], rates: Rates, calendar: FiscalCalendar) -> dict[str, Any]:
    """The row of `deal_current` that a version makes; of `deal_version` too, which ignores what it has no column for."""
    deal = received.data
    stands = standing(deal, rates, calendar)
    return {
        **deal.model_dump(),
        "recorded_at": received.recorded_at,
        "event_id": received.id,
        "event_type": received.type,
        "cause_connection": received.cause.connection,
        "cause_delivery": received.cause.delivery,
        "line": stands.line if stands else None,
        "month": stands.month if stands else month_of(deal, calendar),
        "slot": received.partition,
        "amount_base": stands.amount_base if stands else None,
        "weighted_base": stands.weighted_base if stands else None,
    }


def _newest(rows: Sequence[dict[str, Any]]) -> dict[UUID, dict[str, Any]]:
    newest: dict[UUID, dict[str, Any]] = {}
    for row in rows:
        known = newest.get(row["deal_id"])
        if known is None or _order(row) > _order(known):
            newest[row["deal_id"]] = row
    return newest


def _order(row: Row) -> tuple[Any, int]:
    return row["valid_from"], row["version"]


async def _tell(session: AsyncSession, old: Sequence[Row], new: Sequence[Row], *, principal: Principal) -> None:
    months = sorted({row["month"] for row in (*old, *new)} - {UNDATED})
    event = RollupMoved(
        moved_at=await outbox.stamp(session),
        deal_ids=tuple(row["deal_id"] for row in new[:100]),
        deal_count=len(new),
        months=tuple(months),
    )
    _add(session, event, principal=principal)


def _add(session: AsyncSession, event: RollupMoved, *, principal: Principal) -> None:
    outbox.add(
        session,
        event,
        key=ROOT_UNIT,
        version=clock.to_millis(event.moved_at),
        occurred_at=event.moved_at,
        actor=principal.subject,
    )


def _measure(session: AsyncSession, rows: Sequence[Row]) -> None:
    """Observe, once this transaction has committed, how long the live ones among the rows took."""
    arrivals = [row["delivery_received_at"] for row in rows if row["delivery_received_at"] and not row["reconstructed"]]

    def observe(_: object) -> None:
        now = clock.now()
        for arrival in arrivals:
            WEBHOOK_TO_ROLLUP.observe(max(0.0, (now - arrival).total_seconds()))

    if arrivals:
        hooks.listen(session.sync_session, "after_commit", observe, once=True)
