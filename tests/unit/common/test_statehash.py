"""A fingerprint is of what is known, not of how a machine wrote it down."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from functools import reduce
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.documents import COMPONENTS
from libs.common.statehash import LEVELS, Hashed, Sum, canonical

AT = datetime(2026, 1, 1, 9, tzinfo=UTC)
ROW: dict[str, Any] = {"id": UUID(int=1), "amount": Decimal("10.00"), "at": AT, "name": "Ä", "gone": None}


@pytest.mark.parametrize(
    "same",
    [
        {"amount": Decimal(10)},
        {"amount": Decimal("1E1")},
        {"at": AT.astimezone(timezone(timedelta(hours=5)))},
    ],
)
def test_one_thing_written_in_two_ways_is_one_thing(same: dict[str, Any]):
    assert canonical(ROW | same) == canonical(ROW)
    assert canonical(dict(reversed(ROW.items()))) == canonical(ROW)


@pytest.mark.parametrize(
    "other",
    [
        {"amount": Decimal("10.01")},
        {"at": AT + timedelta(microseconds=1)},
        {"name": "A"},
        {"gone": ""},
        {"amount": None},
    ],
)
def test_what_differs_by_a_cent_a_moment_or_a_letter_is_another(other: dict[str, Any]):
    assert canonical(ROW | other) != canonical(ROW)


@given(st.lists(st.integers(), max_size=20), st.randoms())
def test_the_order_of_rows_does_not_matter_and_their_number_does(keys: list[int], chance: Any):
    def total(of: list[int]) -> Sum:
        return reduce(lambda found, key: found.plus({"key": key}), of, Sum())

    shuffled = list(keys)
    chance.shuffle(shuffled)

    assert total(shuffled) == total(keys)
    assert total([*keys, 7]) != total(keys)


def test_every_component_says_what_of_it_is_state_and_what_history():
    for component in COMPONENTS:
        assert {each.level for each in component.fingerprint} == set(LEVELS), component.name
        names = [each.table for each in component.fingerprint]
        assert len(set(names)) == len(names), component.name


def test_of_a_timeline_only_the_newest_word_on_each_instant_counts():
    said = Hashed("deal_version", "history", ("deal_id", "valid_from"), ("content",), newest=True).statement()

    assert said.startswith('SELECT DISTINCT ON ("deal_id", "valid_from") ')
    assert said.endswith('ORDER BY "deal_id", "valid_from", version DESC')
