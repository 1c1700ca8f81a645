"""The steps that deals took between two instants: from end to end, or every one. Pure."""

from collections.abc import Iterator
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
    effective,
    held,
    instant_of,
    lasts,
    micros,
    seen,
    timeline,
)
from services.forecast.movement.identity import NO_ROW, Look, Standing, Steps
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
        before = self._at_start()
        after = self._followed(before, self._arrived())
        deals = np.flatnonzero(self._dated(before, self.start.look) | self._dated(after, self.end.look))
        before, after = before[deals], after[deals]
        yield self._steps(
            before, self._quarter(self.start.day), self.start.look,
            after, self._quarter(self.end.day), self.end.look, self._closing(deals, after),
        )  # fmt: skip

    def every_step(self) -> Iterator[Steps]:
        """Every change on the way, and the turn of each quarter.

        The first is what became known later about the start, with the other end's rates and organisation.
        """
        look, begins, ends = self.end.look, self._quarter(self.start.day), self._quarter(self.end.day)
        arrived = self._arrived()
        is_late = self.columns.valid_from[arrived] <= micros(self.start.as_of)
        known = self._at_start()
        then = self._followed(known, arrived[is_late])
        deals = np.flatnonzero(self._dated(known, self.start.look) | self._dated(then, look))
        yield self._steps(known[deals], begins, self.start.look, then[deals], begins, look, then[deals])
        rows = held(self.columns, arrived[~is_late])
        before = self._before(rows, then)
        last = self._followed(then, rows)
        was_dated = self._dated(before, look)
        moves = was_dated | self._dated(rows, look)
        rows, before, was_dated = rows[moves], before[moves], was_dated[moves]
        now = self._quarters_of(rows, begins)
        since = np.where(before == NO_ROW, now, self._quarters_of(before, begins))
        # Most steps fall into the quarter of the one before: for those no quarter has turned in between.
        turned = was_dated & (since != now)
        yield self._steps(before[turned], since[turned], look, before[turned], now[turned], look, before[turned])
        yield self._steps(before, now, look, rows, now, look, rows)
        last = last[self._dated(last, look)]
        yield self._steps(last, self._quarters_of(last, begins), look, last, ends, look, last)

    def _steps(
        self,
        before: Index,
        before_quarter: Codes | int,
        before_look: Look,
        after: Index,
        after_quarter: Codes | int,
        after_look: Look,
        closing: Index,
    ) -> Steps:
        return Steps(
            Standing(self.columns, before, self._spread(before_quarter, before), before_look, self.period),
            Standing(self.columns, after, self._spread(after_quarter, after), after_look, self.period),
            closing,
        )

    @staticmethod
    def _spread(quarter: Codes | int, rows: Index) -> Codes:
        return np.full(len(rows), quarter, dtype=np.int32) if isinstance(quarter, int) else quarter

    def _at_start(self) -> Index:
        """The row that is effective at the start, by the code of its deal; NO_ROW for deals without one."""
        found = np.full(len(self.columns.words["deal"].texts), NO_ROW, dtype=np.intp)
        rows = effective(self.columns, self.start.as_of, self.start.known_at)
        found[self.columns.deal[rows]] = rows
        return found

    def _arrived(self) -> Index:
        """What is seen at the end and was not at the start."""
        is_new = seen(self.columns, self.end.as_of, self.end.known_at)
        is_new &= ~seen(self.columns, self.start.as_of, self.start.known_at)
        return np.flatnonzero(is_new)

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

    def _dated(self, rows: Index, look: Look) -> Flags:
        """Which of these rows, NO_ROW among them, are dated in the period."""
        found = np.zeros(len(rows), dtype=bool)
        here = np.flatnonzero(rows != NO_ROW)
        there = rows[here]
        day = look.restated.counted(there, days(self.columns, there))
        found[here] = (day >= day_number(self.period.start)) & (day < day_number(self.period.end))
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
