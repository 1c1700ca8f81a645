"""Nothing of a later day enters what is said: through the whole walk, with every method."""

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.common.calendar import FiscalCalendar
from services.forecast.accuracy.baselines import BASELINES
from services.forecast.accuracy.walking import Window, walk
from services.forecast.projection.landing import Landing
from tests.unit.forecast.accuracy.given import DEALS, a_win_a_day, lost, steps_of, still_open, with_noise_after, won


def said(window: Window) -> bytes:
    """Everything that was said, to the last bit."""
    landing = b"".join(np.asarray(getattr(window.foretell, each.name)).tobytes() for each in fields(Landing))
    return landing + repr((sorted(window.points.items()), window.blend, window.stretch)).encode()


@settings(max_examples=15)
@given(deals=DEALS, day=st.integers(60, 380), horizon=st.sampled_from([7, 28, 30, 91]), seed=st.integers(0, 999))
def test_noise_after_a_day_changes_nothing_of_what_is_said_on_it(deals, day, horizon, seed) -> None:
    steps = steps_of(deals)
    noise = with_noise_after(steps, float(day), np.random.default_rng(seed))
    days = [day - horizon, day]
    known, unknown = (
        walk(each, days, horizon, calendar=FiscalCalendar(), baselines=BASELINES) for each in (steps, noise)
    )
    assert [said(window) for window in known] == [said(window) for window in unknown]


def test_a_win_that_is_told_late_teaches_nothing_before_although_it_is_booked_into_a_window_that_was_over() -> None:
    deals = a_win_a_day(100)
    late = [*deals, won(140.0, 190.5, 5_000.0)]
    booked = np.full(2 * len(late), np.nan)
    booked[-1] = 165.0
    days = [160, 167, 174, 181]
    known, unknown = (
        walk(each, days, 7, calendar=FiscalCalendar(), baselines=BASELINES)
        for each in (steps_of(late, booked), steps_of([*deals, still_open(140.0, 5_000.0)]))
    )
    assert [said(window) for window in known] == [said(window) for window in unknown]
    assert (known[0].came, unknown[0].came) == (5_070.0, 70.0)


def test_what_came_is_what_was_won_from_the_day_on_until_before_the_end() -> None:
    steps = steps_of([*a_win_a_day(100), *(lost(100.5 + day, 110.5 + day, 5.0) for day in range(90))])
    (window,) = walk(steps, [170], 7, calendar=FiscalCalendar(), baselines=BASELINES)
    assert (window.as_of, window.end, window.came) == (170, 177, 70.0)
    assert window.points["moving_average"] == pytest.approx(70.0)
