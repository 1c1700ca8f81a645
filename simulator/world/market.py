"""Accounts and leads: who may buy, how well they fit, and what became of each lead. Columns only; drawn in one go."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.world import company
from simulator.world.company import People

DAY_MS = 86_400_000
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Accounts:
    region: NDArray[np.int8]
    market: NDArray[np.int8]
    segment: NDArray[np.int8]
    tier: NDArray[np.int8]
    currency: NDArray[np.int8]
    parent: NDArray[np.int32]
    at: Ints


@dataclass(frozen=True)
class Leads:
    """Static columns of leads, in order of creation, and their versions in order of time.

    `chance` is the hidden probability that the lead converts; `deal` the index of the deal it became, -1 if none.
    """

    region: NDArray[np.int8]
    market: NDArray[np.int8]
    segment: NDArray[np.int8]
    product: NDArray[np.int8]
    source: NDArray[np.int8]
    industry: NDArray[np.int8]
    role: NDArray[np.int8]
    employees: NDArray[np.int32]
    amount: Ints
    currency: NDArray[np.int8]
    account: NDArray[np.int32]
    owner: NDArray[np.int16]
    created: Ints
    chance: NDArray[np.float64]
    converted: Ints
    """Time of conversion in ms, -1 if it never converted."""
    version_lead: NDArray[np.int32]
    version_at: Ints
    version_status: NDArray[np.int8]
    version_engagement: NDArray[np.int16]

    def __len__(self) -> int:
        return len(self.created)


def work_time(rng: np.random.Generator, count: int) -> Ints:
    """Milliseconds since midnight, within working hours, whole seconds."""
    return rng.integers(7 * 3600, 18 * 3600, count) * 1000


def draw_days(rng: np.random.Generator, count: int, days: int, start_weekday: int) -> Ints:
    """`count` days of the history in order: growth of about a third over it, few on weekends, fewer in August and December."""
    day = np.arange(days)
    weight = 1 + 0.35 * day / days
    weight *= np.where((day + start_weekday) % 7 >= 5, 0.06, 1.0)
    return np.sort(rng.choice(days, size=count, p=weight / weight.sum()))


def choose(rng: np.random.Generator, count: int, shares: tuple[float, ...]) -> NDArray[np.int8]:
    return np.searchsorted(np.cumsum(shares)[:-1], rng.random(count), side="right").astype(np.int8)


def draw_accounts(rng: np.random.Generator, count: int, start_ms: int, days: int) -> Accounts:
    region = choose(rng, count, company.REGION_SHARE)
    segment = choose(rng, count, company.SEGMENT_SHARE)
    tier = np.where(segment == 0, choose(rng, count, (0.25, 0.45, 0.30)), choose(rng, count, (0.02, 0.18, 0.80)))
    currency = np.select([region >= 2, (region == 1) & (rng.random(count) < 0.45)], [1, 2], 0)
    parent = np.full(count, -1, np.int32)
    for number in range(len(company.REGIONS)):
        groups = np.flatnonzero((region == number) & (segment == 0))
        children = np.flatnonzero((region == number) & (segment == 1) & (rng.random(count) < 0.12))
        if len(groups) and len(children):
            parent[children] = groups[rng.integers(0, len(groups), len(children))]
    at = start_ms - rng.integers(1, 600, count) * DAY_MS + work_time(rng, count)
    del days
    return Accounts(
        region=region,
        market=choose(rng, count, company.MARKET_SHARE),
        segment=segment,
        tier=tier.astype(np.int8),
        currency=currency.astype(np.int8),
        parent=parent,
        at=at,
    )


def draw_amounts(rng: np.random.Generator, product: NDArray[np.int8], segment: NDArray[np.int8]) -> Ints:
    """List amounts in minor units: list price times a size that depends on the segment."""
    prices = np.array([float(item.list_price) for item in company.PRODUCTS])[product]
    size = np.array([6.5, 2.4, 0.9])[segment] * rng.lognormal(0.0, 0.55, len(product))
    return (np.maximum(np.round(prices * size / 50) * 50, 500) * 100).astype(np.int64)


def sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-x)))


def draw_leads(
    rng: np.random.Generator, accounts: Accounts, people: People, count: int, start_ms: int, days: int, weekday: int
) -> Leads:
    """Leads of two years. Fit (size, role, source) and engagement decide who converts; the rest is luck."""
    account = rng.integers(0, len(accounts.region), count).astype(np.int32)
    segment = accounts.segment[account]
    day = draw_days(rng, count, days, weekday)
    created = start_ms + day * DAY_MS + work_time(rng, count)
    source = choose(rng, count, (0.42, 0.16, 0.16, 0.17, 0.09))
    role = choose(rng, count, (0.06, 0.08, 0.16, 0.2, 0.27, 0.17, 0.06))
    employees = np.maximum(3, rng.lognormal(np.array([8.2, 6.1, 3.9])[segment], 0.6)).astype(np.int32)
    interest = rng.gamma(1.6, 2.2, count)
    score = (
        -2.05
        + np.array([0.15, -0.45, 0.35, -0.1, 0.9])[source]
        + np.array([0.5, 0.45, 0.6, 0.4, 0.0, -0.7, -2.2])[role]
        + 0.27 * np.minimum(interest, 10)
        + np.array([0.1, 0.2, -0.1])[segment]
    )
    chance = sigmoid(score)
    fate = rng.random(count)
    owner = people.pick(company.TEAM_OF[accounts.region[account], segment], day, rng.random(count))
    product = choose(rng, count, company.PRODUCT_SHARE)
    versions = _lead_versions(rng, created, chance, fate, interest, start_ms + days * DAY_MS)
    return Leads(
        region=accounts.region[account],
        market=accounts.market[account],
        segment=segment,
        product=product,
        source=source,
        industry=((accounts.market[account] * 2 + rng.integers(0, 2, count)) % len(company.INDUSTRIES)).astype(np.int8),
        role=role,
        employees=employees,
        amount=np.where(rng.random(count) < 0.35, -1, draw_amounts(rng, product, segment)),
        currency=accounts.currency[account],
        account=account,
        owner=owner,
        created=created,
        chance=chance,
        converted=versions[0],
        version_lead=versions[1],
        version_at=versions[2],
        version_status=versions[3],
        version_engagement=versions[4],
    )


def _lead_versions(
    rng: np.random.Generator,
    created: Ints,
    chance: NDArray[np.float64],
    fate: NDArray[np.float64],
    interest: NDArray[np.float64],
    end_ms: int,
) -> tuple[Ints, NDArray[np.int32], Ints, NDArray[np.int8], NDArray[np.int16]]:
    """New -> working -> (more engagement) -> qualified -> converted, or disqualified; what lies after the end never happened."""
    count = len(created)

    def later(base: Ints, mean_days: float) -> Ints:
        return base + np.maximum(60_000, (rng.exponential(mean_days, count) * DAY_MS / 1000).astype(np.int64) * 1000)

    working = later(created, 2.0)
    engaged = later(working, 5.0)
    decided = later(engaged, 7.0)
    converted = later(decided, 2.0)
    wins = fate < chance
    ignored = ~wins & (rng.random(count) < 0.25)
    steps = [
        (created, np.zeros(count, np.int8), np.ones(count, bool), 0.2),
        (working, np.full(count, 1, np.int8), ~ignored, 0.4),
        (engaged, np.full(count, 1, np.int8), ~ignored & (interest > 1.5), 0.8),
        (decided, np.where(wins, 2, 3).astype(np.int8), ~ignored, 1.0),
        (converted, np.full(count, 4, np.int8), wins, 1.0),
    ]
    lead = np.concatenate([np.flatnonzero(mask) for _, _, mask, _ in steps]).astype(np.int32)
    at = np.concatenate([when[mask] for when, _, mask, _ in steps])
    status = np.concatenate([what[mask] for _, what, mask, _ in steps])
    share = np.concatenate([np.full(int(mask.sum()), part) for _, _, mask, part in steps])
    engagement = np.round(interest[lead] * share).astype(np.int16)
    order = np.lexsort((lead, at))
    order = order[at[order] < end_ms]
    happened = np.where(wins & (converted < end_ms), converted, -1)
    return happened, lead[order], at[order], status[order], engagement[order]
