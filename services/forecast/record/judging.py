"""How right what was said at locks was, beside simpler methods: a pure function of what was kept and of what came.

Locks of one period share their outcome, so only periods count as independent. Methods are compared on the locks at which
both said something.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final, Literal, NamedTuple

import numpy as np

from services.forecast.accuracy import scores
from services.forecast.accuracy.scores import Compared, Coverage, Pair
from services.forecast.accuracy.scoring import LEAST_PERIODS
from services.forecast.accuracy.spread import around
from services.forecast.projection.steps import Floats

OURS: Final = "foretell"
LEVELS: Final = tuple(step / 10 for step in range(1, 10))
DRAWS: Final = 2_000
_SEED: Final = 20_260_101

Closer = Literal["foretell", "other", "unclear"]


class Said(NamedTuple):
    """What a method said with how sure it was: its quantiles at the shares of the case, and its band of 80 %."""

    quantiles: Floats
    band: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Case:
    """One lock of a period that was closed since: what was said of a node, and what came.

    `said`: by method the whole period's amount, ours among them; `quantiles` of ours at `shares`; `closed` at the lock.
    `closed_at`: when it was known what came. `own`: of methods beside ours that said how sure they were.
    """

    due_at: datetime
    closed_at: datetime
    period: date
    closed: float
    came: float
    said: Mapping[str, float]
    quantiles: Floats
    shares: Floats
    band_80: tuple[float, float]
    band_95: tuple[float, float] | None
    expected_wins: float
    size_cv: float | None
    own: Mapping[str, Said] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Method:
    """A method's errors over `n` locks of `periods` periods. Shares of what came, `remaining` of what came after the locks.

    `ours`: our WAPE on the same locks; `compared` is ours against it, its sign says who was `closer`, if that is clear.
    Shares are None while it is too early, or where nothing came.
    """

    name: str
    n: int
    periods: int
    absolute_error: float
    wape: float | None
    wape_remaining: float | None
    bias: float | None
    bias_remaining: float | None
    crps: float | None
    interval_score: float | None
    cover_80: Coverage | None
    ours: float | None = None
    compared: Compared | None = None
    closer: Closer | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """All methods over one set of cases, ours first. `too_early` says why there are no shares."""

    n: int
    periods: int
    too_early: str | None
    methods: Sequence[Method]
    cover_95: Coverage | None
    floor: float | None
    floor_remaining: float | None
    levels: Sequence[tuple[float, Coverage]] = field(default_factory=tuple)


def judge(cases: Sequence[Case]) -> Judged:
    """Score every method on the cases in which it said something."""
    periods = _periods(cases)
    early = f"too early: {periods} of at least {LEAST_PERIODS} closed periods have been locked"
    too_early = early if periods < LEAST_PERIODS else None
    names = dict.fromkeys([OURS, *sorted({name for case in cases for name in case.said})])
    wide = [case for case in cases if case.band_95 is not None]
    low, high = np.array([case.band_95 for case in wide if case.band_95]).reshape(-1, 2).T
    came = _array(case.came for case in cases)
    error = _floor(cases)
    rest = came - _array(case.closed for case in cases)
    return Judged(
        n=len(cases),
        periods=periods,
        too_early=too_early,
        methods=[_method(name, cases, early=bool(too_early)) for name in names] if cases else [],
        cover_95=scores.coverage(scores.inside(low, high, _array(case.came for case in wide)), distinct=_periods(wide)),
        floor=None if error is None or too_early else _share(error, came),
        floor_remaining=None if error is None or too_early else _share(error, rest),
        levels=_levels(cases),
    )


def _method(name: str, cases: Sequence[Case], *, early: bool) -> Method:
    here = [case for case in cases if name in case.said]
    said, came, closed = (
        _array(values)
        for values in (
            (case.said[name] for case in here),
            (case.came for case in here),
            (case.closed for case in here),
        )
    )
    off, rest = said - came, came - closed
    told = [case.own[name] for case in here if name in case.own]
    if name == OURS:
        told = [Said(case.quantiles, case.band_80) for case in here]
    spread = _of_own(here, told) if len(told) == len(here) else _of_point(name, here)
    low, high = spread.band
    block = np.unique([case.period.toordinal() for case in here], return_inverse=True)[1]
    early = early or _periods(here) < LEAST_PERIODS

    def known(value: float | None) -> float | None:
        return None if early else value

    compared = None
    if name != OURS and not early:
        own = np.abs(_array(case.said[OURS] for case in here) - came)
        compared = scores.compare([Pair(own, np.abs(off), block)], np.random.default_rng(_SEED), draws=DRAWS)
    return Method(
        name=name,
        n=len(here),
        periods=_periods(here),
        absolute_error=float(np.abs(off).sum()),
        wape=known(scores.wape(said, came)),
        wape_remaining=known(_share(float(np.abs(off).sum()), rest)),
        bias=known(scores.bias(said, came)),
        bias_remaining=known(_share(float(off.sum()), rest)),
        crps=known(scores.relative(scores.crps(spread.quantiles, came), came)),
        interval_score=known(scores.relative(scores.interval_score(low, high, came, level=0.8), came)),
        cover_80=scores.coverage(scores.inside(low, high, came), distinct=_periods(here)),
        ours=None if name == OURS else known(scores.wape(_array(case.said[OURS] for case in here), came)),
        compared=compared,
        closer=None if compared is None else _closer(compared),
    )


@dataclass(frozen=True, slots=True)
class _Spread:
    """What was said with how sure it was: quantiles at the shares of the scores' grid, and the band of 80 %, by case."""

    quantiles: Floats
    band: tuple[Floats, Floats]


