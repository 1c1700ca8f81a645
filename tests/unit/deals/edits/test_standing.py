"""What becomes of an edit does not depend on whether the CRM's record or its answer comes first."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.deals.edits.standing import Answer, judge

VALUES = st.sampled_from([None, "old", "new", "theirs"])
ANSWERS = st.one_of(
    st.none(),
    st.builds(Answer, st.sampled_from(["taken", "refused", "conflict"]), VALUES, st.sampled_from([None, "no"])),
)


@given(held=VALUES, answer=ANSWERS)
def test_an_edit_is_confirmed_exactly_when_the_crm_shows_the_wanted_value(held: str | None, answer: Answer | None):
    verdict = judge("new", ("old",), held, answer)

    assert (verdict.state == "confirmed") == (held == "new")


@given(answer=ANSWERS)
def test_a_value_that_was_there_before_confirms_nothing_until_the_crm_has_answered(answer: Answer | None):
    """Somebody sets a field back while the edit before is still on its way: the CRM's old value says nothing yet."""
    verdict = judge("old", ("old", "new"), "old", answer)

    assert (verdict.state == "confirmed") == (answer is not None)


@pytest.mark.parametrize("outcome", ["refused", "conflict"])
def test_what_the_crm_did_not_take_is_told_with_its_own_words_and_value(outcome):
    verdict = judge("new", ("old",), "old", Answer(outcome, "theirs", "Amount is locked"))

    assert (verdict.state, verdict.crm_value, verdict.reason) == (outcome, "theirs", "Amount is locked")


def test_a_value_written_over_ours_after_the_crm_took_it_is_a_conflict_with_both_values():
    assert judge("new", ("old",), "old", Answer("taken")).state == "taken"
    verdict = judge("new", ("old",), "theirs", Answer("taken"))

    assert (verdict.state, verdict.crm_value) == ("conflict", "theirs")


def test_a_foreign_change_that_comes_before_the_answer_leaves_the_edit_pending():
    assert judge("new", ("old",), "theirs", None).state == "pending"
