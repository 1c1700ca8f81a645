"""Which steps are asked again, and who may decide one."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.pricing.approvals.steps import (
    Decided,
    Pair,
    Person,
    inputs_of,
    inputs_of_pairs,
    may_decide,
    plan,
    worsened,
)
from services.pricing.policies.judging import Finding, Policy

D = Decimal


def finding(measure: str, value: str | None, level: int, subject: str = "quote") -> Finding:
    return Finding(measure, subject, None if value is None else D(value), None, level)  # type: ignore[arg-type]


def approved(findings: list[Finding], by: str = "x") -> list[Decided[str]]:
    level = max(each.level for each in findings)
    return [
        Decided(authority, inputs_of(findings, stage.level), f"{by}:{authority}", None, "before")
        for stage in Policy().stages(level)
        for authority in stage.authorities
    ]


BEFORE = [finding("discount", "0.12", 1, "1: CORE"), finding("payment_days", "90", 3)]


def asked(after: list[Finding], authors: tuple[str, ...] = ()) -> list[str]:
    level = max((each.level for each in after), default=0)
    steps, _ = plan(Policy(), level, after, decided=approved(BEFORE), authors=authors)
    return [step.authority for step in steps if step.carried is None]


def test_only_the_steps_whose_inputs_worsened_are_asked_again() -> None:
    assert asked(BEFORE) == []
    assert asked([finding("discount", "0.15", 1, "1: CORE"), BEFORE[1]]) == ["manager"]
    assert asked([BEFORE[0], finding("payment_days", "120", 3)]) == ["manager", "vp", "cso", "finance"]
    assert asked([finding("discount", "0.11", 1, "1: CORE"), finding("payment_days", "61", 3)]) == []
    assert asked([BEFORE[0]]) == []


def test_a_new_finding_and_one_that_became_unknown_are_asked_about_and_shown() -> None:
    after = [*BEFORE, finding("margin", None, 2)]
    steps, differences = plan(Policy(), 3, after, decided=approved(BEFORE))
    assert [step.authority for step in steps if step.carried is None] == ["manager", "vp"]
    assert {(each.authority, each.input, each.is_new) for each in differences} == {
        ("manager", "margin of quote", True),
        ("vp", "margin of quote", True),
    }


def test_who_became_an_author_does_not_carry_their_own_approval_over() -> None:
    assert asked(BEFORE, authors=("x:manager",)) == ["manager"]


_values = st.dictionaries(
    st.sampled_from(["discount", "payment_days", "margin"]), st.none() | st.integers(0, 9), max_size=3
)


@given(_values, _values, st.integers(1, 3))
def test_nothing_worse_than_what_was_approved_is_ever_carried_over(
    before: dict[str, int | None], after: dict[str, int | None], level: int
) -> None:
    def of(values: dict[str, int | None]) -> list[Finding]:
        return [finding(name, None if value is None else str(value), level) for name, value in values.items()]

    decided = approved(of(before)) if before else []
    steps, _ = plan(Policy(), level if after else 0, of(after), decided=decided)
    is_worse = any(
        name not in before
        or (value is None and before[name] is not None)
        or (
            value is not None
            and before[name] is not None
            and (value < before[name] if name == "margin" else value > before[name])  # type: ignore[operator]
        )
        for name, value in after.items()
    )
    for step in steps:
        assert (step.carried is None) == is_worse


MANAGER = Person("m", frozenset({"manager"}), is_above=False)
VP = Person("v", frozenset({"manager"}), is_above=True)
CSO = Person("c", frozenset({"cso"}), is_above=True)
CEO = Person("e", frozenset({"ceo"}), is_above=True)


@pytest.mark.parametrize(
    ("person", "may", "may_later"),
    [
        (MANAGER, {"manager"}, {"manager"}),
        (VP, {"manager", "vp"}, {"manager", "vp"}),
        (CSO, {"cso"}, {"manager", "vp", "cso"}),
        (CEO, {"ceo"}, {"ceo", "cso", "finance"}),
        (Person("s", frozenset({"seller"}), is_above=True), set(), set()),
    ],
)
def test_a_step_is_for_its_authority_and_later_for_the_next_rank(
    person: Person, may: set[str], may_later: set[str]
) -> None:
    for escalated, wanted in ((False, may), (True, may_later)):
        found = {
            authority
            for authority in ("manager", "vp", "cso", "finance", "ceo")
            if may_decide(person, authority, escalated=escalated, authors=(), in_stage=()) is None
        }
        assert found == wanted


def test_nobody_decides_on_their_own_quote_nor_through_a_delegation_nor_twice_in_a_stage() -> None:
    deputy = Person("d", frozenset({"cso"}), is_above=True, on_behalf_of="c")
    for authors, in_stage in (({"c"}, ()), ({"d"}, ()), ((), {"c"}), ((), {"d"})):
        assert may_decide(deputy, "cso", escalated=False, authors=set(authors), in_stage=in_stage) is not None
    assert may_decide(deputy, "cso", escalated=False, authors=(), in_stage=()) is None


def test_the_order_of_findings_changes_nothing() -> None:
    def planned(order: Sequence[Finding]) -> tuple[tuple[int, str], ...]:
        steps, _ = plan(Policy(), 3, order, decided=approved(BEFORE))
        return tuple((step.stage, step.authority) for step in steps)

    assert len({planned(order) for order in permutations(BEFORE)}) == 1


_pairs = st.lists(
    st.builds(
        Pair,
        st.sampled_from(["discount", "free_months"]),
        st.sampled_from(["", "12 %"]),
        st.sampled_from(["longer_term", "reference"]),
        st.sampled_from(["", "24 months"]),
        st.none() | st.decimals(0, 100, places=0),
    ),
    max_size=3,
    unique_by=lambda each: (each.given, each.given_note, each.got, each.got_note),
)


def _as(value: Decimal | None, how: str) -> Decimal | None:
    if how == "unknown" or (value is None and how != "more"):
        return None
    return {"same": value, "less": (value or D(0)) - 1, "more": (value or D(0)) + 1}[how]


@given(_pairs, _pairs, st.lists(st.sampled_from(["same", "gone", "less", "more", "unknown"]), min_size=3, max_size=3))
def test_a_pair_that_was_approved_is_carried_only_with_no_more_granted_and_no_less_in_return(
    before: list[Pair], further: list[Pair], became: list[str]
) -> None:
    changed = {
        (each.given, each.given_note, each.got, each.got_note): replace(each, value=_as(each.value, how))
        for each, how in zip(before, became, strict=False)
        if how != "gone"
    }
    added = {(each.given, each.given_note, each.got, each.got_note): each for each in further[:1]}
    after = list((added | changed).values())
    made = worsened("manager", inputs_of_pairs(before), inputs_of_pairs(after))
    known = {(each.given, each.given_note, each.got, each.got_note): each.value for each in before}
    now = {(each.given, each.given_note, each.got, each.got_note): each.value for each in after}
    grants = {(each.given, each.given_note) for each in before}
    more = any((each.given, each.given_note) not in grants for each in after)
    less = any(
        key not in now or (value is not None and (now[key] is None or now[key] < value))  # type: ignore[operator]
        for key, value in known.items()
    )
    assert bool(made) == (more or less)


def test_a_step_is_asked_again_when_what_was_promised_in_return_is_gone_and_not_when_more_is_asked() -> None:
    longer = Pair("discount", "12 %", "longer_term", "24 months", D(5000))
    named = Pair("discount", "12 %", "reference", "")
    steps, _ = plan(Policy(), 1, (), pairs=[longer])
    (step,) = steps
    agreed = [Decided("manager", step.inputs, "user:m", None, "r1")]
    carried, _ = plan(Policy(), 1, (), decided=agreed, pairs=[longer, named])
    assert [each.carried is not None for each in carried] == [True]
    asked, differences = plan(Policy(), 1, (), decided=agreed, pairs=[named])
    assert [each.carried is not None for each in asked] == [False]
    assert [(each.input, each.before, each.after) for each in differences] == [
        ("in return: longer term (24 months), for discount (12 %)", D(5000), None)
    ]
