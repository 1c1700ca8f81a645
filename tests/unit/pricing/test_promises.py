"""Whether customers keep what they promise: the last that was said holds, and little data makes a wide interval."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from services.pricing.promises.standing import Answer, Answered, Standing, record, standing

DUE, BEGIN = date(2026, 4, 1), datetime(2026, 3, 2, tzinfo=UTC)


def said(number: int, answer: Answer, minute: int, due: date | None = None) -> Answered:
    return Answered(UUID(int=number), BEGIN + timedelta(minutes=minute), answer, due)


_answers = st.lists(
    st.builds(
        lambda number, answer, minute, days: said(
            number, answer, minute, DUE + timedelta(days=days) if answer == "moved" else None
        ),
        st.integers(1, 99),
        st.sampled_from(["kept", "not_kept", "moved"]),
        st.integers(0, 5),
        st.integers(0, 90),
    ),
    max_size=6,
    unique_by=lambda each: each.entry_id,
)


def test_until_somebody_says_it_is_not_known_and_overdue_after_its_day() -> None:
    assert standing(DUE, [], today=DUE) == Standing("not_known", DUE, 0, is_overdue=False)
    assert standing(DUE, [], today=DUE + timedelta(days=1)).is_overdue
    assert standing(DUE, [said(1, "kept", 0)], today=DUE + timedelta(days=99)) == Standing("kept", DUE, 0, is_overdue=False)  # fmt: skip


def test_a_move_opens_the_question_anew_on_its_new_day_and_the_last_word_holds() -> None:
    later = DUE + timedelta(days=30)
    moved = [said(1, "not_kept", 0), said(2, "moved", 1, later)]
    assert standing(DUE, moved, today=later) == Standing("not_known", later, 1, is_overdue=False)
    assert standing(DUE, [*moved, said(3, "kept", 2)], today=later).state == "kept"
    assert standing(DUE, [*moved, said(3, "kept", 2), said(4, "not_kept", 3)], today=later).state == "not_kept"


@given(_answers, st.randoms())
def test_no_order_and_no_repetition_of_answers_changes_how_a_part_stands(
    answers: list[Answered], random: object
) -> None:
    shuffled = [*answers, *answers[:2]]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert standing(DUE, shuffled, today=DUE) == standing(DUE, answers, today=DUE)


def _parts(kept: int, not_kept: int, not_known: int = 0) -> list[Standing]:
    states = ["kept"] * kept + ["not_kept"] * not_kept + ["not_known"] * not_known
    return [Standing(each, DUE, 0, is_overdue=False) for each in states]  # type: ignore[arg-type]


def test_what_is_not_known_says_nothing_of_how_often_promises_are_kept() -> None:
    assert record(_parts(0, 0, 3)) == record([]).__class__(0, 0, 3, None, None)
    assert record(_parts(9, 5, 40)).low == record(_parts(9, 5)).low


@given(st.integers(0, 60), st.integers(0, 60))
def test_the_interval_holds_the_share_and_four_times_as_much_is_half_as_wide_at_most_a_bit_more(
    kept: int, not_kept: int
) -> None:
    one = record(_parts(kept, not_kept))
    if not one.known:
        assert (one.low, one.high) == (None, None)
        return
    assert one.low is not None and one.high is not None  # noqa: PT018
    assert 0 <= one.low <= kept / one.known <= one.high <= 1
    four = record(_parts(4 * kept, 4 * not_kept))
    assert four.low is not None and four.high is not None  # noqa: PT018
    assert four.high - four.low < one.high - one.low


def test_of_one_promise_that_was_kept_little_is_known_and_of_fourteen_more() -> None:
    one, many = record(_parts(1, 0)), record(_parts(9, 5))
    assert (round(one.low or 0, 2), one.high) == (0.27, 1.0)
    assert (round(many.low or 0, 2), round(many.high or 0, 2)) == (0.43, 0.81)
