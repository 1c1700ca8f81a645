"""Price books: the closest place answers, the newest statement stands, history is never rewritten."""

import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from services.pricing.books.holding import BundleStatement, PriceStatement, held

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
CORE, SUITE = UUID(int=1), UUID(int=2)


def said(
    number: int, amount: str | None, day: int = 1, *, recorded: int = 0, market: str | None = None,
    segment: str | None = None, product: UUID = CORE, kind: str = "list",
) -> PriceStatement:  # fmt: skip
    return PriceStatement(
        UUID(int=number), product, kind, market, segment, "EUR", None if amount is None else Decimal(amount),  # type: ignore[arg-type]
        date(2026, 3, day), NOON + timedelta(days=recorded),
    )  # fmt: skip


def price(
    entries: list[PriceStatement], day: int = 31, market: str | None = None, segment: str | None = None
) -> object:
    return held(entries, on=date(2026, 3, day)).amount(CORE, "list", market=market, segment=segment, currency="EUR")


def test_the_closest_place_of_the_book_answers() -> None:
    book = [
        said(1, "100"),
        said(2, "90", market="DACH"),
        said(3, "80", segment="enterprise"),
        said(4, "70", market="DACH", segment="enterprise"),
    ]
    assert price(book) == Decimal(100)
    assert price(book, market="DACH") == Decimal(90)
    assert price(book, market="Nordics", segment="enterprise") == Decimal(80)
    assert price(book, market="DACH", segment="enterprise") == Decimal(70)


def test_a_price_holds_from_its_day_until_the_next_and_an_end_lets_the_wider_place_answer() -> None:
    book = [said(1, "100"), said(2, "90", 10, market="DACH"), said(3, None, 20, market="DACH")]
    assert [price(book, day, "DACH") for day in (9, 10, 19, 20)] == [
        Decimal(100),
        Decimal(90),
        Decimal(90),
        Decimal(100),
    ]


def test_a_correction_changes_what_is_known_now_and_not_what_was_known_then() -> None:
    book = [said(1, "100", 1), said(2, "110", 1, recorded=5)]
    then = held(book, on=date(2026, 3, 3), known_at=NOON + timedelta(days=4))
    assert then.amount(CORE, "list", market=None, segment=None, currency="EUR") == Decimal(100)
    assert price(book, 3) == Decimal(110)


@given(
    st.lists(st.tuples(st.none() | st.integers(0, 9), st.integers(1, 4), st.integers(0, 3)), max_size=8), st.randoms()
)
def test_any_order_and_repetition_of_statements_gives_the_same_book(
    rows: list[tuple[int | None, int, int]], shuffler: random.Random
) -> None:
    book = [said(n, None if a is None else str(a), day, recorded=at) for n, (a, day, at) in enumerate(rows)]
    again = [*book, *book[: len(book) // 2]]
    shuffler.shuffle(again)
    assert held(again, on=date(2026, 3, 3)).entries == held(book, on=date(2026, 3, 3)).entries


def test_a_bundle_costs_what_its_parts_do_and_is_unknown_where_one_of_them_is() -> None:
    parts = BundleStatement(UUID(int=9), SUITE, ((CORE, Decimal(2)), (UUID(int=3), Decimal(1))), date(2026, 3, 1), NOON)
    other = said(5, "30", product=UUID(int=3))
    both = held([said(1, "100"), other], [parts], on=date(2026, 3, 3))
    assert both.amount(SUITE, "list", market=None, segment=None, currency="EUR") == Decimal(230)
    assert (
        held([said(1, "100")], [parts], on=date(2026, 3, 3)).amount(
            SUITE, "list", market=None, segment=None, currency="EUR"
        )
        is None
    )
    own = held([said(1, "100"), other, said(7, "199", product=SUITE)], [parts], on=date(2026, 3, 3))
    assert own.amount(SUITE, "list", market=None, segment=None, currency="EUR") == Decimal(199)
