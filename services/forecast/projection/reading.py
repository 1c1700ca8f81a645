"""Makes the engine's steps from the columns of history."""

from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

import numpy as np

from libs.common import money
from services.forecast.history.columns import NO_DAY, Columns, Index, lasts, local_days
from services.forecast.past.population import days, worth
from services.forecast.projection.contracts import Contracts, Sold, contracts
from services.forecast.projection.steps import GONE, LOST, OPEN, WON, Codes, Floats, Ints, Small, Steps
from services.forecast.rates.conversion import Rates

LARGEST = 360
"""Segments times stages that are told apart; rarer segments stand together."""
OTHER = "other"
OMITTED, WAITING = "omitted", "held back"


_ASIDE = 1 << 20
"""Codes from here on stand for what a stage of its own is made of; the columns have fewer."""


@dataclass(frozen=True, slots=True)
class Coding:
    """Which stages and segments are told apart, in the order of their codes; each is two codes of the columns.

    With `is_pooled` all other segments stand together, after those.
    """

    stages: Ints
    segments: Ints
    is_pooled: bool

    @classmethod
    def of(cls, columns: Columns, rows: Index) -> "Coding":
        """As many as there are among `rows`, segments only as many as leave tables small: those with most rows."""
        stages = np.unique(_stages(columns, rows))
        segments, count = np.unique(_segments(columns, rows), return_counts=True)
        segments = segments[np.argsort(-count, kind="stable")]
        most = max(1, LARGEST // max(len(stages), 1))
        is_pooled = len(segments) > most
        return cls(stages, segments[: most - 1] if is_pooled else segments, is_pooled)

    def extended(self, columns: Columns, rows: Index) -> "Coding":
        """With what is new among `rows`, if anything is, after all others."""
        stages = np.setdiff1d(_stages(columns, rows), self.stages)
        segments = self.segments[:0] if self.is_pooled else np.setdiff1d(_segments(columns, rows), self.segments)
        if not len(stages) and not len(segments):
            return self
        return replace(self, stages=np.append(self.stages, stages), segments=np.append(self.segments, segments))

    def stage_names(self, columns: Columns) -> tuple[str, ...]:
        pipelines, names = columns.words["pipeline"].texts, columns.words["stage"].texts
        aside = {_OMITTED: OMITTED, _WAITING: WAITING}
        told = (divmod(pair, 2 * _ASIDE) for pair in self.stages.tolist())
        return tuple(f"{pipelines[first] or ''} / {aside.get(then) or names[then] or ''}" for first, then in told) or (
            "",
        )

    def segment_names(self, columns: Columns) -> tuple[str, ...]:
        kinds, sizes = columns.words["deal_type"].texts, columns.words["segment"].texts
        told = (divmod(pair, 2 * _ASIDE) for pair in self.segments.tolist())
        names = tuple(f"{kinds[first] or ''} / {sizes[then] or ''}" for first, then in told)
        return names if names and not self.is_pooled else (*names, OTHER)


_OMITTED, _WAITING = _ASIDE, _ASIDE + 1


def steps_of(columns: Columns, rows: Index, rates: Rates, zone: ZoneInfo, coding: Coding | None = None) -> Steps:
    """The steps of `rows`, timelines of whole deals (`columns.timeline`), amounts in the base currency of `rates`.

    A stage is told apart by its pipeline; deals omitted by a person or held back by their lead stand in stages of their own.
    A segment is a deal type and a segment of the CRM. `coding`: all that occurs among the rows, else it is their own.
    """
    state = _state(columns, rows)
    coding = coding or Coding.of(columns, rows)
    amount = _amount(columns, rows, days(columns, rows), rates)
    booked = np.where(state == WON, _day(columns.closed_on[rows]), np.nan)
    deal = columns.deal[rows]
    starts = np.ones(len(rows), dtype=bool)
    starts[1:] = deal[1:] != deal[:-1]
    return Steps(
        deal=(np.cumsum(starts) - 1).astype(np.int32),
        at=local_days(columns.valid_from[rows], zone),
        state=state,
        stage=_codes(_stages(columns, rows), coding.stages),
        segment=_codes(_segments(columns, rows), coding.segments),
        amount=amount,
        close_date=_day(columns.close_date[rows]),
        booked=booked,
        pushes=columns.pushes[rows],
        due=columns.is_in("deal_type", ["renewal"], rows),
        stages=coding.stage_names(columns),
        segments=coding.segment_names(columns),
    )


def contracts_of(columns: Columns, rows: Index, rates: Rates, zone: ZoneInfo) -> Contracts:
    """What was sold for a term, and the renewals that speak for it, by the last of each deal's `rows`; deals are numbered as in `steps_of`."""
    last = rows[lasts(columns.deal[rows])]
    day = days(columns, last)
    created = local_days(columns.created_at[last], zone)
    basis_of_year = columns.is_in("value_basis", ["arr", "acv"], last)
    of_term = columns.is_in("value_basis", ["tcv"], last)
    term = columns.term[last]
    return contracts(
        Sold(
            names=columns.words["deal"].texts,
            code=columns.deal[last],
            account=columns.account[last],
            state=_state(columns, last),
            renews=columns.is_in("deal_type", ["renewal", "contraction"], last),
            recurs=basis_of_year | of_term,
            day=np.where(day == NO_DAY, np.floor(created), day.astype(np.float64)),
            created=created,
            amount=_amount(columns, last, day, rates),
            per=np.where(basis_of_year, 12, np.where(of_term, term, 0)).astype(np.int32),
            term=term,
        )
    )


def _state(columns: Columns, rows: Index) -> Small:
    state = np.full(len(rows), OPEN, dtype=np.int8)
    state[columns.is_in("state", ["won"], rows)] = WON
    state[columns.is_in("state", ["lost"], rows)] = LOST
    state[columns.gone[rows]] = GONE
    return state


def _amount(columns: Columns, rows: Index, day: Codes, rates: Rates) -> Floats:
    """In the base currency; nan where it is unknown."""
    units, priced = worth(columns, rows, day, rates)
    return np.where(priced, units / 10.0 ** money.exponent(rates.base), np.nan)


def _day(day: Codes) -> Floats:
    return np.where(day == NO_DAY, np.nan, day.astype(np.float64))


def _stages(columns: Columns, rows: Index) -> Ints:
    stage = columns.stage[rows].astype(np.int64)
    stage = np.where(columns.is_in("category", ["omitted"], rows), _OMITTED, stage)
    stage = np.where(columns.is_in("gate", ["waiting"], rows), _WAITING, stage)
    return columns.pipeline[rows].astype(np.int64) * (2 * _ASIDE) + stage


def _segments(columns: Columns, rows: Index) -> Ints:
    return columns.deal_type[rows].astype(np.int64) * (2 * _ASIDE) + columns.segment[rows]


def _codes(pairs: Ints, known: Ints) -> Codes:
    """The place of each pair among those known; after them where it is not."""
    order = np.argsort(known, kind="stable")
    at = np.minimum(np.searchsorted(known[order], pairs), max(len(known) - 1, 0))
    if not len(known):
        return np.zeros(len(pairs), dtype=np.int32)
    place = order[at]
    return np.where(known[place] == pairs, place, len(known)).astype(np.int32)