def _of_own(cases: Sequence[Case], told: Sequence[Said]) -> _Spread:
    quantiles = np.array(
        [np.interp(scores.GRID, case.shares, said.quantiles) for case, said in zip(cases, told, strict=True)]
    )
    return _Spread(quantiles, (_array(said.band[0] for said in told), _array(said.band[1] for said in told)))


def _of_point(name: str, cases: Sequence[Case]) -> _Spread:
    """A point gets the spread that its own errors in periods known by then had, as in the backtest.

    The spread is that of what was still to come.
    """
    quantiles, ends = [], []
    for case in cases:
        past = [
            (each.said[name] - each.closed, each.came - each.closed) for each in cases if each.closed_at <= case.due_at
        ]
        landing = around(case.said[name] - case.closed, past)
        quantiles.append(case.closed + landing.quantile(scores.GRID))
        ends.append(case.closed + landing.quantile(scores.ENDS_80))
    low, high = np.array(ends).T
    return _Spread(np.array(quantiles), (low, high))


def _closer(compared: Compared) -> Closer:
    """Who was nearer, if the interval of the difference does not hold none."""
    return "foretell" if compared.high < 0 else "other" if compared.low > 0 else "unclear"


def _levels(cases: Sequence[Case]) -> list[tuple[float, Coverage]]:
    """How often what came lay at or below the amount under which it was said to stay with each probability."""
    found = []
    for level in LEVELS:
        below = np.array([case.came <= float(np.interp(level, case.shares, case.quantiles)) for case in cases])
        covered = scores.coverage(below, distinct=_periods(cases))
        if covered is not None:
            found.append((level, covered))
    return found


def _floor(cases: Sequence[Case]) -> float | None:
    """The sum of the errors that remain when every probability is known: of each case its floor times what was to come."""
    errors = []
    for case in cases:
        to_come = max(case.said[OURS] - case.closed, 0.0)
        floor = scores.noise_floor(case.expected_wins, case.size_cv) if case.size_cv is not None else None
        if floor is not None:
            errors.append(floor * to_come)
        elif to_come > 0:
            return None
    return float(sum(errors)) if errors else None


def by_key(cases: Sequence[tuple[str, Case]]) -> dict[str, list[Case]]:
    """The cases of each key, in the order in which keys are first met."""
    found: dict[str, list[Case]] = defaultdict(list)
    for key, case in cases:
        found[key].append(case)
    return dict(found)


def _periods(cases: Sequence[Case]) -> int:
    return len({case.period for case in cases})


def _array(values: Iterable[float]) -> Floats:
    return np.array(list(values), dtype=np.float64)


def _share(total: float, of: Floats) -> float | None:
    whole = float(of.sum())
    return total / whole if whole > 0 else None
