"""Finance closes and reopens periods, and decides where wins count that came after the closing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Literal
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.calendar import FiscalCalendar, Period, UnknownPeriod, local_date
from libs.common.events.forecast import PeriodClosed, PeriodReopened
from libs.common.ids import NAMESPACE
from libs.common.messaging import outbox
from libs.common.organisation import scope_parameters, sees_everything
from libs.common.web.auth import Principal, require
from libs.common.web.errors import Conflict, Forbidden, Invalid
from services.forecast.config import Settings, settings_of
from services.forecast.periods import repository
from services.forecast.periods.counting import Books, Counted, Decision, States, counted_period
from services.forecast.periods.repository import Span, Win
from services.forecast.periods.states import (
    Change,
    Standing,
    Stretch,
    closed_within,
    months_to_close,
    months_to_reopen,
    standing,
    stretches,
)

_EVENTS = {"closed": PeriodClosed, "reopened": PeriodReopened}


class UnreadablePeriod(Invalid):
    """A period is not written as one, or not of the kind that is needed."""


class PartOfTheCompany(Forbidden):
    """Periods are closed for the whole company; the principal's scope is a part of it."""


class PeriodNotOver(Conflict):
    """A period cannot be closed before its last day is over."""


class NothingToChange(Conflict):
    """The period is in the wanted state already."""


class UndecidedWins(Conflict):
    """Late wins that would count in the period are still to be decided."""


class NotALateWin(Conflict):
    """The deal is not won in that period, or the win was known before the period was closed."""


class PeriodNotToChoose(Conflict):
    """A late win cannot be counted in that period."""


@dataclass(frozen=True, slots=True)
class LateWin:
    """A win and the month in which it counts."""

    win: Win
    booked_in: Period
    counted: Counted


def today_of(configured: Settings) -> date:
    """The present day in the organisation's time zone."""
    return local_date(clock.now(), configured.org_timezone)


def parse(configured: Settings, key: str) -> Period:
    """The period of the calendar in force that has this key. Raises UnreadablePeriod."""
    try:
        return configured.calendar.parse(key)
    except UnknownPeriod as error:
        raise UnreadablePeriod(f"period: {error}.") from None


async def states(session: AsyncSession, *, principal: Principal, known_at: datetime | None = None) -> States:
    """What finance has closed, as known now or at `known_at`: for `counted_period`. The same for everybody."""
    del principal
    configured = settings_of(session)
    laid = stretches(await repository.ledger(session, known_at=known_at))
    return States(configured.calendar, configured.org_timezone, laid)


async def books(session: AsyncSession, *, known_at: datetime | None = None, principal: Principal) -> Books:
    """What finance has closed and decided, as known now or at `known_at`. The same for everybody."""
    now = await states(session, principal=principal, known_at=known_at)
    return Books(now, await repository.decisions(session, known_at=known_at))


async def listing(session: AsyncSession, year: str | None, *, principal: Principal) -> list[tuple[Standing, int]]:
    """The periods of a year (without one, of this year and the last), each with how many wins are to be decided.

    Raises UnreadablePeriod.
    """
    configured, today = settings_of(session), today_of(settings_of(session))
    calendar = configured.calendar
    years = [calendar.year(parse(configured, year).start)] if year else calendar.years_around(today, 1, 0)
    now = await states(session, principal=principal)
    waiting = [
        late.win.booked_on for late in await moved(session, principal=principal) if late.counted.why == "to_decide"
    ]
    periods = [part for each in years for part in (each, *calendar.quarters(each), *calendar.months(each))]
    return [
        (
            standing(
                period,
                now.laid,
                today=today,
                working_days=configured.closing_working_days,
                holidays=frozenset(configured.holidays or ()),
            ),
            sum(day in period for day in waiting),
        )
        for period in periods
    ]


