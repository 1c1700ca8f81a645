"""Metrics are named so that a reader knows the unit, and said what they count."""

import ast
from dataclasses import dataclass

import pytest

from tests.architecture.source import parsed, shown, tracked

KINDS = ("Counter", "Gauge", "Histogram", "Summary")
BASE_UNITS = ("_seconds", "_bytes", "_ratio")
COUNTS_OF = {
    "consumer_lag_records": "records",
    "dead_letters_open_events": "events",
    "forecast_quarter_amount": "base currency",
    "forecast_quarter_deals": "deals",
    "forecast_quarter_projected_amount": "base currency",
    "gateway_deliveries_queued": "deliveries",
    "gateway_flush_deliveries": "deliveries",
    "gateway_open_pages": "pages",
    "gateway_parked_items": "items",
    "gateway_pending_items": "items",
    "leads_standing_leads": "leads",
    "outbox_unpublished_events": "events",
    "pricing_standing_quotes": "quotes",
}
"""Gauges and histograms of a number of things, by what they count."""
FLAGS = {"consumer_paused", "outbox_relay_leading"}
"""Gauges that are 1 or 0."""


@dataclass(frozen=True)
class Metric:
    kind: str
    name: str
    help: str
    place: str


def _metrics(tree: ast.AST, place: str) -> list[Metric]:
    """Metrics made in a module: calls of a kind with a literal name and a literal help text."""
    imported = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "prometheus_client"
        for alias in node.names
    }
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in imported & set(KINDS):
            name, text = (argument.value if isinstance(argument, ast.Constant) else "" for argument in node.args[:2])
            found.append(Metric(node.func.id, name, text, place))
    return found


METRICS = [
    metric
    for path in tracked("libs/*.py", "gateway/*.py", "services/*.py")
    for metric in _metrics(parsed(path), shown(path))
]


def fault(metric: Metric) -> str | None:
    if not metric.help:
        return "has no help text"
    if metric.kind == "Counter":
        return None if metric.name.endswith("_total") else "is a counter and does not end in _total"
    if metric.name.endswith("_total"):
        return "ends in _total and is no counter"
    if metric.name in FLAGS or metric.name in COUNTS_OF or metric.name.endswith(BASE_UNITS):
        return None
    return f"has no base unit ({', '.join(BASE_UNITS)}) and is not listed as a count or a flag"


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_a_metric_says_its_unit(metric: Metric):
    assert fault(metric) is None, f"{metric.name} in {metric.place} {fault(metric)}"


def test_no_two_metrics_share_a_name():
    names = [metric.name for metric in METRICS]

    assert sorted(set(names)) == sorted(names)


def test_every_listed_count_and_flag_exists():
    assert set(COUNTS_OF) | FLAGS <= {metric.name for metric in METRICS}


@pytest.mark.parametrize(
    ("planted", "wrong"),
    [
        ('Counter("deals_won", "Deals won")', "does not end in _total"),
        ('Gauge("outbox_age_ms", "Age")', "no base unit"),
        ('Gauge("deals_total", "Deals")', "is no counter"),
        ('Histogram("fetch_seconds", "")', "no help text"),
    ],
)
def test_a_badly_named_metric_would_be_found(planted: str, wrong: str):
    (metric,) = _metrics(ast.parse(f"from prometheus_client import Counter, Gauge, Histogram\n{planted}"), "planted")

    assert wrong in (fault(metric) or "")
