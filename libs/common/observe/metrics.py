"""Metrics that every component has. Base units, `_total` for counters, no ids as labels."""

from prometheus_client import Counter, Gauge, Histogram

LATENCY_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

HTTP_REQUESTS = Counter(
    "http_server_requests_total", "Requests answered, by route template and status", ["method", "route", "status"]
)
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
RELAY_UNPUBLISHED_AGE = Gauge(
    "outbox_oldest_unpublished_age_seconds", "Age of the oldest event not yet sent; 0 when none"
)
RELAY_LOG_RESTARTS = Counter("outbox_log_restarts_total", "Times the broker's log was found lost and sent again")
RELAY_LEADING = Gauge("outbox_relay_leading", "1 in the process whose relay leads")
JOB_RUNS = Counter("job_runs_total", "Runs of periodic jobs, by result", ["job", "result"])

EVENT_RESULTS = ("applied", "duplicate", "ignored", "dead")


def create_children(topics: list[str]) -> None:
    """Create the label children of a consumer at 0, so that their first increase is seen as a rate."""
    for topic in topics:
        for result in EVENT_RESULTS:
            EVENTS_CONSUMED.labels(topic, result)
        DEAD_LETTERS.labels(topic)
        CONSUMER_LAG_SECONDS.labels(topic)
    for reason in ("infrastructure", "partition_lost", "bisect"):
        CONSUMER_RETRIES.labels(reason)
