"""Recording and alert rules: one source for a PrometheusRule and for plain Prometheus."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

RUNBOOK = "docs/runbooks/alerts.md"
COMPONENTS = ("gateway", "leads", "deals", "pricing", "forecast")


@dataclass(frozen=True)
class Record:
    """A series that Prometheus works out beforehand."""

    name: str
    expr: str
    labels: tuple[tuple[str, str], ...] = ()

    def rule(self) -> dict[str, Any]:
        found: dict[str, Any] = {"record": self.name, "expr": self.expr}
        return found | ({"labels": dict(self.labels)} if self.labels else {})


@dataclass(frozen=True)
class Alert:
    """`signal` is what is looked at, and always there; the alert fires when it has been `over` a limit `for_`."""

    name: str
    signal: str
    over: str
    for_: str
    severity: Literal["warning", "critical"]
    summary: str

    @property
    def expr(self) -> str:
        """What fires."""
        return f"{self.signal} {self.over}"

    def rule(self) -> dict[str, Any]:
        return {
            "alert": self.name,
            "expr": self.expr,
            "for": self.for_,
            "labels": {"severity": self.severity},
            "annotations": {"summary": self.summary, "runbook": f"{RUNBOOK}#{self.name.lower()}"},
        }


SLO = "foretell:slo:ratio"
"""The share of time, or of events, in which a promise was kept, by promise (label `slo`)."""

RECORDS = (
    Record(
        SLO,
        "avg_over_time((max(forecast_data_age_seconds) <= bool 60)[1h:1m])",
        (("slo", "data not older than 60 s"),),
    ),
    Record(
        SLO,
        "avg_over_time(((time() - min(forecast_projection_moved_timestamp_seconds)) <= bool 300)[1h:1m])",
        (("slo", "projection not older than 5 min"),),
    ),
    Record(
        SLO,
        'sum(rate(forecast_webhook_to_rollup_seconds_bucket{le="1.0"}[1h]))'
        " / sum(rate(forecast_webhook_to_rollup_seconds_count[1h]))",
        (("slo", "webhook to forecast in 1 s"),),
    ),
    Record(
        SLO,
        'sum(increase(forecast_lock_delay_seconds_bucket{le="60.0"}[30d])) / sum(increase(forecast_lock_delay_seconds_count[30d]))',
        (("slo", "lock made in 60 s"),),
    ),
)

ALERTS = (
    Alert(
        "ComponentIsAway",
        "("
        + " or ".join(
            f'sum by (component) (up{{component="{name}"}}) or absent(up{{component="{name}"}}) - 1'
            for name in COMPONENTS
        )
        + ")",
        "< 1",
        "2m",
        "critical",
        "No process of {{ $labels.component }} answers",
    ),
    Alert(
        "RequestsFail",
        "sum by (component) (rate(http_server_failures_total[5m])) / sum by (component) (rate(http_server_requests_total[5m]))",
        "> 0.01",
        "5m",
        "critical",
        "More than 1 % of {{ $labels.component }}'s answers are failures",
    ),
    Alert(
        "EventsWait",
        "max by (component) (outbox_oldest_unpublished_age_seconds)",
        "> 60",
        "2m",
        "critical",
        "Events of {{ $labels.component }} wait for the broker for more than a minute",
    ),
    Alert(
        "NobodySends",
        "sum by (component) (outbox_relay_leading)",
        "== 0",
        "2m",
        "critical",
        "No relay of {{ $labels.component }} leads: its events stay in the outbox",
    ),
    Alert(
        "ConsumerIsLate",
        "max by (component, topic) (consumer_applied_age_seconds)",
        "> 120",
        "2m",
        "critical",
        "{{ $labels.component }} has not applied what {{ $labels.topic }} had two minutes ago",
    ),
    Alert(
        "ConsumerBehind",
        "sum by (component, topic) (consumer_lag_records)",
        "> 10000",
        "10m",
        "warning",
        "{{ $labels.component }} is {{ $value }} events of {{ $labels.topic }} behind",
    ),
    Alert(
        "ConsumerPaused",
        "max by (component) (consumer_paused)",
        "> 0",
        "0m",
        "critical",
        "The brake holds {{ $labels.component }}: too many events cannot be applied",
    ),
    Alert(
        "EventsCannotBeApplied",
        "max by (component, topic) (dead_letters_open_events)",
        "> 0",
        "0m",
        "warning",
        "{{ $value }} events of {{ $labels.topic }} are among the dead letters of {{ $labels.component }}",
    ),
    Alert(
        "LogWasLost",
        "sum by (component) (increase(outbox_log_restarts_total[15m]))",
        "> 0",
        "0m",
        "warning",
        "The broker came back without {{ $labels.component }}'s events; they are being sent again",
    ),
    Alert(
        "JobFails",
        'sum by (component, task) (increase(job_runs_total{result="failed"}[15m]))',
        "> 0",
        "15m",
        "warning",
        'The job "{{ $labels.task }}" of {{ $labels.component }} fails again and again',
    ),
    Alert(
        "ForecastIsLate",
        "histogram_quantile(0.99, sum by (le) (rate(forecast_webhook_to_rollup_seconds_bucket[10m])))",
        "> 5",
        "10m",
        "warning",
        "One change in a hundred takes more than 5 s from the webhook to the forecast",
    ),
    Alert(
        "DataIsOld",
        "max(forecast_data_age_seconds)",
        "> 300",
        "2m",
        "critical",
        "The forecast lacks deliveries that came {{ $value | humanizeDuration }} ago",
    ),
    Alert(
        "ProjectionIsOld",
        "time() - min(forecast_projection_moved_timestamp_seconds)",
        "> 600",
        "5m",
        "warning",
        "A process answers with a projection that is {{ $value | humanizeDuration }} old",
    ),
    Alert(
        "LockIsOverdue",
        "max(forecast_lock_overdue_seconds)",
        "> 60",
        "1m",
        "critical",
        "A lock of the forecast was due {{ $value | humanizeDuration }} ago and is not made",
    ),
    Alert(
        "PromiseIsBroken",
        f"min by (slo) ({SLO})",
        "< 0.95",
        "30m",
        "warning",
        "Kept only {{ $value | humanizePercentage }} of the time: {{ $labels.slo }}",
    ),
    Alert(
        "CrmDoesNotAnswer",
        "max by (connection) (gateway_oldest_pending_age_seconds)",
        "> 300",
        "2m",
        "warning",
        "{{ $labels.connection }} has not given a record that was asked back {{ $value | humanizeDuration }} ago",
    ),
    Alert(
        "CrmIsNotWhole",
        "min by (connection) (gateway_completeness_ratio)",
        "< 0.99",
        "2h",
        "warning",
        "Less than 99 % of {{ $labels.connection }} is here",
    ),
    Alert(
        "DeliveriesAreNotUnderstood",
        "max by (connection) (gateway_oldest_unread_age_seconds)",
        "> 60",
        "2m",
        "critical",
        "Deliveries of {{ $labels.connection }} are stored and not understood for more than a minute",
    ),
    Alert(
        "DeliveriesAreParked",
        "max by (connection) (gateway_parked_items)",
        "> 0",
        "15m",
        "warning",
        "{{ $value }} changes of {{ $labels.connection }} wait for a person",
    ),
    Alert(
        "DeliveriesWait",
        "max(gateway_deliveries_queued)",
        "> 4000",
        "1m",
        "critical",
        "Deliveries wait for their commit; soon CRMs are told to come again",
    ),
)


def groups() -> list[dict[str, Any]]:
    """As both kinds of file hold them."""
    return [
        {"name": "foretell-promises", "interval": "1m", "rules": [each.rule() for each in RECORDS]},
        {"name": "foretell", "interval": "30s", "rules": [each.rule() for each in ALERTS]},
    ]


def queries() -> Iterator[tuple[str, str]]:
    """What must have series in a running system, with the name of its rule: of an alert what it looks at, without the limit."""
    yield from ((f"{each.name} {dict(each.labels).get('slo', '')}".strip(), each.expr) for each in RECORDS)
    yield from ((each.name, each.signal) for each in ALERTS)
