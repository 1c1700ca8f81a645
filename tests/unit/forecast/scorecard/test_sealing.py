"""The chain of signed documents: whatever an owner changes, the first document that proves nothing is named."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.forecast.readings.canonical import canonical, digest
from services.forecast.scorecard.sealing import FIRST, Sealed, broken, chained


def chain(length: int) -> list[Sealed]:
    made: list[Sealed] = []
    previous = FIRST
    for position in range(1, length + 1):
        contents = {"closed": f"{position}000.00"}
        columns = {
            "position": position, "period": f"2026-{position:02d}", "version": 1, "previous_digest": previous,
            "contents_digest": digest(canonical(contents)), "signed_by": "user:cso",
        }  # fmt: skip
        document = canonical({"contents": contents, "signature": columns})
        made.append(Sealed(position, document, previous, chained(previous, document), columns))
        previous = made[-1].digest
    return made


def test_a_chain_that_nobody_touched_is_whole() -> None:
    assert broken([]) is None
    assert broken(chain(5)) is None


@given(st.integers(1, 4), st.integers(0, 3), st.data())
def test_any_changed_character_is_found_at_its_document(length: int, place: int, data: Any) -> None:
    made = chain(length)
    place %= length
    text = made[place].document
    at = data.draw(st.integers(0, len(text) - 1))
    other = "x" if text[at] != "x" else "y"
    made[place] = replace(made[place], document=text[:at] + other + text[at + 1 :])
    found = broken(made)
    assert found is not None
    assert found.position == place + 1


def test_a_document_that_is_sealed_anew_breaks_the_one_after_it() -> None:
    made = chain(3)
    contents = {"closed": "1.00"}
    columns = {**made[1].columns, "contents_digest": digest(canonical(contents))}
    document = canonical({"contents": contents, "signature": columns})
    made[1] = Sealed(2, document, made[0].digest, chained(made[0].digest, document), columns)
    found = broken(made)
    assert found is not None
    assert (found.position, "another document before it" in found.why) == (3, True)


def test_a_missing_a_swapped_and_a_relabelled_document_are_found() -> None:
    made = chain(3)
    assert getattr(broken([made[0], made[2]]), "position", None) == 3
    assert getattr(broken([made[1], made[0], made[2]]), "position", None) == 2
    made[2] = replace(made[2], columns={**made[2].columns, "signed_by": "user:else"})
    assert getattr(broken(made), "position", None) == 3


def test_one_value_has_one_text() -> None:
    assert canonical({"b": 1, "a": "ü"}) == canonical({"a": "ü", "b": 1}) == '{"a":"ü","b":1}'
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical(float("nan"))
