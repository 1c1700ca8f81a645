"""Counters of the intake. A refused request leaves nothing behind but these."""

from prometheus_client import Counter, Gauge, Histogram

VERDICTS = (
    "stored",
    "missing",
    "forged",
    "stale",
    "unknown",
    "too_large",
    "wrong_type",
    "overloaded",
    "not_stored",
)

DELIVERIES = Counter(
    "gateway_deliveries_total", "Requests at the webhooks, by what was done with them", ["connection", "verdict"]
)
DURATION = Histogram(
    "gateway_delivery_seconds",
    "From a request's first byte to its answer",
    ["provider"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
)
QUEUED = Gauge("gateway_deliveries_queued", "Deliveries that wait for their commit")
FLUSHED = Histogram(
    "gateway_flush_deliveries", "Deliveries that shared one commit", buckets=(1, 2, 5, 10, 25, 50, 100, 250, 500)
)
UNKNOWN = "unknown"

DELIVERIES.labels(UNKNOWN, "unknown")


def start_at_zero(connection: str) -> None:
    for verdict in VERDICTS:
        DELIVERIES.labels(connection, verdict)
