"""An edit is a JSON merge patch over the record as it was read."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.connectors.edits import Edit, depth, edited, fields, merged
from gateway.connectors.items import FullRecord, Ignored
from libs.common import clock

RECORDS: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.integers() | st.text(max_size=3) | st.lists(st.integers(), max_size=2),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
PATCHES = st.dictionaries(st.sampled_from("abc"), RECORDS, max_size=3)


@pytest.mark.parametrize(
    ("record", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": [1]}, {"a": "c"}, {"a": "c"}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": {"b": "c"}}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_the_examples_of_the_standard(record: Any, patch: Any, result: Any) -> None:
    assert merged(record, patch) == result


@given(record=PATCHES, patch=PATCHES)
def test_the_same_edit_twice_is_the_edit_once_and_leaves_what_was_read(record: Any, patch: Any) -> None:
    before = repr(record)
    once = merged(record, patch)

    assert merged(once, patch) == once
    assert repr(record) == before


def test_what_is_touched_is_named_without_values() -> None:
    assert fields({"properties": {"stage": "x", "name": None}, "id": 1}) == [
        "properties.stage",
        "properties.name",
        "id",
    ]


def test_nesting_is_counted_and_not_followed_without_end() -> None:
    deep: Any = 1
    for _ in range(5000):
        deep = {"a": deep}

    assert depth({"a": [1, {"b": 2}]}) == 3
    assert depth(deep) == 65


def test_only_records_are_edited_and_who_did_it_is_said() -> None:
    record = FullRecord("deal", "1", {"stage": "x"}, clock.now(), actor="7")
    edit = Edit({"stage": "y"}, "alice")

    found = edited(record, edit)

    assert (found.record, found.actor, found.edited_by) == ({"stage": "y"}, "7", "alice")
    assert edited(Ignored("no"), edit) == Ignored("no")
    assert edited(record, None) is record
