"""Who is a thread, how close we are, and what a deal's timeline tells of it: the same in any order."""

from datetime import datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from libs.common.ids import entity_id
from services.deals.chronicle import with_digest
from services.deals.ledger.timeline import Inputs, advance, fold, order
from services.deals.ledger.timeline.state import Fold
from services.deals.relationship import MOST_TOLD, WINDOW, Direction, Touch, reached, standing, threads_until
from tests.unit.deals.given import day, record
from tests.unit.deals.test_timeline import ZONE


def contact(name: str) -> UUID:
    return entity_id("crm", "person", name)


def touch(at: datetime, direction: Direction, *names: str, key: str = "") -> Touch:
    return Touch(
        entity_id("test", "touchpoint", f"{at} {direction} {names} {key}"), at, direction, tuple(map(contact, names))
    )


def told(*touches: Touch) -> tuple[datetime, ...] | None:
    return fold(Inputs(records=[with_digest(record(day(0)))], touches=touches), ZONE)[0][-1].content.threads_until


def test_a_contact_is_a_thread_once_both_have_spoken_and_until_one_side_was_silent_for_ninety_days() -> None:
    asked, answered = touch(day(1), "ours", "ann"), touch(day(5), "theirs", "ann")

    assert standing([asked], {}, as_of=day(5)).threads == ()
    assert standing([asked, answered], {}, as_of=day(91)).threads == (contact("ann"),)
    assert standing([asked, answered], {}, as_of=day(91) + timedelta(seconds=1)).threads == ()


def test_one_thread_is_single_threaded_and_none_or_two_are_not() -> None:
    one, other = touch(day(1), "both", "ann"), touch(day(2), "both", "ben")

    assert not standing([], {}, as_of=day(3)).is_single_threaded
    assert standing([one], {}, as_of=day(3)).is_single_threaded
    assert not standing([one, other], {}, as_of=day(3)).is_single_threaded
    assert standing([one, other], {}, as_of=day(91.5)).is_single_threaded, "the first has faded"


def test_the_seniority_is_that_of_the_highest_thread_and_not_of_somebody_who_never_answered() -> None:
    touches = [touch(day(1), "both", "ann"), touch(day(1), "ours", "chief")]

    found = standing(touches, {contact("ann"): "manager", contact("chief"): "executive"}, as_of=day(2))

    assert found.seniority == "manager"


def test_a_deal_of_which_no_touchpoint_was_told_has_an_unknown_number_of_threads_and_not_none() -> None:
    assert told() is None
    assert told(touch(day(1), "ours", "ann")) == ()
    assert told(touch(day(1), "both", "ann"), touch(day(3), "both", "ben")) == (day(93), day(91))


TOUCHES = st.builds(
    lambda at, direction, names: touch(day(at), direction, *sorted(names)),
    st.integers(0, 200),
    st.sampled_from(("ours", "theirs", "both")),
    st.frozensets(st.sampled_from(("ann", "ben", "eve")), max_size=3),
)


@given(st.data())
def test_no_order_and_no_repetition_of_touches_changes_the_relationship_or_the_timeline(data: st.DataObject) -> None:
    touches = data.draw(st.lists(TOUCHES, min_size=3, max_size=8))
    again = data.draw(st.permutations([*touches, *touches[:3]]))

    for as_of in map(day, range(0, 300, 10)):
        assert standing(again, {}, as_of=as_of) == standing(touches, {}, as_of=as_of)
    assert told(*again) == told(*touches)


@given(st.lists(TOUCHES, min_size=1, max_size=8), st.integers(200, 320), st.integers(0, 8))
def test_what_a_timeline_tells_counts_the_threads_at_any_later_instant(touches: list[Touch], at: int, cut: int) -> None:
    steps = order(Inputs(records=[with_digest(record(day(-1)))], touches=touches))
    _, half = advance(Fold(), steps[:cut], ZONE)
    moments, state = advance(half, steps[cut:], ZONE)
    until = threads_until(state.reached or {})

    if moments:
        assert moments[-1].content.threads_until == until, "a fold that is continued tells the same"
    assert sum(end >= day(at) for end in until) == len(standing(touches, {}, as_of=day(at)).threads)


def test_of_very_many_threads_those_are_told_that_live_longest() -> None:
    found = reached({}, touch(day(0), "both", *(f"person {n}" for n in range(MOST_TOLD))))
    found = reached(found, touch(day(9), "both", "late"))

    assert len(threads_until(found)) == MOST_TOLD
    assert threads_until(found)[0] == day(9) + WINDOW
