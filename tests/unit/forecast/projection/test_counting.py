"""Exposure and events, against a day by day account of every deal."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from services.forecast.projection import counting, steps
from services.forecast.projection.steps import GONE, LOST, OPEN, WON, Steps

AGES = (1, 2, 4, 9)
TODAY = 40
STAGES, SEGMENTS = 3, 2

LIVES = st.lists(
    st.tuples(
        st.integers(0, SEGMENTS - 1),
        st.lists(
            st.tuples(
                st.floats(0, 60, allow_nan=False),
                st.sampled_from([OPEN, OPEN, OPEN, WON, LOST, GONE]),
                st.integers(0, STAGES - 1),
            ),
            min_size=1,
            max_size=6,
        ),
    ),
    max_size=8,
)


def steps_of(lives: list) -> Steps:
    rows = [
        (deal, at, state, stage, segment)
        for deal, (segment, life) in enumerate(lives)
        for at, state, stage in sorted(life, key=lambda step: step[0])
    ]
    deal, at, state, stage, segment = (
        (np.array(each) for each in zip(*rows, strict=True)) if rows else [np.empty(0)] * 5
    )
    unknown = np.full(len(rows), np.nan)
    return Steps(
        deal.astype(np.int32), at.astype(float), state.astype(np.int8), stage.astype(np.int32), segment.astype(np.int32),
        unknown, unknown, unknown, np.zeros(len(rows), np.int32), np.zeros(len(rows), bool),
        tuple("abc"), tuple("xy"),
    )  # fmt: skip


def account(lives: list, first: int) -> tuple[np.ndarray, np.ndarray]:
    """Every deal's evenings, one by one: where it stood yesterday decides where today's exposure and event count."""
    exposure = np.zeros((SEGMENTS, STAGES, len(AGES), TODAY - first))
    events = np.zeros((3, *exposure.shape))
    for segment, life in lives:
        known = sorted((step for step in life if step[0] < TODAY), key=lambda step: step[0])
        state_on = {}
        for day in range(TODAY):
            until = [step for step in known if step[0] < day + 1]
            if until:
                state_on[day] = until[-1][1:]
        entered = None
        for day in range(TODAY):
            before, now = state_on.get(day - 1), state_on.get(day)
            if before is not None and before[0] == OPEN and now[0] != GONE:
                age = day - entered
                band = max(at for at, low in enumerate(AGES) if low <= age)
                place = (segment, before[1], band, day - first)
                moved = now != before
                if day >= first:
                    exposure[place] += 1
                    if moved:
                        events[({WON: 0, LOST: 1, OPEN: 2}[now[0]], *place)] += 1
            if now is not None and now[0] == OPEN and (before is None or before != now):
                entered = day
    return exposure, events


@given(LIVES, st.integers(0, 20))
def test_counts_are_those_of_an_account_day_by_day(lives: list, first: int) -> None:
    known = steps.evenings(steps_of(lives).until(TODAY))
    counts = counting.count(
        steps.stays(known, TODAY), steps.births(known),
        first=first, today=TODAY, segments=SEGMENTS, stages=STAGES, ages=AGES,
    )  # fmt: skip
    exposure, events = account(lives, first)

    assert np.array_equal(counts.exposure.reshape(exposure.shape), exposure)
    assert np.array_equal(counts.events.reshape(events.shape), events)


@given(LIVES)
def test_the_open_deals_are_those_whose_last_evening_was_open(lives: list) -> None:
    stood = steps.standing(steps.evenings(steps_of(lives)), TODAY)

    open_now = {}
    number = -1
    for _, life in lives:
        number += 1
        until = sorted((step for step in life if step[0] < TODAY), key=lambda step: step[0])
        if not until or until[-1][1] != OPEN:
            continue
        evenings = {int(at): (state, stage) for at, state, stage in until}
        entered = None
        last = None
        for day in sorted(evenings):
            if evenings[day][0] == OPEN and evenings[day] != last:
                entered = day
            last = evenings[day]
        open_now[number] = (until[-1][2], TODAY - 1 - entered)
    found = {
        int(deal): (int(stage), int(age)) for deal, stage, age in zip(stood.deal, stood.stage, stood.age, strict=True)
    }
    assert found == open_now
