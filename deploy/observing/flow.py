"""The dashboard *Flow*: whether what CRMs say comes through, and where it waits if not."""

from deploy.observing.panels import Dashboard, Panel, Query

FLOW = Dashboard(
    uid="foretell-flow",
    title="Foretell: flow",
    description="From a CRM's webhook to the forecast: what comes, how long it takes, where it waits.",
    rows=(
        (
            Panel(
                "Data age",
                "Every delivery that came before then is in the forecast.",
                "s",
                (Query("max(forecast_data_age_seconds)", "age"),),
                stat=True,
                warn_over=60,
            ),
            Panel(
                "Projection age",
                "Since a process that answers last moved its projection on; the oldest of them.",
                "s",
                (Query("time() - min(forecast_projection_moved_timestamp_seconds)", "age"),),
                stat=True,
                warn_over=300,
            ),
            Panel(
                "Lock overdue",
                "Since the oldest lock was due that is not made; 0 when none is.",
                "s",
                (Query("max(forecast_lock_overdue_seconds)", "overdue"),),
                stat=True,
                warn_over=60,
            ),
            Panel(
                "Dead letters",
                "Events that could not be applied and that nobody has dealt with.",
                "short",
                (Query("sum(max by (component, topic) (dead_letters_open_events))", "events"),),
                stat=True,
                warn_over=1,
            ),
            Panel(
                "Promises kept",
                "Share of the last hour in which each promise was kept (locks: of the last 30 days' locks); the worst of them.",
                "percentunit",
                (Query("min(foretell:slo:ratio)", "worst"),),
                stat=True,
                warn_under=0.99,
            ),
        ),
        (
            Panel(
                "From the webhook to the forecast",
                "From the arrival of a delivery to the commit of the roll-up it moved. Half, 95 % and 99 % of changes are faster.",
                "s",
                tuple(
                    Query(
                        f"histogram_quantile({share}, sum by (le) (rate(forecast_webhook_to_rollup_seconds_bucket[$__rate_interval])))",
                        name,
                    )
                    for share, name in (("0.5", "half"), ("0.95", "95 %"), ("0.99", "99 %"))
                ),
            ),
            Panel(
                "Where it waits",
                "Age of the oldest thing at each hop. The first hop that grows is the slow one.",
                "s",
                (
                    Query("max(gateway_oldest_unread_age_seconds)", "1 to be understood"),
                    Query("max(gateway_oldest_pending_age_seconds)", "2 to be fetched back"),
                    Query(
                        "max by (component) (outbox_oldest_unpublished_age_seconds)", "3 to be sent by {{component}}"
                    ),
                    Query(
                        "max by (component, topic) (consumer_applied_age_seconds)",
                        "4 {{topic}} to be applied by {{component}}",
                    ),
                ),
            ),
        ),
        (
            Panel(
                "Deliveries",
                "Requests at the webhooks by what was done with them.",
                "reqps",
                (Query("sum by (verdict) (rate(gateway_deliveries_total[$__rate_interval]))", "{{verdict}}"),),
            ),
            Panel(
                "Events sent",
                "Events that the broker has acknowledged.",
                "reqps",
                (Query("sum by (component, topic) (rate(outbox_relayed_total[$__rate_interval]))", "{{topic}}"),),
            ),
            Panel(
                "Events taken",
                "Events taken from the broker by what became of them; a duplicate is a repetition that had no effect.",
                "reqps",
                (
                    Query(
                        "sum by (component, result) (rate(events_consumed_total[$__rate_interval]))",
                        "{{component}}: {{result}}",
                    ),
                ),
            ),
        ),
        (
            Panel(
                "Records not applied",
                "Records between the end of each topic and what a component has applied.",
                "short",
                (Query("sum by (component, topic) (consumer_lag_records)", "{{component}}: {{topic}}"),),
            ),
            Panel(
                "Events not sent",
                "Committed events that the broker has not got. Counted up to 100,000.",
                "short",
                (Query("max by (component) (outbox_unpublished_events)", "{{component}}"),),
            ),
            Panel(
                "Who sends",
                "1 where a relay leads. 0 for longer than a minute: nobody sends.",
                "short",
                (Query("sum by (component) (outbox_relay_leading)", "{{component}}"),),
            ),
        ),
        (
            Panel(
                "Batches tried again",
                "Per second and reason. Infrastructure: database or broker; bisect: an event of the batch cannot be applied.",
                "reqps",
                (
                    Query(
                        "sum by (component, reason) (rate(consumer_retries_total[$__rate_interval]))",
                        "{{component}}: {{reason}}",
                    ),
                ),
            ),
            Panel(
                "Put among the dead letters",
                "Events in five minutes that could not be applied, by topic.",
                "short",
                (Query("sum by (component, topic) (increase(dead_letters_total[5m]))", "{{component}}: {{topic}}"),),
            ),
            Panel(
                "Lost logs and held consumers",
                "How often in an hour the broker came back without its log; 1 while the brake holds a consumer.",
                "short",
                (
                    Query("sum by (component) (increase(outbox_log_restarts_total[1h]))", "{{component}}: log lost"),
                    Query("max by (component) (consumer_paused)", "{{component}}: held"),
                ),
            ),
        ),
    ),
)
