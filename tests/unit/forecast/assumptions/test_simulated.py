"""Plans of twenty assumptions in simulated companies: how often one is called broken by chance, and how soon a fall is found.

`make simulate-assumptions` says the same of more companies.
"""

from tests.calibration.assumptions import CASES, World, measure, measured, report

COMPANIES = 200
SEED = 7


def test_where_nothing_changes_less_than_one_assumption_a_plan_and_year_is_called_broken_and_a_fall_is_found() -> None:
    found = measure(World(), COMPANIES, SEED, knows=True)
    assert found.assumptions == 20
    assert found.false <= 1
    assert found.found >= 0.75, "four of five; of two hundred companies it scatters by three in a hundred"
    assert found.strict < 0.7, "95 % at both locks would not find it"


def test_a_plan_that_takes_last_years_figures_is_not_called_broken_more_often_either() -> None:
    found = measure(World(), COMPANIES // 2, SEED, knows=False)
    assert 12 <= found.assumptions <= 20, "nothing is proposed where a year has too few cases"
    assert found.false <= 1


def test_the_report_is_one_line_of_every_case() -> None:
    told = report(2, [measured(2, 0, "true")])
    assert [each["case"] for each in told["rows"]] == ["true"]  # type: ignore[attr-defined]
    assert set(CASES) >= {"true", "drafted"}
