"""Turns: of any two who are able all along, shares differ by one at most over any window, whoever comes and goes."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from services.leads.assignment.turns import next_in_turn

PEOPLE = [UUID(int=number) for number in range(1, 7)]
ALWAYS = {PEOPLE[1], PEOPLE[4]}
some = st.sets(st.sampled_from(PEOPLE))


@given(st.lists(some, min_size=1, max_size=40), st.integers(0, 39), st.integers(1, 40))
def test_the_shares_of_any_two_differ_by_one_at_most_over_any_window(
    days: list[set[UUID]], begin: int, length: int
) -> None:
    last, turns = None, []
    for there in days:
        last = next_in_turn(PEOPLE, last=last, able=there | ALWAYS)
        assert last in there | ALWAYS
        turns.append(last)
    window = turns[begin : begin + length]
    one, other = (window.count(each) for each in sorted(ALWAYS))
    assert abs(one - other) <= 1


def test_the_turn_goes_on_where_it_ended_although_that_person_left() -> None:
    assert next_in_turn(PEOPLE[3:], last=PEOPLE[2], able=PEOPLE) == PEOPLE[3]
    assert next_in_turn(PEOPLE[:2], last=PEOPLE[5], able=PEOPLE) == PEOPLE[0]


def test_where_nobody_is_able_nobody_has_the_turn() -> None:
    assert next_in_turn(PEOPLE, last=None, able=()) is None
