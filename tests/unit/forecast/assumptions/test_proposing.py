"""What a draft may assume: what the year before showed, as wide as that is uncertain, and nothing where a plan could not judge it."""

from decimal import Decimal

import pytest

from services.forecast.assumptions.proposing import Proposal, Year, proposed


def year(cases: float, total: float, *, squares: float | None = None, bursts: float = 1.0) -> Year:
    return Year(cases, total, total if squares is None else squares, bursts, 364)


def test_a_win_rate_of_six_hundred_deals_is_proposed_with_a_tenth() -> None:
    found = proposed("win_rate", year(600, 180), plan_days=365)
    assert found == Proposal(Decimal("0.300"), Decimal("0.10"), 600)
    assert proposed("win_rate", year(6000, 1800), plan_days=365).tolerance == Decimal("0.10"), "never less"


def test_fewer_cases_get_more_tolerance_and_too_few_nothing() -> None:
    few = proposed("win_rate", year(200, 60), plan_days=365)
    assert few.tolerance == Decimal("0.18")
    none = proposed("win_rate", year(19, 6), plan_days=365)
    assert (none.expected, none.cases) == (None, 19)
    assert "too few" in (none.reason or "")
    short = proposed("win_rate", year(200, 60), plan_days=91)
    assert short.expected is None, "a quarter of it would hold fifty deals"


def test_creation_is_said_by_month_and_bursts_widen_it() -> None:
    steady = proposed("creation", year(0, 728), plan_days=365)
    assert steady.expected == Decimal("60.9")
    assert steady.tolerance == Decimal("0.20")
    assert (proposed("creation", year(0, 200, bursts=4.0), plan_days=365).tolerance or 0) > Decimal("0.20")


def test_sizes_that_differ_too_much_are_not_assumed() -> None:
    alike = proposed("size", year(200, 200 * 50_000.0, squares=200 * 50_000.0**2 * 1.2), plan_days=365)
    assert alike.expected == Decimal(50_000)
    wild = proposed("size", year(25, 25 * 50_000.0, squares=25 * 50_000.0**2 * 40), plan_days=365)
    assert wild.expected is None


@pytest.mark.parametrize("metric", ["win_rate", "pushed"])
def test_what_always_or_never_happens_is_no_assumption(metric: str) -> None:
    assert proposed(metric, year(100, 100), plan_days=365).expected is None  # type: ignore[arg-type]
    assert proposed(metric, year(100, 0), plan_days=365).expected is None  # type: ignore[arg-type]
