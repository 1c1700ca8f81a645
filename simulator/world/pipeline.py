"""The history of deals: a daily loop over the open ones, whole arrays at a time, that writes one version per changed deal and day."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from simulator.world import company, hazards
from simulator.world.company import SERVICES_FROM, TEAM_OF, People
from simulator.world.market import DAY_MS, Accounts, Leads, choose, draw_amounts, draw_days, work_time

Ints = NDArray[np.int64]
WON, LOST = 4, 5
NO_CATEGORY, PIPELINE, BEST_CASE, COMMIT, OMITTED = range(5)
STAGE_CATEGORY = np.array([PIPELINE, PIPELINE, BEST_CASE, COMMIT, NO_CATEGORY, NO_CATEGORY])
NONE = -1

STATIC = np.dtype(
    [
        ("account", "i4"),
        ("lead", "i4"),
        ("parent", "i4"),
        ("created", "i8"),
        ("region", "i1"),
        ("segment", "i1"),
        ("product", "i1"),
        ("source", "i1"),
        ("deal_type", "i1"),
        ("basis", "i1"),
        ("term", "i2"),
        ("currency", "i1"),
        ("amount", "i8"),
        ("quality", "f8"),
    ]
)
"""What never changes about a deal; `amount` is the list amount in minor units (-1: not known at first), `quality` is hidden."""

VERSION = np.dtype(
    [
        ("deal", "i4"),
        ("at", "i8"),
        ("stage", "i1"),
        ("amount", "i8"),
        ("close_day", "i4"),
        ("category", "i1"),
        ("owner", "i2"),
        ("closed_day", "i4"),
        ("loss", "i1"),
        ("deleted", "?"),
    ]
)
"""A deal's state from `at` (ms) on. Days count from the first day of the history; -1 is unknown."""

OPEN = np.dtype(
    [
        *VERSION.descr,
        ("entered", "i4"),
        ("segment", "i1"),
        ("region", "i1"),
        ("quality", "f8"),
        ("renewal", "?"),
        ("manual", "?"),
    ]
)


@dataclass(frozen=True)
class Pipeline:
    """All deals and all their versions, in order of time."""

    deals: NDArray[np.void]
    versions: NDArray[np.void]


def draw_prospects(
    rng: np.random.Generator,
    accounts: Accounts,
    leads: Leads,
    direct: int,
    renewals: int,
    start_ms: int,
    days: int,
    weekday: int,
) -> NDArray[np.void]:
    """Deals known in advance: those of converted leads, those found by the sellers, renewals of older contracts; by creation."""
    converted = np.flatnonzero(leads.converted >= 0)
    count = len(converted) + direct + renewals
    found = np.zeros(count, STATIC)
    kind = np.repeat([0, 1, 2], [len(converted), direct, renewals])
    account = np.concatenate([leads.account[converted], rng.integers(0, len(accounts.region), direct + renewals)])
    found["account"] = account
    found["lead"] = np.concatenate([converted, np.full(direct + renewals, NONE)])
    found["parent"] = NONE
    own_day = draw_days(rng, direct, days, weekday)
    due_day = np.sort(rng.integers(0, min(290, days), renewals))
    chosen_day = np.concatenate([own_day, due_day])
    own_time = start_ms + chosen_day * DAY_MS + work_time(rng, len(chosen_day))
    found["created"] = np.concatenate([leads.converted[converted], own_time])
    found["region"], found["segment"], found["currency"] = (
        accounts.region[account],
        accounts.segment[account],
        accounts.currency[account],
    )
    product = choose(rng, count, company.PRODUCT_SHARE)
    product[: len(converted)] = leads.product[converted]
    product[kind == 2] %= SERVICES_FROM
    found["product"] = product
    found["source"] = np.where(
        kind == 0,
        np.concatenate([leads.source[converted], np.zeros(direct + renewals, np.int8)]),
        choose(rng, count, (0.1, 0.6, 0.15, 0.05, 0.1)),
    )
    expands = (kind == 1) & (rng.random(count) < 0.3)
    found["deal_type"] = np.select([kind == 2, expands], [2, 1], 0)
    services = product >= SERVICES_FROM
    found["basis"] = np.select([services, (rng.random(count) < 0.25) & (kind != 2)], [2, 1], 0)
    found["term"] = np.where(services, NONE, rng.choice(np.array([12, 24, 36]), count, p=[0.6, 0.25, 0.15]))
    amount = draw_amounts(rng, product, found["segment"])
    found["amount"] = np.where((rng.random(count) < 0.04) & (kind != 2), NONE, amount)
    chance = np.concatenate([leads.chance[converted], np.full(direct + renewals, 0.35)])
    tier = np.array([0.25, 0.1, -0.05])[accounts.tier[account]]
    found["quality"] = rng.normal(0, 0.75, count) + 0.8 * (chance - 0.42) + tier
    return found[np.argsort(found["created"], kind="stable")]


