"""From a cell's text to a typed value."""

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from gateway.imports.reading.casts import Cast, cast_for, date_cast, instant_cast
from gateway.imports.reading.document import Value
from gateway.imports.reading.expressions import Columns, compile_value
from gateway.imports.reading.refusal import Refused
from gateway.imports.reading.targets import BOOLEAN, CURRENCY, DECIMAL, INTEGER, Target

BERLIN = ZoneInfo("Europe/Berlin")
COLUMNS = Columns("f.csv", {"a": 0, "b": 1})


def cast_of(target: Target, value: Value, zone: ZoneInfo) -> Cast:
    cast = cast_for(target, value, zone)
    assert cast is not None
    return cast


@pytest.mark.parametrize(
    ("mark", "text", "number"),
    [
        (".", "1,234.50", "1234.50"),
        (",", "1.234,50", "1234.50"),
        (".", "-3", "-3"),
        (",", "12 000", "12000"),
        (".", ".5", "0.5"),
    ],
)
def test_an_amount_is_read_with_its_decimal_mark(mark: str, text: str, number: str) -> None:
    cast = cast_of(DECIMAL, Value(column="a", decimal=mark), BERLIN)  # type: ignore[arg-type]
    assert cast(text) == Decimal(number)


@pytest.mark.parametrize("text", ["1,5", "1.2.3", "NaN", "Infinity", "1e5", "12,34,567", "--1", "", "1_000", "€5"])
def test_an_ambiguous_amount_is_refused_rather_than_guessed(text: str) -> None:
    with pytest.raises(Refused, match="is not a number with the decimal mark"):
        cast_of(DECIMAL, Value(column="a"), BERLIN)(text)


def test_a_date_without_a_time_is_noon_in_the_mappings_zone() -> None:
    assert instant_cast(None, BERLIN)("2026-07-01") == datetime(2026, 7, 1, 10, tzinfo=UTC)
    assert instant_cast("%d.%m.%Y", BERLIN)("01.12.2026") == datetime(2026, 12, 1, 11, tzinfo=UTC)


def test_a_time_without_an_offset_is_local_and_one_with_it_is_not() -> None:
    assert instant_cast(None, BERLIN)("2026-07-01T00:30:00") == datetime(2026, 6, 30, 22, 30, tzinfo=UTC)
    assert instant_cast(None, BERLIN)("2026-07-01T00:30:00Z") == datetime(2026, 7, 1, 0, 30, tzinfo=UTC)
    assert instant_cast("%d/%m/%Y %H:%M", BERLIN)("01/07/2026 00:30") == datetime(2026, 6, 30, 22, 30, tzinfo=UTC)


def test_an_instant_becomes_the_day_it_has_in_the_mappings_zone() -> None:
    assert date_cast(None, BERLIN)("2026-06-30T22:30:00Z") == date(2026, 7, 1)
    assert date_cast(None, BERLIN)("2026-06-30T22:30:00") == date(2026, 6, 30)


@pytest.mark.parametrize("text", ["2026-02-30", "31.12.2026", "yesterday", "2026-13-01T00:00:00Z"])
def test_a_time_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="is not a time written as ISO 8601"):
        instant_cast(None, BERLIN)(text)


def test_yes_and_no_are_understood_and_perhaps_is_refused() -> None:
    cast = cast_of(BOOLEAN, Value(column="a"), BERLIN)
    assert [cast(text) for text in ("true", "Yes", "1", "FALSE", "no", "0")] == [True, True, True, False, False, False]
    with pytest.raises(Refused):
        cast("perhaps")


def test_a_whole_number_may_have_a_fraction_of_zero_only() -> None:
    cast = cast_of(INTEGER, Value(column="a"), BERLIN)
    assert cast("12.0") == 12
    for text in ("12.5", "twelve", "Infinity", "NaN"):
        with pytest.raises(Refused, match="is not a whole number"):
            cast(text)


def test_a_currency_is_a_known_code() -> None:
    cast = cast_of(CURRENCY, Value(column="a"), BERLIN)
    assert cast("eur") == "EUR"
    with pytest.raises(Refused, match="ISO 4217"):
        cast("EURO")


@pytest.mark.parametrize(
    ("value", "cells", "text"),
    [
        ({"column": "a"}, [" x ", ""], "x"),
        ({"column": "a", "blank": ["n/a"]}, ["n/a", ""], None),
        ({"column": "a", "lower": True, "replace": {"gtxpro": "GTX Pro"}}, ["GTXPro", ""], "GTX Pro"),
        ({"column": "a", "replace": {"x": "y"}}, ["z", ""], "z"),
        ({"column": "a", "map": {"x": "y"}}, ["x", ""], "y"),
        ({"template": "{a}/{b}"}, ["x", "y"], "x/y"),
        ({"template": "{a}/{b}"}, ["x", ""], None),
        ({"first": ["a", "b", {"constant": 7}]}, ["", "y"], "y"),
        ({"first": ["a", "b", {"constant": 7}]}, ["", " "], "7"),
    ],
)
def test_an_expression_tidies_a_cell(value: object, cells: list[str], text: str | None) -> None:
    assert compile_value(Value.model_validate(value), COLUMNS, place="here")(cells) == text


def test_a_word_that_a_closed_list_lacks_is_refused_with_the_list() -> None:
    read = compile_value(Value.model_validate({"column": "a", "map": {"x": "1", "y": "2"}}), COLUMNS, place="here")
    with pytest.raises(Refused, match=r"not in the mapping's list \(x, y\)"):
        read(["z", ""])
