"""What the forecast tells those who watch it: whether locks are made, how late, and the quarter's numbers."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from prometheus_client import REGISTRY

from libs.common import clock
from libs.common.web.auth import Principal
from services.forecast import gauges
from services.forecast.locks import service
from tests.integration.forecast.given import at, deal, handle

Api = Callable[[str], tuple[Any, Any]]
SYSTEM = Principal.system("forecast")
MONDAY = datetime(2024, 11, 25, 11, tzinfo=UTC)
"""Noon in Berlin, when the weekly lock is due."""


@pytest.fixture(autouse=True)
def three_hours_before() -> Iterator[None]:
    with at(MONDAY - timedelta(hours=3)):
        yield


def go_to(instant: datetime) -> None:
    clock.set_offset(clock.offset().total_seconds() + (instant - clock.now()).total_seconds())


async def test_a_lock_that_is_due_is_told_until_it_is_made_and_then_how_late_it_was(api_for: Api) -> None:
    _, runtime = api_for("forecast")
    await service.make_due(runtime.database, principal=SYSTEM)
    await gauges.measure(runtime)
    assert REGISTRY.get_sample_value("forecast_lock_overdue_seconds") == 0

    go_to(MONDAY + timedelta(seconds=40))
    await gauges.measure(runtime)
    assert REGISTRY.get_sample_value("forecast_lock_overdue_seconds") == pytest.approx(40, abs=5)

    def made(within: str) -> float:
        return REGISTRY.get_sample_value("forecast_lock_delay_seconds_bucket", {"le": within}) or 0

    before = {within: made(within) for within in ("30.0", "60.0")}
    assert await service.make_due(runtime.database, principal=SYSTEM) == 1
    await gauges.measure(runtime)

    assert REGISTRY.get_sample_value("forecast_lock_overdue_seconds") == 0
    assert {within: made(within) - count for within, count in before.items()} == {"30.0": 0, "60.0": 1}


async def test_the_quarter_is_told_by_line_and_other_quarters_are_not_in_it(api_for: Api) -> None:
    _, runtime = api_for("forecast")
    later = date(2025, 1, 10)
    await handle(
        runtime.database,
        [
            deal("one", amount=Decimal(300)), deal("two", amount=Decimal(50)),
            deal("open", category="pipeline", amount=Decimal(7)), deal("later", close_date=later, amount=Decimal(9000)),
        ],
    )  # fmt: skip
    await gauges.measure(runtime)

    def told_of(line: str) -> tuple[float | None, float | None]:
        deals = REGISTRY.get_sample_value("forecast_quarter_deals", {"line": line})
        return deals, REGISTRY.get_sample_value("forecast_quarter_amount", {"line": line, "currency": "EUR"})

    assert told_of("commit") == (2, 350)
    assert told_of("pipeline") == (1, 7)
    assert told_of("closed_won") == (0, 0)