@dataclass
class _Run:
    """The loop's state: the open deals as one structured array, the versions written so far, renewals that fall due."""

    rng: np.random.Generator
    people: People
    start: date
    start_ms: int
    days: int
    open: NDArray[np.void] = field(default_factory=lambda: np.zeros(0, OPEN))
    written: list[NDArray[np.void]] = field(default_factory=list)
    born: list[NDArray[np.void]] = field(default_factory=list)
    due: dict[int, list[NDArray[np.void]]] = field(default_factory=dict)
    month_ends: Ints = field(default_factory=lambda: np.zeros(0, np.int64))

    def __post_init__(self) -> None:
        firsts = [
            date(self.start.year + m // 12, m % 12 + 1, 1)
            for m in range(self.start.month, self.start.month + self.days // 28 + 24)
        ]
        self.month_ends = np.array([(first - self.start).days - 1 for first in firsts])

    def admit(self, day: int, prospects: NDArray[np.void], first_index: int) -> NDArray[np.void]:
        """Open new deals; returns their first versions. They begin to move the next day."""
        count = len(prospects)
        fresh = np.zeros(count, OPEN)
        renewal = prospects["deal_type"] == 2
        stage = np.where(renewal, 2, 0)
        u = self.rng.random((2, count))
        days = np.full(count, day)
        close = hazards.first_close_day(days, stage, prospects["segment"], self.month_ends, u[0])
        fresh["deal"] = first_index + np.arange(count)
        fresh["at"], fresh["stage"], fresh["amount"] = prospects["created"], stage, prospects["amount"]
        fresh["close_day"] = np.where(renewal, day + 75, close)
        fresh["category"] = STAGE_CATEGORY[stage]
        fresh["owner"] = self.people.pick(TEAM_OF[prospects["region"], prospects["segment"]], days, u[1])
        fresh["closed_day"], fresh["loss"], fresh["entered"] = NONE, NONE, day
        for name in ("segment", "region", "quality"):
            fresh[name] = prospects[name]
        fresh["renewal"] = renewal
        self.open = np.concatenate([self.open, fresh])
        return fresh

    def step(self, day: int) -> NDArray[np.void]:
        """One day of all open deals; returns those that changed, as they are now."""
        deals, today = self.open, hazards.calendar(self.start + timedelta(days=day))
        u = self.rng.random((9, len(deals)))
        changed = self._move(deals, day, today, u)
        changed |= self._edit(deals, day, today.activity, u[3:])
        changed |= self._hand_over(deals, day)
        deals["at"][changed] = self.start_ms + day * DAY_MS + work_time(self.rng, int(changed.sum()))
        result = deals[changed]
        self.open = deals[(deals["stage"] < WON) & ~deals["deleted"]]
        return result

    def _move(
        self, deals: NDArray[np.void], day: int, today: hazards.Calendar, u: NDArray[np.float64]
    ) -> NDArray[np.bool_]:
        stage, age = deals["stage"].astype(np.int64), (day - deals["entered"]).astype(np.int64)
        leaves = u[0] < hazards.leave_probability(stage, age, deals["segment"], today)
        rows = np.flatnonzero(leaves)
        if not len(rows):
            return np.asarray(leaves)
        who = deals[rows]
        skill = self.people.skill[who["owner"]]
        forward = u[1][rows] < hazards.forward_probability(
            stage[rows], age[rows], who["segment"], who["quality"], skill, who["renewal"]
        )
        to = np.where(forward, stage[rows] + 1, LOST)
        closed = to >= WON
        deals["stage"][rows] = to
        deals["entered"][rows] = day
        keeps = who["manual"] & ~closed
        deals["category"][rows] = np.where(keeps, who["category"], STAGE_CATEGORY[to])
        deals["closed_day"][rows] = np.where(closed, day, NONE)
        deals["close_day"][rows] = np.where(closed, day, who["close_day"])
        reasons = choose(self.rng, len(rows), (0.22, 0.24, 0.27, 0.11, 0.1, 0.06))
        deals["loss"][rows] = np.where(to == LOST, reasons, NONE)
        generous = 0.5 + 0.3 * np.exp(-today.quarter_end_days / 6.0)
        discount = np.where((to >= 3) & (to <= WON) & (u[2][rows] < generous), self.rng.beta(2, 12, len(rows)), 0.0)
        deals["amount"][rows] = _scaled(who["amount"], 1 - discount)
        return np.asarray(leaves)

    def _edit(self, deals: NDArray[np.void], day: int, activity: float, u: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Amounts change, close dates are pushed (mostly when they come near) or pulled in, persons set categories, few are deleted."""
        still = deals["stage"] < WON
        amount = still & (u[0] < 0.009 * activity)
        factor = self.rng.lognormal(0.01, 0.2, int(amount.sum()))
        base = np.where(deals["amount"][amount] == NONE, 1_200_000, deals["amount"][amount])
        deals["amount"][amount] = _scaled(base, factor)
        near = deals["close_day"] <= day + 2
        pushed = still & (u[1] < np.where(near, 0.3, 0.004) * activity)
        deals["close_day"][pushed] = day + 12 + self.rng.exponential(24, int(pushed.sum())).astype(np.int64)
        pulled = still & ~pushed & (u[2] < 0.0015 * activity) & (deals["close_day"] > day + 25)
        deals["close_day"][pulled] = day + 10 + self.rng.integers(0, 10, int(pulled.sum()))
        named = still & (u[3] < 0.006 * activity)
        words = choose(self.rng, int(named.sum()), (0.25, 0.35, 0.34, 0.06)) + PIPELINE
        named_changed = named.copy()
        named_changed[named] = deals["category"][named] != words
        deals["category"][named] = words
        deals["manual"][named] = True
        gone = still & (u[4] < 0.00015 * activity)
        deals["deleted"][gone] = True
        return np.asarray(amount | pushed | pulled | named_changed | gone)

    def _hand_over(self, deals: NDArray[np.void], day: int) -> NDArray[np.bool_]:
        """The open deals of who left today go to others of the team."""
        taken = (self.people.left[deals["owner"]] == day) & (deals["stage"] < WON)
        rows = np.flatnonzero(taken)
        if len(rows):
            teams = TEAM_OF[deals["region"][rows], deals["segment"][rows]]
            deals["owner"][rows] = self.people.pick(teams, np.full(len(rows), day), self.rng.random(len(rows)))
        return np.asarray(taken)

    def plan_renewals(
        self, day: int, changed: NDArray[np.void], statics: Callable[[NDArray[np.integer]], NDArray[np.void]]
    ) -> None:
        """A won one-year contract comes up for renewal about 75 days before it ends."""
        won = changed[changed["stage"] == WON]
        if not len(won) or day + 290 >= self.days:
            return
        contracts = statics(won["deal"])
        ends = (contracts["basis"] == 0) & (contracts["term"] == 12)
        again = contracts[ends].copy()
        if not len(again):
            return
        count = len(again)
        again["parent"], again["lead"], again["deal_type"] = won["deal"][ends], NONE, 2
        again["created"] = self.start_ms + (day + 290) * DAY_MS + work_time(self.rng, count)
        again["amount"] = _scaled(won["amount"][ends], self.rng.lognormal(0.03, 0.1, count))
        again["quality"] = self.rng.normal(0.2, 0.6, count)
        self.due.setdefault(day + 290, []).append(again)


def _scaled(amount: Ints, factor: NDArray[np.float64]) -> Ints:
    """Amounts times factors, to the full unit of currency, at least 100; an unknown amount stays unknown."""
    scaled = np.maximum(np.round(amount * factor / 100) * 100, 10_000).astype(np.int64)
    return np.where(amount == NONE, NONE, np.where(factor == 1.0, amount, scaled))


def simulate(
    rng: np.random.Generator,
    prospects: NDArray[np.void],
    people: People,
    start: date,
    start_ms: int,
    days: int,
    progress: Callable[[int], None],
) -> Pipeline:
    """Run the history day by day. `prospects` get the first indices in their order, renewals of won deals the following ones."""
    run = _Run(rng, people, start, start_ms, days)
    bounds = np.searchsorted(prospects["created"], start_ms + np.arange(days + 1) * DAY_MS)
    known, extra = len(prospects), np.zeros(0, STATIC)

    def statics(deals: NDArray[np.integer]) -> NDArray[np.void]:
        picked = prospects[np.minimum(deals, known - 1)]
        late = deals >= known
        picked[late] = extra[deals[late] - known]
        return np.asarray(picked)

    for day in range(days):
        changed = run.step(day)
        run.plan_renewals(day, changed, statics)
        born = [run.admit(day, prospects[bounds[day] : bounds[day + 1]], int(bounds[day]))]
        for again in run.due.pop(day, []):
            born.append(run.admit(day, again, known + len(extra)))
            extra = np.concatenate([extra, again])
        rows = np.concatenate([changed, *born])[list(VERSION.names or ())]
        run.written.append(np.sort(rows.astype(VERSION), order=["at", "deal"]))
        progress(day)
    return Pipeline(np.concatenate([prospects, extra]), np.concatenate(run.written))
