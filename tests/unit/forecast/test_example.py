from decimal import Decimal
from pathlib import Path

import services
from services.forecast.rollup.schemas import CallReading

EXAMPLE = Path(services.__file__ or "").parents[1] / "docs" / "api" / "forecast-call.example.json"


def test_the_published_example_of_a_call_is_one_and_adds_up() -> None:
    call = CallReading.model_validate_json(EXAMPLE.read_text())
    lines = [getattr(call.lines, name) for name in type(call.lines).model_fields]
    assert sum(line.amount for line in lines) == call.total.amount
    assert sum(child.total.amount for child in call.tree.children) == call.total.amount
    assert call.cumulative.pipeline == call.total
    assert call.landing == call.lines.closed_won.amount + call.total.weighted
    months = [month.total.amount for month in call.months if month.in_period]
    assert sum(months, Decimal()) == call.total.amount
