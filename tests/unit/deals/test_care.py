"""What a timeline tells of its economic buyer, and who made a change."""

from services.deals.chronicle import corrections
from tests.unit.deals.given import day, deal_id, handed, quote, record, user_id
from tests.unit.deals.test_timeline import after, gone, timeline


def test_an_economic_buyer_is_known_as_long_as_what_was_said_of_one_is_fresh() -> None:
    said, more, later = handed(day(1)), handed(day(10), state="confirmed"), record(day(11))

    contents = timeline(record(day(0)), said, more, later)

    assert [moment.content.economic_buyer_until for moment in contents] == [None, day(121), day(130), day(130)]


def test_what_was_said_of_an_economic_buyer_and_taken_back_counts_no_longer() -> None:
    taken_back, anew = handed(day(5), state="void"), handed(day(6))

    assert after(record(day(0)), handed(day(1)), taken_back).economic_buyer_until is None
    assert after(record(day(0)), handed(day(1)), taken_back, anew).economic_buyer_until == day(126)


def test_a_change_that_says_nothing_new_of_the_deal_makes_no_entry_whoever_made_it() -> None:
    first, touched = record(day(0), changed_by=user_id("U0")), record(day(1), changed_by=user_id("U1"))
    stored = timeline(first)

    assert stored[0].changed_by == user_id("U0")
    assert corrections(stored, timeline(first, touched), withdrawn=gone) == []


def test_where_an_entry_no_longer_is_nobody_made_a_change() -> None:
    made = record(day(0), changed_by=user_id("U0"))
    accepted, withdrawn = quote(1, day(2), deal_id("D")), quote(2, day(0), deal_id("D"), status="withdrawn")
    stored = timeline(made, accepted)

    appended = corrections(stored, timeline(made, accepted, withdrawn), withdrawn=gone)

    assert [(entry.valid_from, entry.changed_by) for entry in appended] == [(day(2), None)]


def test_who_made_a_change_is_learned_of_late() -> None:
    untold, told = record(day(1)), record(day(1), sequence=1, changed_by=user_id("U1"))
    stored = timeline(record(day(0)), untold)

    (appended,) = corrections(stored, timeline(record(day(0)), untold, told), withdrawn=gone)

    assert (appended.valid_from, appended.changed_by) == (day(1), user_id("U1"))
    assert timeline(told, record(day(1), sequence=2))[-1].changed_by == user_id("U1"), (
        "a record that does not tell takes nothing back"
    )
