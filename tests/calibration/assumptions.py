"""How often assumptions of a plan are called broken in companies where nothing changes, and how soon in one whose win rate falls.

A company of four teams and the whole of it, of each four measures: a plan of 20 assumptions. Deals are decided, won and created
week by week; amounts and cycles vary by lognormal laws. A year goes before the plan's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.stats import beta

from services.forecast.assumptions.judging import SURE, Look, Standing, standing_out, turned
from services.forecast.assumptions.measures import MEASURES, MONTH_DAYS, Metric
from services.forecast.assumptions.posterior import Floats, Posterior, Seen, posterior
from services.forecast.assumptions.proposing import Year, proposed
from services.forecast.assumptions.stating import CRITICAL

TEAMS: Final = np.array([0.4, 0.3, 0.2, 0.1])
"""Shares of the company's deals."""
NODES: Final = 1 + len(TEAMS)
WEEKS: Final = 52
WEEK: Final = timedelta(days=7)
MONDAY: Final = datetime(2026, 1, 5, 11, tzinfo=UTC)
FALL: Final = 0.4
QUARTER: Final = 13
WATCHED: Final[tuple[Metric, ...]] = ("win_rate", "creation", "size", "cycle")


@dataclass(frozen=True)
class World:
    """What a company is like: decided deals in a quarter, won of these, created for each decided, and how amounts and cycles scatter."""

    decided: float = 150
    win_rate: float = 0.3
    created: float = 1.2
    size: float = 20_000
    size_scatter: float = 0.9
    cycle: float = 70
    cycle_scatter: float = 0.6


@dataclass(frozen=True)
class Told:
    """Two years of a company by node and week: arrays of nodes x weeks, the whole company first."""

    decided: Floats
    won: Floats
    created: Floats
    size: Floats
    size_squares: Floats
    cycle: Floats
    cycle_squares: Floats


def told(world: World, rng: np.random.Generator, *, falls_in: int | None = None) -> Told:
    """A company; from the week `falls_in` of the plan on its win rate is 40 % lower."""
    weekly = world.decided / QUARTER * TEAMS[:, None] * np.ones(2 * WEEKS)
    decided, created = rng.poisson(weekly), rng.poisson(weekly * world.created)
    rate = np.full(2 * WEEKS, world.win_rate)
    if falls_in is not None:
        rate[WEEKS + falls_in :] *= 1 - FALL
    won = rng.binomial(decided, rate)
    sizes = _summed(won, world.size, world.size_scatter, rng)
    cycles = _summed(won, world.cycle, world.cycle_scatter, rng)
    return Told(*(_with_whole(each) for each in (decided, won, created, *sizes, *cycles)))


def _summed(won: npt.NDArray[np.int64], mean: float, scatter: float, rng: np.random.Generator) -> tuple[Floats, Floats]:
    each = mean * rng.lognormal(-(scatter**2) / 2, scatter, int(won.sum()))
    at = np.repeat(np.arange(won.size), won.ravel())
    sums: list[Floats] = [
        np.bincount(at, weights, won.size).astype(np.float64).reshape(won.shape) for weights in (each, each**2)
    ]
    return sums[0], sums[1]


def _with_whole(teams: npt.NDArray[np.generic]) -> Floats:
    found: Floats = np.concatenate((teams.sum(axis=0, keepdims=True), teams), axis=0).astype(float)
    return found


def series(company: Told, metric: Metric) -> tuple[Floats, Floats, Floats]:
    """Cases, their sum and the sum of their squares, by node and week."""
    if metric == "win_rate":
        return company.decided, company.won, company.won
    if metric == "creation":
        return company.created, company.created, company.created
    pair = (company.size, company.size_squares) if metric == "size" else (company.cycle, company.cycle_squares)
    return company.won, *pair


@dataclass(frozen=True)
class Plan:
    """What is assumed of a company: by measure an expectation and a tolerance per node, nan where nothing is."""

    expected: Mapping[Metric, Floats]
    tolerance: Mapping[Metric, Floats]

    @property
    def size(self) -> int:
        return int(sum(np.isfinite(each).sum() for each in self.expected.values()))


