"""What opens a review: once for each cause, whatever the order and however often it is told."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.forecast.reviews.causes import Known, Policy, Stood, Trigger, at_lock, is_new, regular
from services.forecast.reviews.judging import judged

PLAN, NODE, OTHER = UUID(int=1), UUID(int=2), UUID(int=3)
SET = datetime(2026, 10, 20, 9, tzinfo=UTC)
TODAY = date(2026, 11, 23)
BERLIN = "Europe/Berlin"


def policy(**more: Any) -> Policy:
    nothing: dict[str, Any] = dict.fromkeys(("day_of_month", "chance_node", "chance_below", "gap_node", "gap_above"))
    return Policy(**(nothing | {"plan_id": PLAN, "on_broken": True, "made_at": SET} | more))


def stood(
    node: UUID = NODE, chance: float | None = 0.4, closed: str | None = "70", wanted: str | None = "100"
) -> Stood:
    return Stood(node, "North", chance, closed and Decimal(closed), wanted and Decimal(wanted))  # type: ignore[arg-type]


def test_the_regular_review_is_due_when_its_day_begins_where_the_organisation_is() -> None:
    monthly = policy(day_of_month=5)
    before = datetime(2026, 11, 4, 22, 59, tzinfo=UTC)
    assert regular(monthly, before, BERLIN) is None, "the fifth of October was before it was set"
    due = regular(monthly, before + timedelta(minutes=1), BERLIN)
    assert due is not None
    assert (due.since, due.text) == (datetime(2026, 11, 4, 23, tzinfo=UTC), "The regular review of 5 November 2026")
    later = regular(monthly, datetime(2026, 12, 4, 12, tzinfo=UTC), BERLIN)
    assert later == due, "the newest that is due, told again"
    assert regular(policy(), before, BERLIN) is None


def test_a_chance_below_its_bound_and_a_gap_above_it_are_found_at_a_lock() -> None:
    watched = policy(chance_node=NODE, chance_below=Decimal("0.5"), gap_node=NODE, gap_above=Decimal("0.25"))
    found = at_lock(watched, [stood(), stood(OTHER, 0.1, "0")], SET)
    assert [(each.kind, each.subject_id, each.text) for each in found] == [
        ("chance", NODE, "P(target) of North is 40 %, below 50 %"),
        ("gap", NODE, "North lacks 30 % of what was wanted by then, more than 25 %"),
    ]
    assert at_lock(watched, [stood(chance=0.5, closed="75")], SET) == [], "on the bound is not beyond it"


@pytest.mark.parametrize(
    "unknown", [stood(chance=None, closed=None), stood(chance=None, wanted="0"), stood(chance=None, wanted=None)]
)
def test_what_is_not_known_opens_nothing(unknown: Stood) -> None:
    watched = policy(chance_node=NODE, chance_below=Decimal(1), gap_node=NODE, gap_above=Decimal(0))
    assert at_lock(watched, [unknown], SET) == []


KINDS = ("regular", "chance", "gap", "assumption")
triggers = st.builds(
    lambda kind, subject, day: Trigger(
        kind, PLAN, None if kind == "regular" else subject, kind, SET + timedelta(days=day)
    ),
    st.sampled_from(KINDS),
    st.sampled_from([NODE, OTHER]),
    st.integers(0, 30),
)


@given(st.lists(triggers, max_size=30))
def test_a_cause_has_one_open_review_in_whatever_order_and_however_often_it_is_told(told: list[Trigger]) -> None:
    known: list[Known] = []
    for each in [*told, *reversed(told), *told]:
        if is_new(each, known, TODAY):
            known.append(Known(each.kind, each.subject_id, each.since, True, None))
    causes = [(each.kind, each.subject_id) for each in known]
    assert len(causes) == len(set(causes))
    assert set(causes) == {(each.kind, each.subject_id) for each in told}


@given(triggers, st.integers(-5, 5), st.integers(1, 30))
def test_a_decided_cause_opens_anew_only_for_what_began_later_and_after_its_check_date(
    first: Trigger, until: int, later: int
) -> None:
    decided = Known(first.kind, first.subject_id, first.since, False, TODAY + timedelta(days=until))
    again = Trigger(first.kind, PLAN, first.subject_id, first.text, first.since + timedelta(days=later))
    assert not is_new(first, [decided], TODAY), "the same cause was judged"
    holds = first.kind in ("chance", "gap") and until >= 0
    assert is_new(again, [decided], TODAY) is not holds
    other = Trigger("assumption", PLAN, UUID(int=99), "other", first.since)
    assert is_new(other, [decided], TODAY)


@pytest.mark.parametrize(
    ("came", "low", "high", "outcome"),
    [
        ("5", "5", "7", "hit"),
        ("7", "5", "7", "hit"),
        ("4.99", "5", None, "missed"),
        ("7.01", None, "7", "missed"),
        (None, "5", "7", "unknown"),
        ("0", None, "7", "hit"),
    ],
)
def test_what_came_is_a_hit_within_the_range_and_unknown_stays_unknown(
    came: str | None, low: str | None, high: str | None, outcome: str
) -> None:
    given_ = [None if each is None else Decimal(each) for each in (came, low, high)]
    assert judged(*given_) == outcome
