"""What is wanted of nodes and months: parts and rest make the whole at every level, and nothing divides by zero."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given as over
from hypothesis import strategies as st

from libs.common import money
from libs.common.calendar import FiscalCalendar, Period, Weeks
from services.forecast.attainment.targets import (
    Given,
    Own,
    Target,
    attainment,
    converted,
    given,
    less,
    monthly,
    paced,
    parts_of,
    rest,
    targets,
    within,
)
from services.forecast.calls.steps import Node, NodeKey, Quota, walk
from services.forecast.rates.conversion import Rates, YearRates

CALENDARS = [FiscalCalendar(), FiscalCalendar(start_month=2), FiscalCalendar(weeks=Weeks())]
CALENDAR = CALENDARS[0]
QUARTER = CALENDAR.parse("2026Q4")
CENTS = st.integers(-(10**6), 10**11).map(lambda cents: Decimal(cents).scaleb(-2))


@st.composite
def trees(draw: st.DrawFn) -> Node:
    """Units below units with people in them, of any depth and width."""
    count = iter(range(1, 40))

    def unit(depth: int) -> Node:
        node = Node(NodeKey("unit", UUID(int=next(count))))
        kinds = draw(st.lists(st.sampled_from(["unit", "person"]), max_size=3 if depth < 3 else 0))
        node.children = [
            unit(depth + 1) if kind == "unit" else Node(NodeKey("person", UUID(int=next(count)))) for kind in kinds
        ]
        return node

    return unit(0)


@st.composite
def quotas(draw: st.DrawFn, root: Node, calendar: FiscalCalendar, period: Period) -> Own:
    """Something said of some nodes, for the period or for some of the periods in it."""
    spans = [(each.start, each.end) for each in within(calendar, period)]
    keys = [node.key for node in walk(root)]
    said: dict[tuple[date, date], dict[NodeKey, Decimal]] = {}
    for span in spans:
        for key in draw(st.lists(st.sampled_from(keys), max_size=4, unique=True)):
            said.setdefault(span, {})[key] = draw(st.just(Decimal("0.00")) | CENTS)
    return said


@st.composite
def situations(draw: st.DrawFn) -> tuple[FiscalCalendar, Period, Node, Own]:
    calendar = draw(st.sampled_from(CALENDARS))
    period = calendar.parse(draw(st.sampled_from(["2026Q4", "FY2026", "2026-11"])))
    root = draw(trees())
    return calendar, period, root, draw(quotas(root, calendar, period))


def one_by_one(node: Node, numbers: dict[NodeKey, Given]) -> Decimal | None:
    """What is wanted of a node, worked out for it alone."""
    if node.key in numbers:
        return numbers[node.key].amount
    known = [amount for child in node.children if (amount := one_by_one(child, numbers)) is not None]
    return sum(known, Decimal()) if known else None


@over(situations())
def test_parts_and_what_is_unallocated_are_the_whole_at_every_node(
    situation: tuple[FiscalCalendar, Period, Node, Own],
) -> None:
    calendar, period, root, said = situation
    numbers = given(said, calendar, period)
    found = targets(root, numbers)
    for node in walk(root):
        target = found[node.key]
        assert target.amount == one_by_one(node, numbers)
        parts = [amount for child in node.children if (amount := found[child.key].amount) is not None]
        if target.amount is None:
            assert (target.unallocated, parts, target.source) == (None, [], None)
            continue
        assert target.unallocated is not None
        assert sum(parts, target.unallocated) == target.amount
        assert target.source != "below" or target.unallocated == 0


@over(situations())
def test_months_and_what_is_in_none_of_them_are_the_whole(
    situation: tuple[FiscalCalendar, Period, Node, Own],
) -> None:
    calendar, period, root, said = situation
    amounts = {
        each.key: targets(root, given(said, calendar, each))[root.key].amount for each in within(calendar, period)
    }
    months = monthly(period, calendar, amounts, "EUR")
    assert [each.period for each in months] == calendar.months(period)
    whole, left = amounts[period.key], rest(amounts[period.key], [each.amount for each in months])
    if whole is None:
        assert left is None
        return
    assert left is not None
    assert sum((each.amount for each in months if each.amount is not None), left) == whole
    assert all(
        each.amount is not None and each.amount == money.quantise(each.amount, "EUR") for each in months if each.source
    )
    if all(each.source == "even" for each in months):
        assert left == 0


@over(situations(), st.sampled_from(["EUR", "JPY", "KWD"]), st.decimals(Decimal("0.001"), 1000, places=6))
def test_in_another_currency_each_quota_is_at_the_rate_set_of_its_period_and_parts_still_add(
    situation: tuple[FiscalCalendar, Period, Node, Own], base: str, rate: Decimal
) -> None:
    calendar, period, root, said = situation
    year = calendar.parse("FY2026")
    rates = Rates(base, {"USD": Decimal(7)}, (YearRates(year.start, year.end, {"USD": rate}),))
    quotas = [Quota(key, *span, amount, "USD") for span, by_node in said.items() for key, amount in by_node.items()]
    strange = [Quota(root.key, period.start, period.end, Decimal(1), "XAU")]
    own, without_rate = converted([*quotas, *strange], rates)
    assert without_rate == 1
    assert own == {
        span: {key: money.quantise(amount * rate, base) for key, amount in by_node.items()}
        for span, by_node in said.items()
    }
    found = targets(root, given(own, calendar, period))
    for node in walk(root):
        target, below = found[node.key], [found[child.key].amount for child in node.children]
        assert rest(target.amount, below) == target.unallocated
    before = Quota(root.key, date(2020, 1, 1), date(2020, 4, 1), Decimal("2.00"), "USD")
    assert converted([before], rates)[0] == {(before.start, before.end): {root.key: money.quantise(Decimal(14), base)}}


@over(CENTS, st.none() | st.just(Decimal("0.00")) | CENTS)
def test_nothing_is_divided_by_nothing(closed: Decimal, wanted: Decimal | None) -> None:
    share = attainment(closed, wanted)
    assert (share is None) == (wanted is None or wanted <= 0)
    assert wanted is None or less(closed, wanted) == closed - wanted
    assert Target(wanted, "own", "set", closed).over_assigned == (None if share is None else share - 1)


@over(situations(), st.lists(CENTS, min_size=12, max_size=12))
def test_variances_to_date_are_those_of_the_months_so_far(
    situation: tuple[FiscalCalendar, Period, Node, Own], closed: list[Decimal]
) -> None:
    calendar, period, root, said = situation
    amounts = {
        each.key: targets(root, given(said, calendar, each))[root.key].amount for each in within(calendar, period)
    }
    came = dict(zip((each.key for each in calendar.months(period)), closed, strict=False))
    found = paced(monthly(period, calendar, amounts, "EUR"), lambda month: came[month.key])
    for at, month in enumerate(found, start=1):
        known = [each.wanted.amount for each in found[:at] if each.wanted.amount is not None]
        assert month.closed_to_date == sum(closed[:at], Decimal())
        assert month.wanted_to_date == (sum(known, Decimal()) if known else None)
        assert month.variance == less(month.closed, month.wanted.amount)
        assert month.variance_to_date == less(month.closed_to_date, month.wanted_to_date)


def test_a_month_without_sales_lacks_all_that_was_wanted_of_it() -> None:
    months = monthly(QUARTER, CALENDAR, {"2026Q4": Decimal("100.00")}, "EUR")
    assert [(each.amount, each.source) for each in months] == [
        (Decimal("33.34"), "even"),
        (Decimal("33.33"), "even"),
        (Decimal("33.33"), "even"),
    ]
    came = {"2026-10": Decimal("50.00"), "2026-12": Decimal("20.00")}
    found = paced(months, lambda month: came.get(month.key, Decimal()))
    assert [each.variance for each in found] == [Decimal("16.66"), Decimal("-33.33"), Decimal("-13.33")]
    assert [each.variance_to_date for each in found] == [Decimal("16.66"), Decimal("-16.67"), Decimal("-30.00")]


def test_where_some_months_have_a_number_nothing_is_guessed_for_the_others() -> None:
    amounts = {"2026Q4": Decimal("100.00"), "2026-11": Decimal("30.00")}
    months = monthly(QUARTER, CALENDAR, amounts, "EUR")
    assert [each.amount for each in months] == [None, Decimal("30.00"), None]
    assert rest(amounts["2026Q4"], [each.amount for each in months]) == Decimal("70.00")


def company(**said: str) -> tuple[dict[str, Target], dict[str, NodeKey]]:
    """A company of north (ann, bob) and south (cyd), with what was said of some of them."""
    keys = {
        name: NodeKey("person" if name in ("ann", "bob", "cyd") else "unit", UUID(int=at))
        for at, name in enumerate(NAMES)
    }
    nodes = {name: Node(key) for name, key in keys.items()}
    nodes["company"].children = [nodes["north"], nodes["south"]]
    nodes["north"].children, nodes["south"].children = [nodes["ann"], nodes["bob"]], [nodes["cyd"]]
    found = targets(nodes["company"], {keys[name]: Given(Decimal(amount), "own") for name, amount in said.items()})
    return {name: found[key] for name, key in keys.items()}, keys


NAMES = ("company", "north", "south", "ann", "bob", "cyd")


def told(found: dict[str, Target]) -> Iterator[tuple[str, str, Decimal | None]]:
    return ((name, found[name].state, found[name].amount) for name in NAMES)


def test_blank_zero_and_unassigned_are_three_states() -> None:
    found, _ = company()
    assert {each.state for each in found.values()} == {"blank"}
    assert {each.unallocated for each in found.values()} == {None}

    found, _ = company(north="100", ann="0")
    assert list(told(found)) == [
        ("company", "set", Decimal(100)),
        ("north", "set", Decimal(100)),
        ("south", "blank", None),
        ("ann", "zero", Decimal(0)),
        ("bob", "unassigned", None),
        ("cyd", "blank", None),
    ]
    assert found["north"].unallocated == 100
    assert found["company"].source == "below"

    found, _ = company(company="100")
    assert [found[name].state for name in NAMES] == ["set", *["unassigned"] * 5]
    assert (found["company"].parts, found["company"].unallocated) == (None, Decimal(100))


def test_more_may_be_assigned_than_there_is_and_less() -> None:
    found, _ = company(company="200", north="150", ann="90", bob="75", south="60")
    assert (found["company"].unallocated, found["company"].over_assigned) == (Decimal(-10), Decimal("0.0500"))
    assert (found["north"].unallocated, found["north"].over_assigned) == (Decimal(-15), Decimal("0.1000"))
    assert (found["south"].unallocated, found["south"].over_assigned) == (Decimal(60), None)
    found, _ = company(company="0", north="150")
    assert (found["company"].state, found["company"].over_assigned) == ("zero", None)


@pytest.mark.parametrize("key", ["2026Q4", "FY2026"])
def test_a_period_is_made_of_those_in_it_only_when_all_of_them_have_a_number(key: str) -> None:
    period, node = CALENDAR.parse(key), NodeKey("unit", UUID(int=1))
    parts = parts_of(CALENDAR, period)
    said = {(part.start, part.end): {node: Decimal(at)} for at, part in enumerate(parts, start=1)}
    assert given(said, CALENDAR, period) == {
        node: Given(sum(map(Decimal, range(1, len(parts) + 1)), Decimal()), "periods")
    }
    assert given(dict(list(said.items())[1:]), CALENDAR, period) == {}
    own = said | {(period.start, period.end): {node: Decimal(5)}}
    assert given(own, CALENDAR, period) == {node: Given(Decimal(5), "own")}