def usual(company: Told, metric: Metric) -> Sequence[Year]:
    """What each node did in the year before the plan."""
    cases, total, squares = (each[:, :WEEKS] for each in series(company, metric))
    bursts = _bursts(company, metric)
    return [
        Year(float(cases[at].sum()), float(total[at].sum()), float(squares[at].sum()), float(bursts[at]), 7.0 * WEEKS)
        for at in range(NODES)
    ]


def _bursts(company: Told, metric: Metric) -> Floats:
    weekly = series(company, metric)[1][:, :WEEKS]
    found: Floats = np.maximum(weekly.var(axis=1, ddof=1) / np.maximum(weekly.mean(axis=1), 1e-9), 1.0)
    return found


def drafted(company: Told) -> Plan:
    """What a draft proposes from the year before."""
    expected: dict[Metric, Floats] = {}
    tolerance: dict[Metric, Floats] = {}
    for metric in WATCHED:
        found = [proposed(metric, year, plan_days=364) for year in usual(company, metric)]
        expected[metric] = np.array([float(each.expected) if each.expected else np.nan for each in found])
        tolerance[metric] = np.array([float(each.tolerance) if each.tolerance else np.nan for each in found])
    return Plan(expected, tolerance)


def true(world: World, company: Told) -> Plan:
    """A plan that knows how it is, with the tolerances of a draft; those of whom a draft says nothing have the least."""
    weekly = world.decided * world.created / 91 * MONTH_DAYS * np.concatenate(([1.0], TEAMS))
    alike = {"win_rate": world.win_rate, "size": world.size, "cycle": world.cycle}
    expected: dict[Metric, Floats] = {name: np.full(NODES, value) for name, value in alike.items()}  # type: ignore[misc]
    expected["creation"] = weekly
    found = drafted(company).tolerance
    return Plan(
        expected,
        {name: np.where(np.isfinite(each), each, float(MEASURES[name].least)) for name, each in found.items()},
    )


def watched(company: Told, plan: Plan) -> list[list[tuple[int, Metric, Standing]]]:
    """Week by week how each assumption stands: node, measure, standing."""
    standing = {
        (node, metric): Standing()
        for metric in WATCHED
        for node in np.flatnonzero(np.isfinite(plan.expected[metric])).tolist()
    }
    weeks = []
    for week in range(WEEKS):
        found = {metric: _seen(company, plan, metric, week) for metric in WATCHED}
        keys = list(standing)
        below, above = (
            np.array([getattr(found[metric], side)[node] for node, metric in keys]) for side in ("below", "above")
        )
        enough = np.array([bool(found[metric].is_enough[node]) for node, metric in keys])
        critical = np.array([node == 0 and metric in CRITICAL for node, metric in keys])
        out = standing_out(below, above, enough, critical)
        due = MONDAY + WEEK * (week + 1)
        for at, key in enumerate(keys):
            look = Look(due, float(below[at]), float(above[at]), bool(enough[at]), bool(out[at]))
            standing[key] = turned(standing[key], look)
        weeks.append([(node, metric, each) for (node, metric), each in standing.items()])
    return weeks


def _seen(company: Told, plan: Plan, metric: Metric, week: int) -> Posterior:
    cases, total, squares = series(company, metric)
    now = slice(WEEKS, WEEKS + week + 1)
    past = slice(0, WEEKS)
    seen = Seen(
        days=np.full(week + 1, 7.0),
        cases=cases[:, now][:, ::-1],
        total=total[:, now][:, ::-1],
        squares=squares[:, now][:, ::-1],
        usual_cases=cases[:, past].sum(axis=1),
        usual_total=total[:, past].sum(axis=1),
        usual_squares=squares[:, past].sum(axis=1),
        bursts=_bursts(company, metric),
    )
    expected = np.where(np.isfinite(plan.expected[metric]), plan.expected[metric], 1.0)
    tolerance = np.where(np.isfinite(plan.tolerance[metric]), plan.tolerance[metric], 0.5)
    return posterior(
        MEASURES[metric].law, np.minimum(expected, 0.99) if metric == "win_rate" else expected, tolerance, seen
    )


