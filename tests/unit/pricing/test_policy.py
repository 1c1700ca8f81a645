"""A policy says who must agree, and nothing is sold below a floor without that being said."""

import importlib
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from libs.common import money
from services.pricing.policies.judging import (
    Budget,
    Limit,
    LineFacts,
    Minimum,
    Policy,
    QuoteFacts,
    Rule,
    judge,
)
from services.pricing.policies.schemas import PolicyDocument
from services.pricing.promotions.mechanism import Kind, share_of
from services.pricing.quotes.arithmetic import Deduction, Priced, discount_of, of_line
from tests.unit.pricing.test_promotion_mechanism import asked as asking
from tests.unit.pricing.test_promotion_mechanism import offer

D = Decimal
STARTING = PolicyDocument.model_validate_json(
    importlib.import_module("services.pricing.migrations.versions.0008_starting_policy").DOCUMENT
).policy()
"""What holds before anything is published."""
DISCOUNT = Rule("discount", "line", (Limit(D("0.1"), 1), Limit(D("0.2"), 2), Limit(D("0.3"), 3)))


def line(paid: str, *, listed: str | None = "100", cost: str | None = "50", floor: str | None = None) -> LineFacts:
    return LineFacts(
        "CORE",
        "Suite",
        D(listed) if listed else None,
        D(paid),
        D(paid),
        D(cost) if cost else None,
        D(floor) if floor else None,
    )


def facts(*lines: LineFacts, **more: object) -> QuoteFacts:
    return QuoteFacts(lines, "EUR", **more)  # type: ignore[arg-type]


def test_the_worst_line_and_the_whole_quote_decide_the_level() -> None:
    whole = Rule("discount", "quote", (Limit(D("0.05"), 2),))
    assert judge(Policy((DISCOUNT,)), facts(line("100"), line("65"))).level == 3
    assert judge(Policy((DISCOUNT,)), facts(line("100"), line("100"))).level == 0
    assert judge(Policy((DISCOUNT, whole)), facts(line("100"), line("88"))).level == 2


def test_a_price_on_a_limit_has_not_passed_it() -> None:
    assert [judge(Policy((DISCOUNT,)), facts(line(paid))).level for paid in ("90", "89.99")] == [0, 1]


def test_an_unknown_margin_asks_for_whom_the_policy_says() -> None:
    rule = Rule("margin", "quote", (Limit(D("0.2"), 2),), unknown_level=1)
    assert judge(Policy((rule,)), facts(line("100", cost=None))).level == 1
    assert judge(Policy((rule,)), facts(line("55"))).level == 2
    assert judge(Policy((rule,)), facts(line("100"))).level == 0


def test_long_payment_terms_are_asked_about() -> None:
    rule = Rule("payment_days", "quote", (Limit(D(60), 3),))
    assert [judge(Policy((rule,)), facts(line("100"), payment_days=days)).level for days in (None, 60, 90)] == [0, 0, 3]


def test_a_rule_of_a_market_is_for_that_market_only() -> None:
    rule = Rule("discount", "line", (Limit(D("0.1"), 3),), market="DACH")
    assert [judge(Policy((rule,)), facts(line("80"), market=market)).level for market in ("DACH", "Nordics", None)] == [
        3,
        0,
        0,
    ]


def test_below_the_policys_least_price_is_for_the_highest_level() -> None:
    below = LineFacts("CORE", "Suite", D(100), D(59), D(59), None, floor=D("0.6"), minimum=D("0.6"))
    assert Policy(minima=(Minimum(D("0.6")), Minimum(D("0.5"), family="Suite"))).minimum(None, None, "Suite") == D(
        "0.6"
    )
    assert judge(Policy(), facts(below)).level == 3


def test_over_the_exception_budget_the_level_rises() -> None:
    policy = Policy(budgets=(Budget(2026, "new_logo", "EUR", D(10)),), over_budget_level=3)
    under = line("65", floor="0.7")
    assert judge(policy, facts(under, budget_left=D(5))).level == 1
    assert judge(policy, facts(under, budget_left=D("4.99"))).level == 3
    assert policy.budget(2026, "displacement", "EUR") == 0


_deductions = st.lists(
    st.builds(
        Deduction,
        st.sampled_from(["Volume", "Bonus"]),
        st.sampled_from(["on_invoice", "off_invoice"]),
        st.decimals(0, "0.5", places=4),
    ),
    max_size=4,
).map(tuple)
_promotions = st.lists(
    st.one_of(
        st.tuples(st.just("percent"), st.decimals("0.0001", "0.5", places=4)),
        st.tuples(st.just("amount"), st.decimals("0.01", 300, places=2)),
        st.tuples(st.just("free_months"), st.integers(1, 6).map(Decimal)),
    ),
    max_size=3,
)


@given(
    st.lists(
        st.tuples(
            st.decimals("0.01", 1000, places=4),
            st.decimals("0.01", 900, places=4),
            st.decimals("0.01", 900, places=4),
            _deductions,
            _promotions,
        ),
        min_size=1,
        max_size=4,
    ),
    st.decimals(0, 1, places=4),
    st.sampled_from(["EUR", "JPY", "KWD"]),
    st.sampled_from([Policy(), STARTING]),
)
def test_no_stacking_of_discounts_promotions_and_rounding_sells_under_a_floor_without_an_exception(
    asked: list[tuple[Decimal, Decimal, Decimal, tuple[Deduction, ...], list[tuple[Kind, Decimal]]]],
    floor: Decimal,
    currency: str,
    policy: Policy,
) -> None:
    lines = []
    for quantity, unit_price, listed, deductions, promotions in asked:
        taken = deductions
        for kind, value in promotions:
            left = quantity * unit_price * (1 - discount_of(taken))
            where = asking(quantity=quantity, currency=currency)
            taken = (*taken, Deduction("Promotion", "on_invoice", share_of(offer(kind=kind, value=value), where, left)))
        fall = of_line(Priced(quantity, unit_price, taken, listed, None), currency)
        lines.append(LineFacts("CORE", None, fall.list_amount, fall.paid, fall.pocket, None, floor))
    verdict = judge(policy, QuoteFacts(tuple(lines), currency))
    under = [each for each in lines if each.listed is not None and each.paid < floor * each.listed]
    assert verdict.needs_reason == bool(under)
    assert (verdict.level >= 1) == bool(under)
    assert bool(policy.stages(verdict.level)) == bool(under), "whoever is asked is somebody"
    missing = sum((floor * (each.listed or 0) - each.paid for each in under), Decimal())
    cent = Decimal(1).scaleb(-money.exponent(currency))
    assert missing <= verdict.shortfall < missing + cent * len(under) + cent


def test_before_a_policy_is_published_the_cso_agrees_to_what_is_below_a_floor_and_nobody_to_anything_else() -> None:
    below = judge(STARTING, facts(line("69.99", floor="0.7")))
    assert [stage.authorities for stage in STARTING.stages(below.level)] == [("cso",)]
    assert below.needs_reason
    above = judge(STARTING, facts(line("70", floor="0.7"), line("1", cost=None), payment_days=400, term_months=1))
    assert (above.level, above.findings, above.needs_reason) == (0, (), False)
