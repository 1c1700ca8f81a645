"""Clocks: which marks are passed depends on what happened, not on when anybody looked."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from services.leads.capacity.flow import FlowIn
from services.leads.capacity.worktime import WorkTime
from services.leads.responses.clocks import Mark, Schedule, following, passed, schedule

OFFICE = WorkTime("Europe/Berlin", 9 * 60, 17 * 60, frozenset({1, 2, 3, 4, 5}))
START = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)
"""A Friday, half past four in Berlin."""
minutes = st.integers(0, 8000).map(lambda each: START + timedelta(minutes=each))


def planned(place: int = 1) -> Schedule:
    return schedule(START, place=place, flow=FlowIn(), times=OFFICE)


def test_warning_breach_and_escalations_come_in_working_time() -> None:
    assert [(mark.kind, mark.level, mark.at.isoformat()) for mark in planned().marks()] == [
        ("warned", 0, "2026-11-23T08:15:00+00:00"),
        ("breached", 0, "2026-11-23T08:30:00+00:00"),
        ("escalated", 1, "2026-11-23T09:30:00+00:00"),
        ("escalated", 2, "2026-11-24T08:30:00+00:00"),
    ]


@given(st.lists(minutes, max_size=8), st.none() | minutes, minutes)
def test_looking_often_finds_the_marks_that_looking_once_finds(
    looks: list[datetime], ended_at: datetime | None, last: datetime
) -> None:
    clock = planned()
    found: list[Mark] = []
    at: datetime | None = START
    for look in sorted([*looks, last]):
        if at is not None and at <= look:
            known = ended_at if ended_at is not None and ended_at <= look else None
            found += [mark for mark in passed(clock, ended_at=known, as_of=look) if mark not in found]
            at = following(clock, ended_at=known, as_of=look)
    assert found == passed(clock, ended_at=ended_at, as_of=max([*looks, last]))


def test_a_grade_that_is_set_has_its_own_time() -> None:
    flow = FlowIn(response_hours={"C1": Decimal(2)}, warn_share=Decimal("0.5"), escalate_after_hours=[])
    marks = list(schedule(START, place=9, flow=flow, times=OFFICE).marks())
    assert [mark.at.isoformat() for mark in marks] == ["2026-11-23T08:30:00+00:00", "2026-11-23T09:30:00+00:00"]


@given(minutes)
def test_a_clock_that_ended_is_not_looked_at_again(as_of: datetime) -> None:
    assert following(planned(), ended_at=as_of, as_of=as_of) is None
    coming = [mark.at for mark in planned().marks() if mark.at > as_of]
    assert following(planned(), ended_at=None, as_of=as_of) == (coming[0] if coming else None)
