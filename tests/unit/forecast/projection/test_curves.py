"""The chance to be won by a day, against following the chain forward."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from libs.common.calendar import FiscalCalendar
from services.forecast.projection.counting import LOSS, MOVE, WIN
from services.forecast.projection.curves import curves
from services.forecast.projection.hazards import Hazards
from services.forecast.projection.seasons import QUARTER_PARTS, WEEKDAYS, Seasons, seasons

AGES = (1, 3, 6)
SEGMENTS, STAGES = 2, 3


@st.composite
def some_hazards(draw: st.DrawFn) -> Hazards:
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    moves = rng.dirichlet(np.ones(STAGES), STAGES) * (rng.random((STAGES, 1)) < 0.9)
    return Hazards(
        rates=rng.gamma(0.5, 0.2, (3, SEGMENTS, STAGES, len(AGES))) * (rng.random((3, SEGMENTS, STAGES, 1)) < 0.9),
        quarter=rng.gamma(5, 0.2, (3, QUARTER_PARTS)),
        week=rng.gamma(5, 0.2, (3, WEEKDAYS)),
        moves=moves,
        first_stage=rng.dirichlet(np.ones(STAGES + 2), SEGMENTS),
    )


def forward(hazards: Hazards, days: Seasons, segment: int, stage: int, age: int, start: int) -> float:
    """The share of a deal's possible lives, followed day by day, that are won."""
    alive = {(stage, age): 1.0}
    won = 0.0
    factor = hazards.calendar(days)
    for day in range(start, len(days.weekday)):
        following: dict[tuple[int, int], float] = {}
        for (where, old), share in alive.items():
            band = max(at for at, low in enumerate(AGES) if low <= old + 1)
            rate = hazards.rates[:, segment, where, band] * factor[:, day]
            total = rate.sum()
            moving = 1 - np.exp(-total)
            of = rate / total if total > 0 else rate
            won += share * moving * of[WIN]
            assert of[LOSS] >= 0
            for to in range(STAGES):
                arrives = share * moving * of[MOVE] * hazards.moves[where, to]
                following[to, 0] = following.get((to, 0), 0.0) + arrives
            following[where, old + 1] = following.get((where, old + 1), 0.0) + share * (1 - moving)
        alive = following
    return won


@given(some_hazards(), st.integers(0, 12), st.data())
def test_the_recursion_is_the_chain_followed_forward(hazards: Hazards, horizon: int, data: st.DataObject) -> None:
    days = seasons(FiscalCalendar(), 19_800, 19_800 + horizon)
    ahead = curves(hazards, days, AGES)
    segment, stage = data.draw(st.integers(0, SEGMENTS - 1)), data.draw(st.integers(0, STAGES - 1))
    age = data.draw(st.integers(0, AGES[-1]))

    got = ahead.of(np.array([segment]), np.array([stage]), np.array([age]))[0]
    assert np.isclose(got, forward(hazards, days, segment, stage, age, 0), atol=1e-12)

    if horizon:
        day = data.draw(st.integers(0, horizon - 1))
        begun = hazards.first_stage[segment, STAGES] + sum(
            hazards.first_stage[segment, to] * forward(hazards, days, segment, to, 0, day + 1) for to in range(STAGES)
        )
        assert np.isclose(ahead.newborn[segment, day], begun, atol=1e-12)


def test_the_parts_of_the_calendar_are_those_of_the_days() -> None:
    days = seasons(FiscalCalendar(), 20_770, 20_880)  # 13 November 2026 to 2 March 2027
    assert days.weekday[0] == 4
    assert days.quarter_part[0] == 2
    assert days.quarter_part[17 - 6 : 18].tolist() == [3, 3, 3, 3, 3, 3, 3]
    assert days.quarter_part[18] == 4
