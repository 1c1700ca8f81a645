"""Deals for tests of accuracy: each is its steps (day, state, stage, amount), and steps of many at random."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from services.forecast.projection.steps import ARRAYS, GONE, LOST, OPEN, WON, Floats, Steps

STAGES = ("Engage", "Propose", "Close")
Step = tuple[float, int, int, float]


def steps_of(deals: Sequence[Sequence[Step]], booked: Floats | None = None) -> Steps:
    """The steps of deals; those of one deal are put in the order of their time. `booked`: per row, the day a win counts on."""
    rows = [(number, *step) for number, deal in enumerate(deals) for step in sorted(deal, key=lambda step: step[0])]
    deal, at, state, stage, amount = (np.array([row[place] for row in rows]) for place in range(5))
    return Steps(
        deal=deal.astype(np.int32),
        at=at.astype(np.float64),
        state=state.astype(np.int8),
        stage=stage.astype(np.int32),
        segment=np.zeros(len(rows), dtype=np.int32),
        amount=amount.astype(np.float64),
        close_date=np.full(len(rows), np.nan),
        booked=np.full(len(rows), np.nan) if booked is None else booked,
        pushes=np.zeros(len(rows), dtype=np.int32),
        due=np.zeros(len(rows), dtype=bool),
        stages=STAGES,
        segments=("",),
    )


def won(created: float, closed: float, amount: float) -> list[Step]:
    return [(created, OPEN, 0, amount), (closed, WON, 2, amount)]


def lost(created: float, closed: float, amount: float, stage: int = 0) -> list[Step]:
    return [(created, OPEN, stage, amount), (closed, LOST, 2, amount)]


def still_open(created: float, amount: float, stage: int = 0) -> list[Step]:
    return [(created, OPEN, stage, amount)]


def a_win_a_day(days: int, amount: float = 10.0, cycle: float = 15.0) -> list[list[Step]]:
    """From day 100 on one deal is won each noon, `cycle` days after its creation."""
    return [won(100.5 + day - cycle, 100.5 + day, amount) for day in range(days)]


DEALS = st.lists(
    st.lists(
        st.tuples(
            st.floats(0, 400, width=32),
            st.sampled_from([OPEN, WON, LOST, GONE]),
            st.integers(0, 2),
            st.floats(0, 1e6, width=32) | st.just(float("nan")),
        ),
        min_size=1,
        max_size=5,
        unique_by=lambda step: step[0],
    ),
    min_size=1,
    max_size=12,
)
"""Deals at random: any states in any order, unknown amounts."""


def with_noise_after(steps: Steps, day: float, rng: np.random.Generator) -> Steps:
    """The same steps before `day`; after it other rows of the same deals, and of deals that did not exist."""
    known = steps.until(day)
    count = int(rng.integers(1, 30) + len(steps) - len(known))
    noise = {
        "deal": rng.integers(0, int(steps.deal.max()) + 5, count),
        "at": day + rng.uniform(0, 200, count),
        "state": rng.integers(0, 4, count),
        "stage": rng.integers(0, len(steps.stages), count),
        "segment": rng.integers(0, len(steps.segments), count),
        "amount": rng.lognormal(8, 3, count),
        "close_date": day + rng.uniform(-100, 200, count),
        "booked": np.where(rng.random(count) < 0.5, np.nan, day + rng.uniform(-100, 200, count)),
        "pushes": rng.integers(0, 9, count),
        "due": rng.random(count) < 0.5,
    }
    columns = {
        name: np.concatenate((getattr(known, name), noise[name].astype(getattr(known, name).dtype))) for name in ARRAYS
    }
    order = np.lexsort((columns["at"], columns["deal"]))
    return replace(steps, **{name: values[order] for name, values in columns.items()})
