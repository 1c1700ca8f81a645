"""The measurement of latency measures: every change is found again, on every part of its way. No limit: this machine is shared."""

import os

from deploy.local import latency

RATE_PER_S = 10
SECONDS = 10


def test_every_change_comes_to_the_forecast_and_its_time_is_known() -> None:
    said: list[str] = []
    figures = latency.run(
        rate_per_s=RATE_PER_S,
        seconds=SECONDS,
        broker=os.environ.get("FORETELL_TEST_BROKER", "embedded"),
        brokers=1,
        say=said.append,
    )
    assert figures["n"] == RATE_PER_S * SECONDS
    assert 0 < figures["p50_ms"] <= figures["p95_ms"] <= figures["p99_ms"] <= figures["max_ms"]
    assert figures["rest_n"] > 0
    for part in ("sending", "gateway", "to deals", "to forecast", "hubspot", "salesforce", "pipedrive", "standard"):
        assert any(line.startswith(part) for line in said), part


def test_a_percentile_is_a_value_that_was_measured() -> None:
    assert latency.percentile([5.0, 1.0, 3.0, 2.0], 50) == 2.0
    assert latency.percentile([5.0, 1.0, 3.0, 2.0], 99) == 5.0
    assert latency.percentile([7.0], 1) == 7.0
