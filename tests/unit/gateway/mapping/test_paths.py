"""Expressions of a mapping give what JMESPath says, also on the short way that plain fields take."""

from typing import Any

import jmespath
import pytest

from gateway.mapping.paths import read

RECORDS: tuple[Any, ...] = (
    {"amount": "1", "properties": {"amount": "2", "x-y": {"deep": 3}}, "list": [{"amount": 4}], "no": None, "": 5},
    {"properties": "text", "list": {}, "x-y": {"deep": False}},
    {"properties": ["amount"]},
    {},
)


@pytest.mark.parametrize("record", RECORDS)
@pytest.mark.parametrize(
    "expression",
    [
        "amount", "properties.amount", 'properties."x-y".deep', '"x-y".deep', "no.further", "missing.still.missing",
        "list[0].amount", "list[*].amount", "amount || properties.amount", "properties.amount | @", "@", "list", '""',
        "length(list || `[]`)", "{a: amount}", "properties.[amount]",
    ],
)  # fmt: skip
def test_a_mapped_field_reads_what_its_expression_says(record: Any, expression: str) -> None:
    assert read(expression, record) == jmespath.search(expression, record)


def test_a_field_without_an_expression_is_unknown() -> None:
    assert read(None, RECORDS[0]) is None
