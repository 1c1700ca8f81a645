"""What became of promises, in whatever order it was said."""

from datetime import date, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from libs.common.ids import entity_id
from services.deals.commitments.standing import Kind, Said, record, standing
from tests.unit.deals.given import START, day

ZONE = ZoneInfo("Europe/Berlin")
TODAY = START.date()


def said(kind: Kind, at: float, due: int | None = None) -> Said:
    last = None if due is None else TODAY + timedelta(days=due)
    return Said(entity_id("test", "said", f"{kind} {at} {due}"), kind, day(at), last)


def test_a_promise_is_open_until_the_end_of_its_day_and_overdue_from_then_on() -> None:
    made = [said("made", 0, 5)]

    assert [standing(made, as_of=day(n), zone=ZONE).state for n in (1, 5, 6)] == ["open", "open", "overdue"]  # type: ignore[union-attr]
    assert standing(made, as_of=day(-1), zone=ZONE) is None


def test_kept_is_on_time_by_the_day_that_was_promised_first_whatever_it_was_moved_to() -> None:
    made, moved = said("made", 0, 5), said("moved", 4, 9)

    early = standing([made, said("kept", 5)], as_of=day(20), zone=ZONE)
    late = standing([made, moved, said("kept", 8)], as_of=day(20), zone=ZONE)

    assert early is not None
    assert late is not None
    assert (early.is_on_time, early.kept_on) == (True, TODAY + timedelta(days=5))
    assert (late.is_on_time, late.moves, late.due, late.first_due) == (
        False,
        1,
        TODAY + timedelta(days=9),
        TODAY + timedelta(days=5),
    )


def test_the_day_on_which_it_was_kept_is_the_organisations_and_not_greenwichs() -> None:
    midnight = START.replace(hour=23, minute=30)
    kept = standing(
        [said("made", 0, 0), Said(entity_id("test", "said", "k"), "kept", midnight)], as_of=day(2), zone=ZONE
    )

    assert kept is not None
    assert (kept.kept_on, kept.is_on_time) == (date(2026, 3, 3), False)


def test_the_rate_counts_broken_and_overdue_promises_and_leaves_out_open_and_withdrawn_ones() -> None:
    told = [
        [said("made", 0, 5), said("kept", 4)],
        [said("made", 0, 5), said("broken", 4)],
        [said("made", 0, 5)],
        [said("made", 0, 50)],
        [said("made", 0, 5), said("withdrawn", 2)],
    ]
    found = record(now for each in told if (now := standing(each, as_of=day(10), zone=ZONE)) is not None)

    assert (found.count, found.on_time, found.rate) == (3, 1, Fraction(1, 3))
    assert record([]).rate is None


SAID = st.builds(
    said, st.sampled_from(("moved", "evidenced", "kept", "broken", "withdrawn")), st.integers(1, 9), st.integers(1, 12)
)


@given(st.lists(SAID, max_size=6), st.data(), st.integers(0, 15))
def test_no_order_and_no_repetition_of_what_was_said_changes_a_promise(
    told: list[Said], data: st.DataObject, at: int
) -> None:
    made = said("made", 0, 5)
    again = data.draw(st.permutations([made, *told, *told[:2]]))

    assert standing(again, as_of=day(at), zone=ZONE) == standing([made, *told], as_of=day(at), zone=ZONE)
