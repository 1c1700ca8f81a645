"""Makes the engine's steps from the columns of history."""

from zoneinfo import ZoneInfo

import numpy as np

from libs.common import money
from services.forecast.history.columns import NO_DAY, Columns, Index, local_days
from services.forecast.past.population import days, worth
from services.forecast.projection.steps import GONE, LOST, OPEN, WON, Codes, Floats, Steps
from services.forecast.rates.conversion import Rates

LARGEST = 360
"""Segments times stages that are told apart; rarer segments stand together."""
OTHER = "other"
OMITTED, WAITING = "omitted", "held back"


def steps_of(columns: Columns, rows: Index, rates: Rates, zone: ZoneInfo) -> Steps:
    """The steps of `rows`, timelines of whole deals (`columns.timeline`), amounts in the base currency of `rates`.

    A stage is told apart by its pipeline; deals omitted by a person or held back by their lead stand in stages of their own.
    A segment is a deal type and a segment of the CRM.
    """
    state = np.full(len(rows), OPEN, dtype=np.int8)
    state[columns.is_in("state", ["won"], rows)] = WON
    state[columns.is_in("state", ["lost"], rows)] = LOST
    state[columns.gone[rows]] = GONE
    stage, stages = _stages(columns, rows)
    segment, segments = _segments(columns, rows, max(1, LARGEST // max(len(stages), 1)))
    day = days(columns, rows)
    units, priced = worth(columns, rows, day, rates)
    amount = np.where(priced, units / 10.0 ** money.exponent(rates.base), np.nan)
    booked = np.where(state == WON, _day(columns.closed_on[rows]), np.nan)
    deal = columns.deal[rows]
    starts = np.ones(len(rows), dtype=bool)
    starts[1:] = deal[1:] != deal[:-1]
    return Steps(
        deal=(np.cumsum(starts) - 1).astype(np.int32),
        at=local_days(columns.valid_from[rows], zone),
        state=state,
        stage=stage,
        segment=segment,
        amount=amount,
        close_date=_day(columns.close_date[rows]),
        booked=booked,
        pushes=columns.pushes[rows],
        due=columns.is_in("deal_type", ["renewal"], rows),
        stages=stages,
        segments=segments,
    )


def _day(day: Codes) -> Floats:
    return np.where(day == NO_DAY, np.nan, day.astype(np.float64))


def _stages(columns: Columns, rows: Index) -> tuple[Codes, tuple[str, ...]]:
    pipeline, stage = columns.pipeline[rows].astype(np.int64), columns.stage[rows].astype(np.int64)
    names = columns.words["stage"].texts
    aside = len(names)
    stage = np.where(columns.is_in("category", ["omitted"], rows), aside, stage)
    stage = np.where(columns.is_in("gate", ["waiting"], rows), aside + 1, stage)
    pairs, codes = np.unique(pipeline * (aside + 2) + stage, return_inverse=True)
    pipelines = columns.words["pipeline"].texts
    known = [*names, OMITTED, WAITING]
    told = tuple(
        f"{pipelines[pair // (aside + 2)] or ''} / {known[pair % (aside + 2)] or ''}" for pair in pairs.tolist()
    )
    return codes.astype(np.int32), told or ("",)


def _segments(columns: Columns, rows: Index, most: int) -> tuple[Codes, tuple[str, ...]]:
    kinds, sizes = columns.words["deal_type"].texts, columns.words["segment"].texts
    together = columns.deal_type[rows].astype(np.int64) * len(sizes) + columns.segment[rows]
    pairs, codes, count = np.unique(together, return_inverse=True, return_counts=True)
    if not len(pairs):
        return codes.astype(np.int32), (OTHER,)
    order = np.argsort(-count, kind="stable")
    place = np.empty(len(pairs), dtype=np.int32)
    place[order] = np.minimum(np.arange(len(pairs)), most - 1)
    told = [f"{kinds[pair // len(sizes)] or ''} / {sizes[pair % len(sizes)] or ''}" for pair in pairs[order].tolist()]
    names = told[:most] if len(told) <= most else [*told[: most - 1], OTHER]
    return place[codes], tuple(names)
