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
    Ints,
    day_number,
    effective,
    instant_of,
    micros,
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
    """A movement to be explained: of a period's forecast, from one end to the other."""

    columns: Columns
    start: End
    end: End
    period: Period
    calendar: FiscalCalendar
    zone: ZoneInfo

    def ends(self) -> Iterator[Steps]:
        """One step per deal, whatever happened on the way."""
        before, after = self._rows(self.start), self._rows(self.end)
        kept = np.flatnonzero(self._touches(before, self.start.look) | self._touches(after, self.end.look))
        closing = self._closing()[kept]
        yield self._steps(
            before[kept], self._quarter(self.start.day), self.start.look,
            after[kept], self._quarter(self.end.day), self.end.look, closing,
        )  # fmt: skip

    def every_step(self) -> Iterator[Steps]:
        """Every change on the way, and the turn of each quarter.

        The first is what became known later about the start, with the other end's rates and organisation.
        """
        held = timeline(self.columns, self.end.as_of, self.end.known_at)
        known, then = self._rows(self.start), self._rows_at(self.start.as_of, self.end.known_at)
        wanted = self._touches(known, self.start.look)
        wanted[self.columns.deal[held[self._dated(held, self.end.look)]]] = True
        begins, ends = self._quarter(self.start.day), self._quarter(self.end.day)
        deals = np.flatnonzero(wanted & ((known != NO_ROW) | (then != NO_ROW)))
        look = self.end.look
        yield self._steps(known[deals], begins, self.start.look, then[deals], begins, look, then[deals])
        held = held[wanted[self.columns.deal[held]]]
        deal = self.columns.deal[held]
        has_previous = np.zeros(len(held), dtype=bool)
        has_previous[1:] = deal[1:] == deal[:-1]
        previous = np.where(has_previous, np.roll(held, 1), NO_ROW)
        at = self._quarters_of(self.columns.valid_from[held])
        at = np.maximum(at, begins)
        is_step = self.columns.valid_from[held] > micros(self.start.as_of)
        since = np.where(has_previous, np.roll(at, 1), at)
        rows, before, now, then_at = held[is_step], previous[is_step], at[is_step], since[is_step]
        # Most steps fall into the quarter of the one before: for those no quarter has turned in between.
        turned = then_at != now
        yield self._steps(before[turned], then_at[turned], look, before[turned], now[turned], look, before[turned])
        yield self._steps(before, now, look, rows, now, look, rows)
        is_last = np.ones(len(held), dtype=bool)
        is_last[:-1] = deal[1:] != deal[:-1]
        last = held[is_last]
        yield self._steps(last, at[is_last], look, last, ends, look, last)

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

    def _rows(self, end: End) -> Index:
        return self._rows_at(end.as_of, end.known_at)

    def _rows_at(self, as_of: datetime, known_at: datetime) -> Index:
        return self._by_deal(effective(self.columns, as_of, known_at))

    def _by_deal(self, rows: Index) -> Index:
        """Rows by the code of their deal; NO_ROW for deals without one."""
        found = np.full(len(self.columns.words["deal"].texts), NO_ROW, dtype=np.intp)
        found[self.columns.deal[rows]] = rows
        return found

    def _dated(self, rows: Index, look: Look) -> Flags:
        day = look.restated.counted(rows, days(self.columns, rows))
        found: Flags = (day >= day_number(self.period.start)) & (day < day_number(self.period.end))
        return found

    def _touches(self, rows: Index, look: Look) -> Flags:
        """Which of these rows, NO_ROW among them, are dated in the period."""
        found = np.zeros(len(rows), dtype=bool)
        found[rows != NO_ROW] = self._dated(rows[rows != NO_ROW], look)
        return found

    def _closing(self) -> Index:
        """For each deal that is won at the end, the row by which it was won; else NO_ROW."""
        held = timeline(self.columns, self.end.as_of, self.end.known_at)
        deal, won = self.columns.deal[held], self.columns.is_in("state", ["won"], held)
        begins = np.ones(len(held), dtype=bool)
        begins[1:] = (deal[1:] != deal[:-1]) | (won[1:] != won[:-1])
        start = np.maximum.accumulate(np.where(begins, np.arange(len(held)), 0))
        is_last = np.ones(len(held), dtype=bool)
        is_last[:-1] = deal[1:] != deal[:-1]
        is_last &= won
        found = np.full(len(self.columns.words["deal"].texts), NO_ROW, dtype=np.intp)
        found[deal[is_last]] = held[start[is_last]]
        return found

    def _quarter(self, day: date) -> int:
        return day_number(self.calendar.quarter(day).start)

    def _quarters_of(self, instants: Ints) -> Codes:
        """The first day of the quarter in which each instant falls, by the organisation's clock."""
        if not len(instants):
            return np.empty(0, dtype=np.int32)
        quarter = self.calendar.quarter(self._day(int(instants.min())))
        begins: list[int] = []
        starts: list[int] = []
        while not starts or begins[-1] <= instants.max():
            begins.append(micros(datetime.combine(quarter.start, time(), self.zone)))
            starts.append(day_number(quarter.start))
            quarter = self.calendar.quarter(quarter.end)
        found: Codes = np.array(starts, dtype=np.int32)[np.searchsorted(begins, instants, side="right") - 1]
        return found

    def _day(self, instant: int) -> date:
        return instant_of(instant).astimezone(self.zone).date()