async def close(session: AsyncSession, key: str, *, reason: str, principal: Principal) -> list[Change]:
    """Finance closes a period's months that are not closed: what becomes known of them later is a restatement.

    Raises UnreadablePeriod, PartOfTheCompany, PeriodNotOver, NothingToChange, UndecidedWins.
    """
    period = await _alone(session, key, principal=principal)
    today = today_of(settings_of(session))
    if today < period.end:
        raise PeriodNotOver(f"{period.label} lasts until {period.last_day}; close it after that day.")
    now = await states(session, principal=principal)
    months = months_to_close(now.calendar, period, now.laid)
    if not months:
        raise NothingToChange(f"{period.label} is closed already.")
    waiting = [late for late in await moved(session, principal=principal) if late.counted.why == "to_decide"]
    counting = [late for late in waiting if late.counted.month in months]
    if counting:
        of = ", ".join(sorted({late.booked_in.key for late in counting}))
        raise UndecidedWins(
            f"{len(counting)} wins booked in {of} became known in {period.label}; decide in which period they count first.",
            deals=[str(late.win.deal_id) for late in counting[:100]],
        )
    return await _change(session, months, "closed", reason=reason, principal=principal)


async def reopen(session: AsyncSession, key: str, *, reason: str, principal: Principal) -> list[Change]:
    """Finance opens a period's closed months again; the first closing stays in the ledger.

    Raises UnreadablePeriod, PartOfTheCompany, NothingToChange.
    """
    period = await _alone(session, key, principal=principal)
    now = await states(session, principal=principal)
    months = months_to_reopen(now.calendar, period, now.laid)
    if not months:
        raise NothingToChange(f"{period.label} is not closed.")
    return await _change(session, months, "reopened", reason=reason, principal=principal)


async def late_wins(
    session: AsyncSession,
    key: str,
    *,
    after_closing: bool = False,
    after: tuple[datetime, UUID] | None,
    limit: int,
    principal: Principal,
) -> list[LateWin]:
    """Wins booked in a period that became known after the last day of their month, by when they did.

    Imported ones only if the books were closed before. `after_closing`: only those on which finance decides or has decided.
    Raises UnreadablePeriod.
    """
    configured = settings_of(session)
    period, now = parse(configured, key), await states(session, principal=principal)
    zone = ZoneInfo(configured.org_timezone)
    months = now.calendar.months(period)
    spans = [
        Span(month.start, month.start, month.end, datetime.combine(month.end, time(), zone), with_imported=False)
        for month in months
    ]
    spans += _closed(now.calendar, closed_within(now.laid, period))
    found: list[LateWin] = []
    while len(found) < limit:
        wins = await repository.wins(session, spans, scope=scope_parameters(principal), after=after, limit=limit)
        held = Books(now, await repository.decisions(session, [win.deal_id for win in wins]))
        found += [
            late
            for late in _placed(wins, held)
            if _is_late(late, zone) and not (after_closing and late.counted.why == "booked")
        ]
        if len(wins) < limit:
            break
        after = (wins[-1].won_known_at, wins[-1].deal_id)
    return found[:limit]


async def moved(session: AsyncSession, *, principal: Principal) -> list[LateWin]:
    """Wins that finance has decided about or has to: those that may count in another month than the one they are booked in."""
    held = await books(session, principal=principal)
    spans = _closed(held.states.calendar, held.states.laid)
    if not spans and not held.decisions:
        return []
    wins = await repository.wins(session, spans, scope=scope_parameters(principal), always=list(held.decisions))
    return [late for late in _placed(wins, held) if late.counted.why != "booked"]


