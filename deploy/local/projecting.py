"""`make bench-projection`: how long it takes to project all open deals of a large company over twelve months, and to move one.

The company is made here: the engine learns from a small past of it, then a million open deals stand in its stages, each in a unit, a
market and a product. The product's own book is made of them, in this process, on one core, with the range of every node and month.
Tables of chances are kept for a day by the product; making them is timed apart.
"""

import json
import os
import resource
import time
from collections.abc import Callable
from datetime import date
from typing import Any, Final

import numpy as np

from libs.common.calendar import FiscalCalendar
from services.forecast.history.columns import day_number
from services.forecast.projection import book as booking
from services.forecast.projection import engine
from services.forecast.projection.book import Book, Ladder
from services.forecast.projection.engine import Model
from services.forecast.projection.steps import LOST, OPEN, WON, Ints, Standing, Steps

TODAY: Final = day_number(date(2026, 1, 15))
PAST_DAYS: Final = 700
PAST_DEALS: Final = 20_000
SEGMENTS: Final = tuple(f"segment {number}" for number in range(10))
STAGES: Final = tuple(f"stage {number}" for number in range(6))
DIMENSIONS: Final = {"units": 2000, "markets": 30, "products": 40}
SHARES: Final = np.array([0.1, 0.9])
MONTHS: Final = 12
REPEATED: Final = 5
EVENTS: Final = 2000
Say = Callable[[str], None]


def run(*, deals: int, say: Say) -> dict[str, Any]:
    """Time it, the middle of five times. `seconds` of a whole projection, `mb` at most of this process, `us` of one event."""
    rng = np.random.default_rng(20261122)
    model = engine.learn(past(rng), TODAY, FiscalCalendar())
    standing, nodes = standing_now(rng, deals)
    say(f"learnt from {PAST_DEALS:,} deals; {deals:,} are open, load {os.getloadavg()[0]:.1f}")
    begun = time.perf_counter()
    ladder = Ladder.of(model, edges())
    tables_s = time.perf_counter() - begun
    say(f"tables of {ladder.slower.size:,} chances made in {tables_s:.2f} s")
    before = _memory_mb()
    times: list[float] = []
    for _ in range(REPEATED):
        begun = time.perf_counter()
        book = _projected(model, ladder, standing, nodes)
        times.append(time.perf_counter() - begun)
    moved = sorted(_moved(book, standing, nodes, rng))
    figures = {
        "name": "projection",
        "deals": deals,
        "months": MONTHS,
        "nodes": sum(DIMENSIONS.values()),
        "seconds": round(sorted(times)[REPEATED // 2], 3),
        "tables_s": round(tables_s, 3),
        "mb": round(_memory_mb()),
        "mb_before": round(before),
        "us": round(moved[len(moved) // 2] * 1e6, 1),
        "us_p95": round(moved[int(len(moved) * 0.95)] * 1e6, 1),
        "load": round(os.getloadavg()[0], 1),
    }
    say(f"projected in {figures['seconds']} s, {figures['mb']} MB; one event {figures['us']} µs")
    return figures


def edges() -> list[int]:
    """Today, and the ends of this month and the eleven after it."""
    calendar = FiscalCalendar()
    month = calendar.month(date(2026, 1, 15))
    found = [TODAY]
    for _ in range(MONTHS):
        found.append(day_number(month.end))
        month = calendar.month(month.end)
    return found


def _projected(model: Model, ladder: Ladder, standing: Standing, nodes: Ints) -> Book:
    made = Book.of(ladder, standing, nodes, list(DIMENSIONS.values()))
    sums = made.valued
    none = np.zeros((len(sums), ladder.spans))
    booking.quantiles(sums, (none, none), model.shock, SHARES)
    return made


def _moved(book: Book, standing: Standing, nodes: Ints, rng: np.random.Generator) -> list[float]:
    """How long each of some events takes: a deal that stands in another stage, at another amount, for a later day."""
    times = []
    for at in rng.permutation(len(standing))[:EVENTS].tolist():
        pair = np.array([at, at])
        deals, stands = standing.where(pair), nodes[:, pair]
        deals.stage[1] = (deals.stage[1] + 1) % len(STAGES)
        deals.age[1], deals.amount[1], deals.close_date[1] = 0, deals.amount[1] * 1.1, deals.close_date[1] + 30
        begun = time.perf_counter()
        done = book.move(deals, stands, (-1, 1))
        times.append(time.perf_counter() - begun)
        if not done:
            raise RuntimeError("an event asked for another grain, so the book would have to be made anew")
    return times


def past(rng: np.random.Generator) -> Steps:
    """Deals that go through the stages one after the other, and are won or lost on the way."""
    count, most = PAST_DEALS, len(STAGES) + 1
    born = np.sort(rng.uniform(TODAY - PAST_DAYS, TODAY, count))
    at = born[:, None] + np.concatenate((np.zeros((count, 1)), np.cumsum(rng.exponential(15, (count, most - 1)), 1)), 1)
    ends = np.minimum(rng.geometric(0.25, count), most - 1)
    place = np.tile(np.arange(most), (count, 1))
    state = np.where(place < ends[:, None], OPEN, np.where(rng.random((count, 1)) < 0.3, WON, LOST))
    kept = (place <= ends[:, None]) & (at < TODAY)
    deal = np.repeat(np.arange(count), most).reshape(count, most)
    stage = np.minimum(place, len(STAGES) - 1)
    segment = np.repeat(rng.integers(0, len(SEGMENTS), count), most).reshape(count, most)
    amount = np.repeat(np.round(rng.lognormal(9.5, 0.8, count), 2), most).reshape(count, most)
    close_date = np.floor(np.repeat(born + rng.uniform(10, 150, count), most)).reshape(count, most)
    return Steps(
        deal=deal[kept].astype(np.int32),
        at=at[kept],
        state=state[kept].astype(np.int8),
        stage=stage[kept].astype(np.int32),
        segment=segment[kept].astype(np.int32),
        amount=amount[kept],
        close_date=close_date[kept],
        booked=np.full(int(kept.sum()), np.nan),
        pushes=rng.integers(0, 4, int(kept.sum())).astype(np.int32),
        due=(deal[kept] % 6 == 0),
        stages=STAGES,
        segments=SEGMENTS,
    )


def standing_now(rng: np.random.Generator, deals: int) -> tuple[Standing, Ints]:
    """So many open deals, and for each its unit, its market and its product, (dimensions, deals)."""
    standing = Standing(
        deal=np.arange(deals, dtype=np.int32),
        stage=rng.integers(0, len(STAGES), deals).astype(np.int32),
        segment=rng.integers(0, len(SEGMENTS), deals).astype(np.int32),
        age=rng.integers(0, 500, deals),
        amount=np.round(rng.lognormal(9.5, 0.8, deals), 2),
        close_date=np.floor(TODAY + rng.uniform(-60, 500, deals)),
        pushes=rng.integers(0, 5, deals).astype(np.int32),
        due=rng.random(deals) < 0.15,
    )
    nodes = np.stack([rng.integers(0, size, deals) for size in DIMENSIONS.values()])
    return standing, nodes


def _memory_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def line(figures: dict[str, Any]) -> str:
    """The last line of the command."""
    return json.dumps(figures)
