"""The present and the past are two ways of finding late wins, which must find the same, whatever arrived when."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from libs.common.calendar import FiscalCalendar
from libs.common.db import Database
from libs.common.events.base import Received
from libs.common.web.auth import Principal
from services.forecast.history.columns import EPOCH
from services.forecast.periods import service as periods
from services.forecast.periods.repository import Win
from tests.integration.forecast.given import AT, deal, handle, named
from tests.integration.forecast.test_history import emptied, population

WINS = st.fixed_dictionaries(
    {
        "state": st.sampled_from(["won", "won", "won", "open"]),
        "closed_on": st.sampled_from([date(2024, 10, 20), date(2024, 11, 3), date(2024, 11, 5), None]),
        "removed": st.sampled_from([False, False, False, False, True]),
    }
)
HOURS = st.integers(0, 100).map(lambda hours: AT + timedelta(hours=hours))


@st.composite
def arrivals(draw: st.DrawFn) -> list[list[Received[Any]]]:
    """Batches of entries of deals that are won and opened again, shuffled."""
    events = [
        deal(name, version, valid_from=valid, recorded_at=recorded, close_date=date(2024, 11, 9), **change)
        for name in ("a", "b", "c")
        for version, (valid, recorded, change) in enumerate(
            draw(st.lists(st.tuples(HOURS, HOURS, WINS), min_size=1, max_size=5)), start=1
        )
    ]
    shuffled = draw(st.permutations(events))
    size = draw(st.integers(1, len(shuffled)))
    return [shuffled[start : start + size] for start in range(0, len(shuffled), size)]


LEDGERS = st.lists(st.tuples(st.sampled_from(["2024-10", "2024-11"]), st.integers(0, 80)), min_size=1, max_size=3)
"""Which months finance closed, and how many hours after."""


@settings(max_examples=25, deadline=None)
@given(arrivals(), LEDGERS, st.sets(st.sampled_from(["a", "b", "c"])))
async def test_the_present_and_the_past_count_every_late_win_in_the_same_month(
    databases: tuple[Any, Database], batches: list[list[Received[Any]]], ledger: list[tuple[str, int]], wanted: set[str]
) -> None:
    chosen, owner = databases
    await emptied(owner)
    database = Database(chosen)
    try:
        for batch in batches:
            await handle(database, batch)
        for key, hours in sorted(ledger, key=lambda each: each[1]):
            await close(owner, key, AT + timedelta(hours=hours))
        late = await late_wins(database)
        assert await restated(database) == {each: (month, why) for each, (month, why, _) in late.items()}
        for deal_id in {named(name) for name in wanted} & set(late):
            await decide(owner, deal_id, late[deal_id][2])
        late = await late_wins(database)
        assert {why for each, (_, why, _) in late.items() if each in {named(name) for name in wanted}} <= {"decided"}
        assert await restated(database) == {each: (month, why) for each, (month, why, _) in late.items()}
    finally:
        await database.close()


async def close(owner: Database, key: str, at: datetime) -> None:
    month = FiscalCalendar().parse(key)
    async with owner.transaction() as session:
        await session.execute(
            text(
                "INSERT INTO period_change (period, start, until, state, changed_at, changed_by, reason) "
                "VALUES (:key, :start, :until, 'closed', :at, 'fin', 'books are final')"
            ),
            {"key": key, "start": month.start, "until": month.end, "at": at},
        )


async def decide(owner: Database, deal_id: UUID, win: Win) -> None:
    """Finance counts a win on the first of March."""
    async with owner.transaction() as session:
        await session.execute(
            text(
                "INSERT INTO restatement (deal_id, won_known_at, booked_on, booked_period, counted_on, counted_period, "
                "decided_at, decided_by, reason) VALUES (:deal, :known, :booked, 'b', '2027-03-01', 'c', :at, 'fin', 'r')"
            ),
            {"deal": deal_id, "known": win.won_known_at, "booked": win.booked_on, "at": AT},
        )


async def late_wins(database: Database) -> dict[UUID, tuple[date, str, Win]]:
    async with database.reading() as session:
        found = await periods.moved(session, principal=Principal.system("forecast"))
    return {each.win.deal_id: (each.counted.month.start, each.counted.why, each.win) for each in found}


async def restated(database: Database) -> dict[UUID, tuple[date, str]]:
    at, calendar = AT + timedelta(days=99), FiscalCalendar()
    async with database.reading() as session:
        found = await population(session, at, at)
    late = found.restated
    places, is_late = late.places(found.rows)
    return {
        UUID(each): (
            calendar.month_start(EPOCH + timedelta(days=day)),
            "decided" if late.is_decided[place] else "to_decide",
        )
        for each, day, place, is_one in zip(
            found.columns.texts("deal", found.rows), found.day.tolist(), places, is_late, strict=True
        )
        if is_one and each
    }