async def decide(
    session: AsyncSession, key: str, *, deals: Sequence[UUID], counted_in: str, reason: str, principal: Principal
) -> list[LateWin]:
    """Finance says in which month late wins of a period count; a later decision replaces an earlier one.

    Raises UnreadablePeriod, NotALateWin, PeriodNotToChoose.
    """
    require(principal, "finance")
    configured = settings_of(session)
    period, chosen = parse(configured, key), parse(configured, counted_in)
    if chosen.kind != "month":
        raise UnreadablePeriod(f"counted_in: {counted_in} is a {chosen.kind}; name a month, such as 2026-11.")
    await repository.hold_alone(session)
    now = await states(session, principal=principal)
    held = Books(now, await repository.decisions(session, deals))
    spans, always = _closed(now.calendar, now.laid), list(held.decisions)
    wins = await repository.wins(session, spans, scope=scope_parameters(principal), deals=deals, always=always)
    late = {late.win.deal_id: late for late in _placed(wins, held) if late.counted.why != "booked"}
    at = await outbox.stamp(session)
    made: dict[UUID, Decision] = {}
    for deal in dict.fromkeys(deals):
        if deal not in late or late[deal].win.booked_on not in period:
            raise NotALateWin(
                f"Deal {deal} is no win of {period.label} that became known after its closing; see its late wins."
            )
        _check_choice(late[deal], chosen, now, configured)
        booked_on = late[deal].win.booked_on
        counted_on = booked_on if booked_on in chosen else chosen.start
        made[deal] = Decision(late[deal].win.won_known_at, booked_on, counted_on, at, principal.subject, reason)
    booked_in = {deal: late[deal].booked_in.key for deal in made}
    await repository.append_decisions(session, made, booked_in=booked_in, counted_in=chosen.key)
    decided = Books(now, {deal: [decision] for deal, decision in made.items()})
    return _placed([late[deal].win for deal in made], decided)


def _check_choice(late: LateWin, chosen: Period, now: States, configured: Settings) -> None:
    if late.win.booked_on in chosen:
        return
    if chosen.start > today_of(configured):
        raise PeriodNotToChoose(f"{chosen.label} has not begun; choose a month that has.")
    if chosen.end <= late.win.booked_on:
        raise PeriodNotToChoose(f"{chosen.label} is before {late.win.booked_on}, when deal {late.win.deal_id} was won.")
    if closed_within(now.laid, chosen):
        raise PeriodNotToChoose(f"{chosen.label} is closed; choose the month of booking or one that is not closed.")


async def _alone(session: AsyncSession, key: str, *, principal: Principal) -> Period:
    """The period, once nobody else can change it. Raises MissingRole, PartOfTheCompany, UnreadablePeriod."""
    require(principal, "finance")
    if not sees_everything(principal):
        raise PartOfTheCompany("Periods are closed for the whole company, and your scope is a part of it.")
    period = parse(settings_of(session), key)
    await repository.hold_alone(session)
    return period


async def _change(
    session: AsyncSession,
    months: Sequence[Period],
    state: Literal["closed", "reopened"],
    *,
    reason: str,
    principal: Principal,
) -> list[Change]:
    at = await outbox.stamp(session)
    changes = [Change(month.key, month.start, month.end, state, at, principal.subject, reason) for month in months]
    positions = await repository.append_changes(session, changes)
    for month, position in zip(months, positions, strict=True):
        outbox.add(
            session,
            _EVENTS[state](period=month.key, start=month.start, last_day=month.last_day, changed_at=at),
            key=uuid5(NAMESPACE, f"period:{month.key}"),
            version=position,
            occurred_at=at,
            subject=month.key,
            actor=principal.subject,
        )
    return changes


def _closed(calendar: FiscalCalendar, laid: Sequence[Stretch]) -> list[Span]:
    """The closed days, by the month of the calendar in force that they lie in."""
    spans = []
    for stretch in laid:
        start = stretch.start
        while stretch.change.state == "closed" and start < stretch.until:
            month = calendar.month(start)
            spans.append(Span(month.start, start, min(month.end, stretch.until), stretch.change.at, with_imported=True))
            start = month.end
    return spans


def _placed(wins: Sequence[Win], held: Books) -> list[LateWin]:
    return [
        LateWin(
            win,
            held.states.calendar.month(win.booked_on),
            counted_period(win.booked_on, win.won_known_at, held.states, held.decisions.get(win.deal_id, ())),
        )
        for win in wins
    ]


def _is_late(late: LateWin, zone: ZoneInfo) -> bool:
    if late.counted.why != "booked":
        return True
    over = datetime.combine(late.booked_in.end, time(), zone)
    return late.win.won_known_at > over and not late.win.reconstructed