def breaks(weeks: Sequence[Sequence[tuple[int, Metric, Standing]]]) -> list[tuple[int, int, Metric, str]]:
    """Every time that one came to be broken: week, node, measure, side."""
    was: set[tuple[int, Metric]] = set()
    found: list[tuple[int, int, Metric, str]] = []
    for week, every in enumerate(weeks):
        now = {(node, metric): each.broken for node, metric, each in every if each.broken}
        found += [(week, node, metric, side or "") for (node, metric), side in now.items() if (node, metric) not in was]
        was = set(now)
    return found


@dataclass(frozen=True)
class Measured:
    """In worlds where nothing changes: false ones per plan and year. Where the win rate falls: the share found within a quarter."""

    worlds: int
    assumptions: float
    false: float
    found: float
    strict: float
    """With 95 % at both locks, no false discoveries looked at: what the two-lock rule as first written would find at best."""
    known: float
    """Had the week of the fall been known, and been asked once, at the quarter's end, whether 95 % say so: what so many deals tell."""


def measure(world: World, worlds: int, seed: int, *, knows: bool) -> Measured:
    """`knows`: the plan states what is true; else what a draft takes from the year before."""
    false, found, strict, known, size = 0, 0, 0, 0, 0
    for each in range(worlds):
        rng = np.random.default_rng((seed, each))
        still = told(world, rng)
        plan = true(world, still) if knows else drafted(still)
        size += plan.size
        false += len(breaks(watched(still, plan)))
        falls_in = int(rng.integers(0, WEEKS - QUARTER + 1))
        falling = told(world, rng, falls_in=falls_in)
        plan = true(world, falling) if knows else drafted(falling)
        until = range(falls_in, falls_in + QUARTER)
        found += any(
            (node, metric, side) == (0, "win_rate", "below") and week in until
            for week, node, metric, side in breaks(watched(falling, plan))
        )
        strict += _strictly(falling, plan, until)
        known += _knowingly(falling, plan, until)
    return Measured(worlds, size / worlds, *(each / worlds for each in (false, found, strict, known)))


def _strictly(company: Told, plan: Plan, until: range) -> bool:
    sure = [_seen(company, plan, "win_rate", week) for week in range(until.stop)]
    over = [bool(each.is_enough[0]) and float(each.below[0]) > 0.95 for each in sure]
    return any(week >= 4 and over[week] and over[week - 4] for week in until)


def _knowingly(company: Told, plan: Plan, until: range) -> bool:
    since = slice(WEEKS + until.start, WEEKS + until.stop)
    decided, won = company.decided[0, since].sum(), company.won[0, since].sum()
    expected, tolerance = plan.expected["win_rate"][0], plan.tolerance["win_rate"][0]
    return bool(beta.cdf(expected * (1 - tolerance), expected + won, 1 - expected + decided - won) > SURE)


CASES: Final[Mapping[str, tuple[World, bool]]] = {
    "true": (World(), True),
    "drafted": (World(), False),
    "true_at_25": (World(win_rate=0.25), True),
    "true_at_40": (World(win_rate=0.4), True),
    "true_at_300_decided": (World(decided=300), True),
}
"""Companies, and whether the plan states what is true or what a draft took from the year before."""


def measured(worlds: int, seed: int, name: str) -> tuple[str, Measured]:
    """One of the cases."""
    world, knows = CASES[name]
    return name, measure(world, worlds, seed, knows=knows)


def report(worlds: int, found: Sequence[tuple[str, Measured]]) -> dict[str, object]:
    """What `make simulate-assumptions` prints: false ones a plan and year, the share of falls found within a quarter, and the share
    that 95 % at both of two locks four weeks apart would find at best, and the share of which so many deals say with 95 % that it is so.
    """
    rows = [
        {
            "case": name,
            "assumptions": round(each.assumptions, 1),
            "false_a_plan_year": round(each.false, 3),
            "found_within_a_quarter": round(each.found, 3),
            "if_95_at_both_locks": round(each.strict, 3),
            "if_the_week_were_known": round(each.known, 3),
        }
        for name, each in found
    ]
    return {
        "name": "assumptions",
        "worlds": worlds,
        "win_rate": 0.3,
        "decided_a_quarter": 150,
        "fall": FALL,
        "rows": rows,
    }
