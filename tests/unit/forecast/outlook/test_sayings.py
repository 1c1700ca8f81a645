"""What would have been said of past periods knows no more than the day on which it would have been said."""

from dataclasses import fields
from datetime import date

import numpy as np
import pytest

from libs.common.calendar import FiscalCalendar, Period
from services.forecast.accuracy.closings import closings
from services.forecast.outlook import sayings
from services.forecast.outlook.sayings import Said
from services.forecast.projection.contracts import NO_CONTRACTS
from services.forecast.projection.landing import Landing
from services.forecast.projection.learning import Told
from services.forecast.projection.settings import DEFAULT
from services.forecast.projection.steps import Steps
from tests.unit.forecast.accuracy.given import a_win_a_day, steps_of, still_open, won

CALENDAR = FiscalCalendar()
MONTHS = CALENDAR.before(CALENDAR.month(date(1970, 9, 1)), 3)
JUNE, JULY, AUGUST = MONTHS
AUGUST_BEGINS = 212
TOLD_LATE = 225.5
BOOKED = 190.0


def company() -> tuple[Steps, Steps]:
    """A win a day, and a large one of July that is told in the middle of August; without that the same deal is still open."""
    deals = a_win_a_day(140)
    late = [*deals, won(120.0, TOLD_LATE, 5_000.0)]
    booked = np.full(2 * len(late), np.nan)
    booked[-1] = BOOKED
    return steps_of(late, booked), steps_of([*deals, still_open(120.0, 5_000.0)])


def said(steps: Steps, lead: int) -> list[Said]:
    every = [sayings.said(steps, NO_CONTRACTS, month, lead, CALENDAR, DEFAULT) for month in MONTHS]
    return [each for each in every if each is not None]


def exactly(told: tuple[Landing, Told]) -> bytes:
    landing, each = told
    bits = b"".join(np.asarray(getattr(landing, one.name)).tobytes() for one in fields(Landing))
    return bits + repr((sorted(each.points.items()), each.said, each.deviation)).encode()


@pytest.mark.parametrize("lead", [0, 10])
def test_a_win_that_is_told_later_teaches_nothing_on_the_days_before(lead: int) -> None:
    known, unknown = (sayings.told(said(steps, lead), DEFAULT) for steps in company())
    assert len(known) == len(MONTHS)
    assert [exactly(each) for each in known] == [exactly(each) for each in unknown]


def test_today_s_band_learns_from_what_is_known_today() -> None:
    steps, _ = company()
    past = [each for _, each in sayings.told(said(steps, 0), DEFAULT)]
    brought = [came_by(steps, past, day) for day in (AUGUST_BEGINS, int(TOLD_LATE) + 1)]
    assert brought == [{JUNE: 300.0, JULY: 310.0}, {JUNE: 300.0, JULY: 5_310.0}]


def came_by(steps: Steps, past: list[Told], day: int) -> dict[Period, float]:
    over = sayings.over(past, sayings.brought(closings(steps, day), MONTHS), day)
    return {month: each.came for month, each in zip(MONTHS, over, strict=False)}
