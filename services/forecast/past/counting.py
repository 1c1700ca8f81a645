"""Which wins of history count in another month than the one they are booked in: the twin of `periods.repository.wins`. Pure."""

from datetime import datetime
from typing import Final
from uuid import UUID

import numpy as np

from services.forecast.history.columns import (
    NO_DAY,
    Columns,
    Flags,
    Index,
    Ints,
    day_number,
    day_of,
    entries,
    instant_of,
    micros,
)
from services.forecast.past.population import NOTHING_RESTATED, Restated, days
from services.forecast.periods.counting import Books, Counted, States, counted_period

_NEVER: Final = int(np.iinfo(np.int64).max)


def restated(columns: Columns, rows: Index | None, *, as_of: datetime, known_at: datetime, books: Books) -> Restated:
    """The closings among `rows` (of all deals, if None) that finance has decided about or has to, as known at `known_at`.

    Only deals that were recorded as won after their month was closed, and those of decisions, are looked at one by one. A
    closing is what stands in the timeline without a break: won, and booked on one day.
    """
    decided = [columns.code("deal", str(deal)) for deal in books.decisions]
    deals = np.union1d(
        columns.deal[_after_closing(columns, rows, books.states)], [code for code in decided if code >= 0]
    )
    if not len(deals):
        return NOTHING_RESTATED
    seen = entries(columns, deals)
    seen = seen[(columns.valid_from[seen] <= micros(as_of)) & (columns.recorded_at[seen] <= micros(known_at))]
    if not len(seen):
        return NOTHING_RESTATED
    booked = _booked(columns, seen)
    closing, held = _closings(columns, seen, booked)
    is_so = (booked == held) & (booked != NO_DAY)
    known = np.full(closing[-1] + 1, _NEVER, dtype=np.int64)
    np.minimum.at(known, closing[is_so], columns.recorded_at[seen[is_so]])
    wanted = is_so & ((known[closing] > _closed_at(books.states, booked)) | np.isin(columns.deal[seen], decided))
    counted: dict[int, Counted] = {}
    for at in np.flatnonzero(wanted).tolist():
        if closing[at] not in counted:
            counted[closing[at]] = _counted(columns, seen[at], booked[at], int(known[closing[at]]), books)
    kept = [at for at in np.flatnonzero(wanted).tolist() if counted[closing[at]].why != "booked"]
    found = [counted[closing[at]] for at in kept]
    return Restated(
        seen[kept],
        np.array([day_number(each.day) for each in found], dtype=np.int32),
        np.array([each.why == "decided" for each in found], dtype=bool),
    )


def _after_closing(columns: Columns, rows: Index | None, states: States) -> Index:
    """The rows (of all, if None) that are won in days that were closed before they were recorded."""
    if not any(stretch.change.state == "closed" for stretch in states.laid):
        return np.empty(0, dtype=np.intp)
    if rows is None:
        rows = np.flatnonzero(columns.is_in("state", ["won"]))
    rows = rows[columns.is_in("state", ["won"], rows) & ~columns.gone[rows]]
    after: Flags = columns.recorded_at[rows] > _closed_at(states, days(columns, rows).astype(np.int64))
    return rows[after]


def _closed_at(states: States, booked: Ints) -> Ints:
    """When each day was closed, in microseconds; never, for one that is not."""
    starts = np.array([day_number(stretch.start) for stretch in states.laid] or [NO_DAY], dtype=np.int64)
    untils = np.array([day_number(stretch.until) for stretch in states.laid] or [NO_DAY], dtype=np.int64)
    closed = [micros(each.change.at) if each.change.state == "closed" else _NEVER for each in states.laid] or [_NEVER]
    place = np.maximum(np.searchsorted(starts, booked, side="right") - 1, 0)
    inside = (booked >= starts[place]) & (booked < untils[place])
    return np.where(inside, np.array(closed, dtype=np.int64)[place], _NEVER)


def _booked(columns: Columns, rows: Index) -> Ints:
    """The day on which each is booked as won; NO_DAY for those that are not."""
    won = columns.is_in("state", ["won"], rows) & ~columns.gone[rows]
    return np.where(won, days(columns, rows), NO_DAY).astype(np.int64)


def _closings(columns: Columns, seen: Index, booked: Ints) -> tuple[Index, Ints]:
    """For each entry a number of the stretch of its deal's timeline, and the day on which the deal is booked in it.

    Of entries of one time the last is the one that held.
    """
    deal, valid_from = columns.deal[seen], columns.valid_from[seen]
    is_last = np.ones(len(seen), dtype=bool)
    is_last[:-1] = (deal[1:] != deal[:-1]) | (valid_from[1:] != valid_from[:-1])
    moment = np.concatenate(([0], np.cumsum(is_last)[:-1]))
    held = booked[is_last][moment]
    begins = np.zeros(len(seen), dtype=np.intp)
    begins[1:] = (deal[1:] != deal[:-1]) | (held[1:] != held[:-1])
    return np.cumsum(begins), held


def _counted(columns: Columns, row: int, booked: int, known: int, books: Books) -> Counted:
    deal = UUID(str(columns.words["deal"].texts[columns.deal[row]]))
    day = day_of(int(booked))
    if day is None:
        raise ValueError("a closing without a day counts nowhere")
    return counted_period(day, instant_of(known), books.states, books.decisions.get(deal, ()))
