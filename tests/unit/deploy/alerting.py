"""For each alert: series with which it fires, series with which it does not, and what it then says.

Values are promtool's: `0+1x10` begins at 0 and grows by 1 ten times, one sample in 30 s.
"""

from dataclasses import dataclass, field

Series = dict[str, str]


@dataclass(frozen=True)
class Case:
    """`silent` holds what is healthy, and what has not lasted long enough."""

    fires: list[Series]
    silent: list[Series]
    says: str
    labels: dict[str, str] = field(default_factory=dict)
    at: str = "30m"


UP = {f'up{{component="{name}", job="foretell"}}': "1x100" for name in ("leads", "deals", "pricing", "forecast")}
OUTBOX_AGE = 'outbox_oldest_unpublished_age_seconds{component="deals", job="foretell"}'
APPLIED_AGE = 'consumer_applied_age_seconds{component="forecast", topic="deal-events"}'
LEADING = 'outbox_relay_leading{component="deals", role="relay", instance="%s"}'
LETTERS = 'dead_letters_open_events{component="forecast", topic="deal-events"}'
JOBS = 'job_runs_total{component="leads", task="route leads", result="failed", job="foretell"}'
WAY = 'forecast_webhook_to_rollup_seconds_bucket{component="forecast", le="%s"}'

