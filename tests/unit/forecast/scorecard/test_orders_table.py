"""Finance's orders as CSV: a line is read or refused by itself, with the column that is wrong."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.forecast.scorecard.table import UnreadableTable, read

HEADER = "order,deal,amount,currency,date,revision,kind"


def one(line: str) -> tuple[str | None, str]:
    (found,) = read(f"{HEADER}\n{line}\n".encode())
    assert found.refusal is not None
    return found.refusal.column, found.refusal.reason


def test_a_line_is_an_order() -> None:
    (line,) = read(b"\xef\xbb\xbforder,deal,amount,currency,date\nA-1, D-1 ,100.50,eur,2026-10-31\n")
    order = line.order
    assert order is not None
    assert (order.number, order.deal, order.amount, order.currency, order.day, order.revision, order.kind) == (
        "A-1", "D-1", Decimal("100.50"), "EUR", date(2026, 10, 31), 1, "order",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("line", "column"),
    [
        (",D,1,EUR,2026-10-31,1,order", "order"),
        ("A,,1,EUR,2026-10-31,1,order", "deal"),
        ("A,D,1.005,EUR,2026-10-31,1,order", "amount"),
        ("A,D,NaN,EUR,2026-10-31,1,order", "amount"),
        ('A,D,"1,5",EUR,2026-10-31,1,order', "amount"),
        ("A,D,1,EURO,2026-10-31,1,order", "currency"),
        ("A,D,1,EUR,31.10.2026,1,order", "date"),
        ("A,D,1,EUR,2026-10-31,0,order", "revision"),
        ("A,D,1,EUR,2026-10-31,1,receipt", "kind"),
        ("A,D,1,EUR,2026-10-31", None),
        ("A" * 201 + ",D,1,EUR,2026-10-31,1,order", "order"),
    ],
)
def test_what_is_wrong_with_a_line_is_named(line: str, column: str | None) -> None:
    assert one(line)[0] == column


@pytest.mark.parametrize("body", [b"", b"order,deal\n", b"\xff\xfe", b"order,deal,amount,currency,date,colour\n"])
def test_a_file_of_something_else_is_refused_as_a_whole(body: bytes) -> None:
    with pytest.raises(UnreadableTable):
        list(read(body))


@given(st.text(max_size=300))
def test_no_text_after_the_header_breaks_the_reader(text: str) -> None:
    for line in read(f"{HEADER}\n{text}".encode(errors="ignore")):
        assert (line.order is None) != (line.refusal is None)
