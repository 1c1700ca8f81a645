"""Value added: identical sets, no division by nothing, and no value before there are enough periods."""

from decimal import Decimal

from services.forecast.accuracy.scoring import STEPS, Case, Step, score


def case(period: int, actual: int = 100, lead: int = 4, **said: int | None) -> Case:
    values: dict[Step, Decimal | None] = {step: Decimal(100) for step in STEPS}
    values |= {step: None if said[step] is None else Decimal(said[step] or 0) for step in STEPS if step in said}
    return Case(f"2024Q{period}", lead, Decimal(actual), values)


def test_each_step_is_scored_against_the_naive_one_and_the_one_before() -> None:
    cases = [case(number, naive=60, crm=80, reps=120, managers=110, adjusted=95) for number in range(6)]
    found = score(cases)
    by_step = {each.step: each for each in found.steps}
    assert (found.n, found.periods, found.too_early) == (6, 6, None)
    assert by_step["naive"].wape == Decimal("0.4")
    assert by_step["managers"].value_added == Decimal("0.3")
    assert by_step["managers"].value_added_to_previous == Decimal("0.1")
    assert by_step["adjusted"].bias == Decimal("-0.05")
    assert by_step["naive"].value_added is None


def test_below_six_distinct_periods_there_is_no_value_but_a_reason() -> None:
    found = score([case(1 + number % 5, lead=number) for number in range(50)])
    assert found.n == 50
    assert found.too_early == "too early: 5 of at least 6 closed periods have been locked"
    assert {each.wape for each in found.steps} == {None}


def test_a_case_in_which_a_step_said_nothing_counts_for_no_step() -> None:
    cases = [case(number) for number in range(6)]
    with_a_gap = [*cases, case(7, naive=None, crm=9999)]
    assert score(with_a_gap) == score(cases)


def test_where_nothing_came_only_the_absolute_error_speaks() -> None:
    found = score([case(number, actual=0, crm=5) for number in range(6)])
    by_step = {each.step: each for each in found.steps}
    assert by_step["crm"].absolute_error == 30
    assert by_step["crm"].wape is None
    assert by_step["crm"].value_added is None