CASES: dict[str, Case] = {
    "ComponentIsAway": Case(
        fires=[UP | {'up{component="gateway", job="foretell"}': "0x100"}, UP],
        silent=[
            UP | {'up{component="gateway", job="foretell"}': "1x100"},
            UP | {'up{component="gateway", instance="a"}': "1x100", 'up{component="gateway", instance="b"}': "0x100"},
            UP | {'up{component="gateway", job="foretell"}': "1x57 0 0 0 0 0"},
        ],
        says="No process of gateway answers",
        labels={"component": "gateway"},
    ),
    "RequestsFail": Case(
        fires=[
            {'http_server_failures_total{component="deals"}': "0+1x100", 'http_server_requests_total{component="deals"}': "0+50x100"}
        ],
        silent=[
            {'http_server_failures_total{component="deals"}': "0x100", 'http_server_requests_total{component="deals"}': "0+50x100"},
            {'http_server_failures_total{component="deals"}': "0+1x100", 'http_server_requests_total{component="deals"}': "0+200x100"},
        ],
        says="More than 1 % of deals's answers are failures",
        labels={"component": "deals"},
    ),
    "EventsWait": Case(
        fires=[{OUTBOX_AGE: "0+30x100"}],
        silent=[{OUTBOX_AGE: "0x100"}, {OUTBOX_AGE: "NaN+0x100"}, {OUTBOX_AGE: "0x57 90 90 90 90"}],
        says="Events of deals wait for the broker for more than a minute",
        labels={"component": "deals"},
    ),
    "NobodySends": Case(
        fires=[{LEADING % "a": "0x100", LEADING % "b": "0x100"}],
        silent=[{LEADING % "a": "0x100", LEADING % "b": "1x100"}],
        says="No relay of deals leads: its events stay in the outbox",
        labels={"component": "deals"},
    ),
    "ConsumerIsLate": Case(
        fires=[{APPLIED_AGE: "0+30x100"}],
        silent=[{APPLIED_AGE: "2x100"}, {APPLIED_AGE: "1x58 200 200 200"}],
        says="forecast has not applied what deal-events had two minutes ago",
        labels={"component": "forecast", "topic": "deal-events"},
    ),
    "ConsumerBehind": Case(
        fires=[{f'consumer_lag_records{{component="forecast", topic="deal-events", partition="{n}"}}': "6000x100" for n in range(2)}],
        silent=[{f'consumer_lag_records{{component="forecast", topic="deal-events", partition="{n}"}}': "4000x100" for n in range(2)}],
        says="forecast is 12000 events of deal-events behind",
        labels={"component": "forecast", "topic": "deal-events"},
    ),
    "ConsumerPaused": Case(
        fires=[{'consumer_paused{component="deals"}': "0x59 1"}],
        silent=[{'consumer_paused{component="deals"}': "0x100"}],
        says="The brake holds deals: too many events cannot be applied",
        labels={"component": "deals"},
    ),
    "EventsCannotBeApplied": Case(
        fires=[{LETTERS: "3x100"}],
        silent=[{LETTERS: "0x100"}, {LETTERS: "3x50 0x50"}],
        says="3 events of deal-events are among the dead letters of forecast",
        labels={"component": "forecast", "topic": "deal-events"},
    ),
    "LogWasLost": Case(
        fires=[{'outbox_log_restarts_total{component="deals"}': "0x55 1x40"}],
        silent=[{'outbox_log_restarts_total{component="deals"}': "0x100"}, {'outbox_log_restarts_total{component="deals"}': "1x100"}],
        says="The broker came back without deals's events; they are being sent again",
        labels={"component": "deals"},
    ),
    "JobFails": Case(
        fires=[{JOBS: "0+1x100"}],
        silent=[{JOBS: "0x100"}, {JOBS: "0x50 1x50"}],
        says='The job "route leads" of leads fails again and again',
        labels={"component": "leads", "task": "route leads"},
    ),
    "ForecastIsLate": Case(
        fires=[{WAY % "5": "0x100", WAY % "10": "0+10x100", WAY % "+Inf": "0+10x100"}],
        silent=[{WAY % "0.25": "0+10x100", WAY % "10": "0+10x100", WAY % "+Inf": "0+10x100"}, {WAY % "+Inf": "0x100"}],
        says="One change in a hundred takes more than 5 s from the webhook to the forecast",
    ),
    "DataIsOld": Case(
        fires=[{'forecast_data_age_seconds{role="relay"}': "600x100", 'forecast_data_age_seconds{role="api"}': "NaN+0x100"}],
        silent=[{'forecast_data_age_seconds{role="relay"}': "2x100"}],
        says="The forecast lacks deliveries that came 10m 0s ago",
    ),
    "ProjectionIsOld": Case(
        fires=[
            {
                'forecast_projection_moved_timestamp_seconds{instance="a"}': "0x100",
                'forecast_projection_moved_timestamp_seconds{instance="b"}': "0+30x100",
                'forecast_projection_moved_timestamp_seconds{instance="c", role="relay"}': "NaN+0x100",
            }
        ],
        silent=[{'forecast_projection_moved_timestamp_seconds{instance="a"}': "0+30x100"}],
        says="A process answers with a projection that is 30m 0s old",
    ),
    "LockIsOverdue": Case(
        fires=[{"forecast_lock_overdue_seconds": "0x50 0+30x50"}],
        silent=[{"forecast_lock_overdue_seconds": "0x100"}, {"forecast_lock_overdue_seconds": "0x55 10 40 0x50"}],
        says="A lock of the forecast was due 4m 30s ago and is not made",
    ),
    "PromiseIsBroken": Case(
        fires=[{"forecast_data_age_seconds": "100x300"}],
        silent=[{"forecast_data_age_seconds": "5x300"}],
        says="Kept only 0% of the time: data not older than 60 s",
        labels={"slo": "data not older than 60 s"},
        at="2h",
    ),
    "CrmDoesNotAnswer": Case(
        fires=[{'gateway_oldest_pending_age_seconds{connection="hubspot"}': "0+30x100"}],
        silent=[{'gateway_oldest_pending_age_seconds{connection="hubspot"}': "20x100"}],
        says="hubspot has not given a record that was asked back 30m 0s ago",
        labels={"connection": "hubspot"},
    ),
    "CrmIsNotWhole": Case(
        fires=[{'gateway_completeness_ratio{connection="hubspot", of="deals"}': "0.98x400"}],
        silent=[
            {'gateway_completeness_ratio{connection="hubspot", of="deals"}': "1x400"},
            {'gateway_completeness_ratio{connection="hubspot", of="deals"}': "1x200 0.98x200"},
        ],
        says="Less than 99 % of hubspot is here",
        labels={"connection": "hubspot"},
        at="3h",
    ),
    "DeliveriesAreNotUnderstood": Case(
        fires=[{'gateway_oldest_unread_age_seconds{connection="hubspot"}': "0+30x100"}],
        silent=[{'gateway_oldest_unread_age_seconds{connection="hubspot"}': "1x100"}],
        says="Deliveries of hubspot are stored and not understood for more than a minute",
        labels={"connection": "hubspot"},
    ),
    "DeliveriesAreParked": Case(
        fires=[{'gateway_parked_items{connection="hubspot"}': "2x100"}],
        silent=[{'gateway_parked_items{connection="hubspot"}': "0x100"}, {'gateway_parked_items{connection="hubspot"}': "0x50 2x50"}],
        says="2 changes of hubspot wait for a person",
        labels={"connection": "hubspot"},
    ),
    "DeliveriesWait": Case(
        fires=[{"gateway_deliveries_queued": "4500x100"}],
        silent=[{"gateway_deliveries_queued": "10x100"}],
        says="Deliveries wait for their commit; soon CRMs are told to come again",
    ),
}  # fmt: skip
