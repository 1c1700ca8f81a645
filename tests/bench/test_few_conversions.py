"""With thirty conversions to learn from, in a hundred simulated companies: who ranks the next leads better."""

from dataclasses import dataclass

import numpy as np
import pytest

from services.leads.conversion import learning
from services.leads.conversion.facts import Facts
from services.leads.conversion.odds import measures
from services.leads.conversion.odds.table import Floats
from simulator.world import company, market

COMPANIES = 100
CONVERSIONS = 30
ASKED = 300
LEADS = 600
DAYS = 730
HORIZON_MS = 60 * market.DAY_MS


@dataclass(frozen=True)
class Ranked:
    """AUC on the leads that came next, by how they are put in order."""

    newest_first: float
    rules: float
    product: float
    chance: float
    """By the simulator's hidden chance: nobody ranks better."""


def _facts(leads: market.Leads) -> Facts:
    """What is known of each lead when it comes: the facts of its first version."""
    rows = np.unique(leads.version_lead, return_index=True)[1]

    def words(names: tuple[str, ...], at: np.ndarray) -> np.ndarray:
        return np.array(names, dtype=object)[at]

    nothing = np.full(len(leads), np.nan)
    return Facts(
        {
            "source": words(company.SOURCES, leads.source),
            "region": words(company.REGIONS, leads.region),
            "market": words(company.MARKETS, leads.market),
            "segment": words(company.SEGMENTS, leads.segment),
            "product": words(tuple(item.code for item in company.PRODUCTS), leads.product),
            "industry": words(company.INDUSTRIES, leads.industry),
            "role": words(company.ROLES, leads.role),
        },
        employees=leads.employees.astype(float),
        touches=leads.version_engagement[rows].astype(float),
        silent_days=nothing,
        age_days=np.zeros(len(leads)),
    )


def _ranked(seed: int) -> Ranked:
    rng = np.random.default_rng([seed, 30])
    people = company.draw_people(rng, DAYS)
    accounts = market.draw_accounts(rng, 200, 0, DAYS)
    leads = market.draw_leads(rng, accounts, people, LEADS, 0, DAYS + 90, 0)
    came = ((leads.converted >= 0) & (leads.converted - leads.created <= HORIZON_MS)).astype(float)
    known = int(np.searchsorted(np.cumsum(came), CONVERSIONS)) + 1
    facts = _facts(leads)
    table, points = facts.table(), facts.points()
    older, asked = slice(0, known), slice(known, known + ASKED)

    def auc(order: Floats) -> float:
        found = measures.auc(order, came[asked])
        assert found is not None
        return found

    part = Facts(
        {name: values[older] for name, values in facts.words.items()},
        *(values[older] for values in (facts.employees, facts.touches, facts.silent_days, facts.age_days)),
    )
    product = learning.learn(part, came[older], leads=known, rng=rng, draws=5).model
    assert came[older].sum() == CONVERSIONS
    return Ranked(
        newest_first=auc(leads.created[asked].astype(float)),
        rules=auc(points[asked]),
        product=auc(product.score(table.take(asked), points[asked]).chance),
        chance=auc(leads.chance[asked]),
    )


@pytest.fixture(scope="module")
def companies() -> list[Ranked]:
    return [_ranked(seed) for seed in range(COMPANIES)]


def _interval(values: list[float]) -> tuple[float, float]:
    """95 % of the mean over companies, each a draw of its own."""
    spread = 1.96 * float(np.std(values, ddof=1)) / len(values) ** 0.5
    return float(np.mean(values)) - spread, float(np.mean(values)) + spread


def test_at_thirty_conversions_the_model_ranks_better_than_newest_first(companies: list[Ranked]) -> None:
    low, high = _interval([each.product - each.newest_first for each in companies])
    assert low > 0, f"AUC {low:+.3f} to {high:+.3f} above newest-first"


def test_at_thirty_conversions_it_is_no_worse_than_the_rules_that_it_starts_from(companies: list[Ranked]) -> None:
    low, high = _interval([each.product - each.rules for each in companies])
    assert high > 0, f"AUC {low:+.3f} to {high:+.3f} above the rules"


def test_nobody_ranks_better_than_the_hidden_chance_and_newest_first_knows_nothing(companies: list[Ranked]) -> None:
    low, high = _interval([each.newest_first for each in companies])
    assert low < 0.5 < high
    assert np.mean([each.chance - each.product for each in companies]) > 0
