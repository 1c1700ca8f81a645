"""What the engine may see of the past: nothing that was recorded after the instant that was asked for."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from libs.common.calendar import FiscalCalendar
from services.forecast.history.columns import empty
from services.forecast.outlook.sight import Sight
from services.forecast.rates.conversion import Rates


def instant(day: int) -> datetime:
    return datetime(2026, 3, day, tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "imported", "asked", "seen"),
    [
        pytest.param(5, None, 20, 5, id="on a day, what was recorded by then"),
        pytest.param(5, 10, 20, 10, id="what was imported counts as known from its own time on"),
        pytest.param(15, 10, 20, 15, id="an import before the day changes nothing"),
        pytest.param(15, None, 12, 12, id="never more than at the instant asked for"),
        pytest.param(5, 18, 12, 12, id="nor what was imported after it"),
    ],
)
def test_what_counts_as_known(at: int, imported: int | None, asked: int, seen: int) -> None:
    imported_at = None if imported is None else instant(imported)
    rates = Rates("EUR", {})
    sight = Sight(empty(), rates, FiscalCalendar(), ZoneInfo("UTC"), imported_at, instant(asked))
    assert sight.known_by(instant(at)) == instant(seen)
