"""Metrics that every component has. Base units, `_total` for counters, no ids as labels.

What is measured from the database is measured by one process, the scheduler's leader, and kept in gauges that are handed to
`measured`: a process that no longer leads shows no value instead of an old one. Queries take `max by`, never `sum`, of them.
"""

import math

from prometheus_client import Counter, Gauge, Histogram

LATENCY_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

HTTP_REQUESTS = Counter(
    "http_server_requests_total", "Requests answered, by route template and status", ["method", "route", "status"]
)
HTTP_FAILURES = Counter("http_server_failures_total", "Requests answered with 5xx")
HTTP_DURATION = Histogram(
    "http_server_request_duration_seconds", "Time to answer a request", ["method", "route"], buckets=LATENCY_BUCKETS
)
EVENTS_CONSUMED = Counter(
    "events_consumed_total",
    "Events taken from the broker, by what became of them",
    ["topic", "result"],
)
CONSUMER_LAG_RECORDS = Gauge("consumer_lag_records", "Records not yet applied", ["topic", "partition"])
CONSUMER_LAG_SECONDS = Gauge("consumer_lag_seconds", "Age of the newest applied event when it was applied", ["topic"])
CONSUMER_BATCH_SECONDS = Histogram(
    "consumer_batch_duration_seconds", "Time to apply and commit a batch", buckets=LATENCY_BUCKETS
)
CONSUMER_PAUSED = Gauge(
    "consumer_paused", "1 while the brake holds the consumer because too much would be dead-lettered"
)
CONSUMER_RETRIES = Counter("consumer_retries_total", "Batches tried again, by reason", ["reason"])
DEAD_LETTERS = Counter("dead_letters_total", "Events put among the dead letters", ["topic"])
RELAY_SENT = Counter("outbox_relayed_total", "Events sent to the broker and acknowledged", ["topic"])
RELAY_LOG_RESTARTS = Counter("outbox_log_restarts_total", "Times the broker's log was found lost and sent again")
RELAY_LEADING = Gauge("outbox_relay_leading", "1 in the process whose relay leads")
# Not `job`, which is the scrape's own label and would hide this one.
JOB_RUNS = Counter("job_runs_total", "Runs of periodic jobs, by result", ["task", "result"])

_measured: list[Gauge] = []


def measured(gauge: Gauge) -> Gauge:
    """The same gauge, without a value until the leader has measured it, and again once it leads no more."""
    _measured.append(gauge)
    _empty(gauge)
    return gauge


def forget_measured() -> None:
    """Leave no value behind that another process will measure from now on."""
    for gauge in _measured:
        _empty(gauge)


def _empty(gauge: Gauge) -> None:
    if gauge._labelnames:
        gauge.clear()
    else:
        gauge.set(math.nan)


OUTBOX_AGE = measured(
    Gauge("outbox_oldest_unpublished_age_seconds", "Age of the oldest event that the broker has not got; 0 when none")
)
OUTBOX_EVENTS = measured(
    Gauge("outbox_unpublished_events", "Committed events that the broker has not got; counted up to 100,000")
)
APPLIED_AGE = measured(
    Gauge("consumer_applied_age_seconds", "Since the instant up to which all that was recorded is applied", ["topic"])
)
DEAD_LETTERS_OPEN = measured(
    Gauge("dead_letters_open_events", "Events among the dead letters that nobody has dealt with", ["topic"])
)

EVENT_RESULTS = ("applied", "duplicate", "ignored", "dead")


def start_jobs_at_zero(jobs: list[str]) -> None:
    """Create the label children of periodic jobs at 0."""
    for job in jobs:
        for result in ("ok", "failed"):
            JOB_RUNS.labels(job, result)


def create_children(topics: list[str]) -> None:
    """Create the label children of a consumer at 0, so that their first increase is seen as a rate."""
    for topic in topics:
        for result in EVENT_RESULTS:
            EVENTS_CONSUMED.labels(topic, result)
        DEAD_LETTERS.labels(topic)
        CONSUMER_LAG_SECONDS.labels(topic)
    for reason in ("infrastructure", "partition_lost", "bisect"):
        CONSUMER_RETRIES.labels(reason)
