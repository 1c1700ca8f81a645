"""The steps that deals took between two instants: from end to end, or every one. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import numpy as np

from libs.common.calendar import FiscalCalendar, Period
from services.forecast.history.columns import (
    Codes,
    Columns,
    Flags,
    Index,
    day_number,
    held,
    instant_of,
    lasts,
    latest,
    micros,
    seen,
    timeline,
)
from services.forecast.movement.identity import Steps
from services.forecast.movement.standing import NO_ROW, Look, Looked, Standing
from services.forecast.past.population import days


@dataclass(frozen=True, slots=True)
class End:
    """One end of a movement: what was valid and known, seen from a business date with rates and an organisation."""

    as_of: datetime
    known_at: datetime
    day: date
    look: Look


@dataclass(frozen=True)
class Between:
    """A movement to be explained: of a period's forecast, from one end to the other, which is not earlier by either clock.

    Steps of deals that are dated in the period neither before nor after are left out: they move nothing.
    """

    columns: Columns
    start: End
    end: End
    period: Period
    calendar: FiscalCalendar
    zone: ZoneInfo

    def ends(self) -> Iterator[Steps]:
        """One step per deal, whatever happened on the way."""
        before, arrived = self._came()
        after = self._followed(before, arrived)
        was_dated, is_dated = self._dated((self.start.look, self.end.look), before, arrived)
        deals = np.flatnonzero(was_dated[before] | is_dated[after])
        before, after = before[deals], after[deals]
        closing = self._closing(deals, after)
        first = Looked.at(self.columns, self.start.look, self.period, before)
        last = Looked.at(self.columns, self.end.look, self.period, after, closing)
        yield Steps(
            self._standing(first, before, self._quarter(self.start.day)),
            self._standing(last, after, self._quarter(self.end.day)),
            closing,
        )

    def every_step(self) -> Iterator[Steps]:
        """Every change on the way, and the turn of each quarter.

        The first is what became known later about the start, with the other end's rates and organisation.
        """
        begins, ends = self._quarter(self.start.day), self._quarter(self.end.day)
        known, arrived = self._came()
        was_dated, is_dated = self._dated((self.start.look, self.end.look), known, arrived)
        is_late = self.columns.valid_from[arrived] <= micros(self.start.as_of)
        then = self._followed(known, arrived[is_late])
        deals = np.flatnonzero(was_dated[known] | is_dated[then])
        rows = held(self.columns, arrived[~is_late])
        last = self._followed(then, rows)
        last = last[is_dated[last]]
        before = self._before(rows, then)
        moves = is_dated[before] | is_dated[rows]
        rows, before = rows[moves], before[moves]
        known, then = known[deals], then[deals]
        first = Looked.at(self.columns, self.start.look, self.period, known)
        looked = Looked.at(self.columns, self.end.look, self.period, then, before, rows, last)

        yield Steps(self._standing(first, known, begins), self._standing(looked, then, begins), then)
        now = self._quarters_of(rows, begins)
        since = np.where(before == NO_ROW, now, self._quarters_of(before, begins))
        # Most steps fall into the quarter of the one before: for those no quarter has turned in between.
        turned = np.flatnonzero(is_dated[before] & (since != now))
        stood, stands = Standing(looked, before, since), Standing(looked, before, now)
        yield Steps(stood.where(turned), stands.where(turned), before[turned])
        yield Steps(stands, Standing(looked, rows, now), rows)
        yield Steps(Standing(looked, last, self._quarters_of(last, begins)), self._standing(looked, last, ends), last)

    @staticmethod
    def _standing(looked: Looked, rows: Index, quarter: int) -> Standing:
        return Standing(looked, rows, np.full(len(rows), quarter, dtype=np.int32))

    def _came(self) -> tuple[Index, Index]:
        """The row that is effective at the start, by the code of its deal (NO_ROW without one), and the rows seen only at the end."""
        is_seen = seen(self.columns, self.start.as_of, self.start.known_at)
        found = np.full(len(self.columns.words["deal"].texts), NO_ROW, dtype=np.intp)
        rows = latest(self.columns, is_seen)
        found[self.columns.deal[rows]] = rows
        return found, np.flatnonzero(seen(self.columns, self.end.as_of, self.end.known_at) & ~is_seen)

    def _followed(self, rows: Index, arrived: Index) -> Index:
        """What is effective by deal when `arrived` has come to what was: the last in the order of the timeline."""
        last = arrived[lasts(self.columns.deal[arrived])]
        deal, found = self.columns.deal[last], rows.copy()
        found[deal] = np.maximum(rows[deal], last)
        return found

    def _before(self, rows: Index, then: Index) -> Index:
        """What each of `rows` follows: the row of its deal before it, and what was effective `then` for the first."""
        deal = self.columns.deal[rows]
        found = then[deal]
        follows = np.flatnonzero(~lasts(deal))
        found[follows + 1] = rows[follows]
        return found

    def _dated(self, looks: Iterable[Look], *several: Index) -> Iterator[Flags]:
        """By each look, which of `several` rows are dated in the period: a flag per row of the columns and one for NO_ROW."""
        booked = np.zeros(len(self.columns) + 1, dtype=bool)
        for rows in several:
            there = rows[rows != NO_ROW]
            booked[there] = self._is_in(days(self.columns, there))
        for look in looks:
            found = booked.copy() if len(look.restated.rows) else booked
            found[look.restated.rows] = self._is_in(look.restated.day)
            yield found

    def _is_in(self, day: Codes) -> Flags:
        found: Flags = (day >= day_number(self.period.start)) & (day < day_number(self.period.end))
        return found

    def _closing(self, deals: Index, after: Index) -> Index:
        """For each deal that is won at the end, where it stands on the row `after`, the row by which it was won; else NO_ROW."""
        is_won = (after != NO_ROW) & self.columns.is_in("state", ["won"], after)
        rows = timeline(self.columns, self.end.as_of, self.end.known_at, deals[is_won])
        deal, won = self.columns.deal[rows], self.columns.is_in("state", ["won"], rows)
        begins = np.ones(len(rows), dtype=bool)
        begins[1:] = (deal[1:] != deal[:-1]) | (won[1:] != won[:-1])
        start = np.maximum.accumulate(np.where(begins, np.arange(len(rows)), 0))
        found = np.full(len(deals), NO_ROW, dtype=np.intp)
        found[is_won] = rows[start[lasts(deal)]]
        return found

    def _quarter(self, day: date) -> int:
        return day_number(self.calendar.quarter(day).start)

    def _quarters_of(self, rows: Index, earliest: int) -> Codes:
        """The first day of the quarter in which each row came, by the organisation's clock; `earliest` for rows before it."""
        if not len(rows):
            return np.empty(0, dtype=np.int32)
        instants = self.columns.valid_from[rows]
        quarter = self.calendar.quarter(self._day(int(instants.min())))
        begins: list[int] = []
        starts: list[int] = []
        while not starts or begins[-1] <= instants.max():
            begins.append(micros(datetime.combine(quarter.start, time(), self.zone)))
            starts.append(day_number(quarter.start))
            quarter = self.calendar.quarter(quarter.end)
        found: Codes = np.array(starts, dtype=np.int32)[np.searchsorted(begins, instants, side="right") - 1]
        return np.maximum(found, np.int32(earliest))

    def _day(self, instant: int) -> date:
        return instant_of(instant).astimezone(self.zone).date()
