"""What held between two entries and was not seen is said to be unknown."""

from decimal import Decimal

from services.deals.chronicle import corrections
from tests.unit.deals.given import day, deal_id, quote, record
from tests.unit.deals.test_timeline import gaps, gone, timeline


def test_an_entry_says_from_when_on_nobody_saw_what_held() -> None:
    moments = timeline(
        record(day(0)),
        record(day(3), amount=Decimal(5), unobserved_since=day(1)),
        quote(1, day(4), deal_id("D")),
        record(day(5), amount=Decimal(6)),
    )

    assert gaps(moments) == {day(3): day(1)}


def test_of_two_records_of_one_instant_the_longer_gap_counts() -> None:
    early, late = (record(day(3), sequence=n, unobserved_since=day(n)) for n in (1, 2))

    assert gaps(timeline(record(day(0)), early, late)) == gaps(timeline(late, early)) == {day(3): day(1)}


def test_a_gap_is_said_although_the_deal_looks_the_same_after_it() -> None:
    before, after_gap = record(day(0)), record(day(3), unobserved_since=day(1))
    stored = timeline(before)

    (appended,) = corrections(stored, timeline(before, after_gap), withdrawn=gone)

    assert (appended.valid_from, appended.unobserved_since) == (day(3), day(1))
    assert corrections([*stored, appended], timeline(before, after_gap), withdrawn=gone) == []


def test_a_gap_that_is_learned_of_later_is_added_to_its_entry() -> None:
    seen, again = record(day(3)), record(day(3), sequence=1, unobserved_since=day(1))
    stored = timeline(record(day(0)), seen)

    (appended,) = corrections(stored, timeline(record(day(0)), seen, again), withdrawn=gone)

    assert (appended.valid_from, appended.unobserved_since) == (day(3), day(1))
