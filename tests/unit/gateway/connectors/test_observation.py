"""From when on nobody saw what a fetched record held."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from gateway.connectors.observation import unobserved_since

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
TIMES = st.integers(0, 20).map(lambda number: START + timedelta(seconds=number))


def at(second: float) -> datetime:
    return START + timedelta(seconds=second)


def test_one_change_whose_state_was_fetched_leaves_nothing_unseen() -> None:
    assert unobserved_since(at(5), [at(5)], seen_at=[at(1)]) is None


def test_what_the_first_of_several_changes_made_was_not_seen() -> None:
    assert unobserved_since(at(9), [at(7), at(5), at(9)], seen_at=[at(1)]) == at(5)


def test_a_change_that_nobody_has_told_of_yet_hides_the_one_before_it() -> None:
    assert unobserved_since(at(9), [at(5)], seen_at=[at(1)]) == at(5)


def test_a_change_whose_state_is_known_already_hides_nothing() -> None:
    assert unobserved_since(at(9), [at(5), at(9)], seen_at=[at(5)]) is None


def test_a_record_that_was_never_seen_is_unknown_from_the_first_change_told_of() -> None:
    assert unobserved_since(at(9), [at(5), at(9)], seen_at=[None]) == at(5)


def test_two_changes_within_one_tick_of_the_crms_clock_are_said() -> None:
    assert unobserved_since(at(5), [at(5.2), at(5.8)], seen_at=[at(1)]) == at(5)
    assert unobserved_since(at(5), [at(5.8)], seen_at=[at(1)]) is None


def test_what_is_asked_without_any_signal_claims_no_gap() -> None:
    assert unobserved_since(at(9), [], seen_at=[at(1)]) is None


@given(crm_time=TIMES, told=st.lists(TIMES, max_size=5), seen=st.lists(TIMES, max_size=2), data=st.data())
def test_a_gap_begins_after_what_was_seen_and_ends_with_what_was_fetched(
    crm_time: datetime, told: list[datetime], seen: list[datetime], data: st.DataObject
) -> None:
    found = unobserved_since(crm_time, told, seen_at=seen)

    assert found == unobserved_since(crm_time, data.draw(st.permutations(told)), seen_at=seen)
    if found is not None:
        assert found <= crm_time
        assert not any(found <= each < crm_time for each in seen)
