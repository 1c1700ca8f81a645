"""The dashboard *CRM connections*: whether each CRM is heard, answered, asked back and wholly here."""

from deploy.observing.panels import Dashboard, Panel, Query, Variable

CHOSEN = '{connection=~"$connection"}'

CONNECTIONS = Dashboard(
    uid="foretell-connections",
    title="Foretell: CRM connections",
    description="What each CRM sends, what is refused, what waits for an answer or a person, and how much of it is here.",
    variables=(Variable("connection", "Connection", "gateway_deliveries_total"),),
    rows=(
        (
            Panel(
                "Taken",
                "Deliveries stored, per second.",
                "reqps",
                (
                    Query(
                        'sum by (connection) (rate(gateway_deliveries_total{connection=~"$connection", verdict="stored"}[$__rate_interval]))',
                        "{{connection}}",
                    ),
                ),
            ),
            Panel(
                "Refused",
                "Requests in five minutes that were not stored, by what was wrong with them.",
                "short",
                (
                    Query(
                        'sum by (connection, verdict) (increase(gateway_deliveries_total{connection=~"$connection", verdict!="stored"}[5m]))',
                        "{{connection}}: {{verdict}}",
                    ),
                ),
            ),
            Panel(
                "Time to answer, 95 %",
                "95 % of a provider's requests are answered within this time.",
                "s",
                (
                    Query(
                        "histogram_quantile(0.95, sum by (provider, le) (rate(gateway_delivery_seconds_bucket[$__rate_interval])))",
                        "{{provider}}",
                    ),
                ),
            ),
        ),
        (
            Panel(
                "Waiting for their commit",
                "Deliveries in memory, not stored and not answered yet. Over 5,000 CRMs are told to come again.",
                "short",
                (Query("sum(gateway_deliveries_queued)", "deliveries"),),
            ),
            Panel(
                "Deliveries of one commit",
                "How many deliveries share a commit on the average; it grows with the load.",
                "short",
                (
                    Query(
                        "sum(rate(gateway_flush_deliveries_sum[$__rate_interval]))"
                        " / sum(rate(gateway_flush_deliveries_count[$__rate_interval]))",
                        "deliveries",
                    ),
                ),
            ),
        ),
        (
            Panel(
                "Asked back",
                "Batches of records that were asked back, per second, by provider and result.",
                "reqps",
                (
                    Query(
                        "sum by (provider, result) (rate(gateway_fetches_total[$__rate_interval]))",
                        "{{provider}}: {{result}}",
                    ),
                ),
            ),
            Panel(
                "Time to ask back, 95 %",
                "95 % of a provider's batches are answered within this time.",
                "s",
                (
                    Query(
                        "histogram_quantile(0.95, sum by (provider, le) (rate(gateway_fetch_seconds_bucket[$__rate_interval])))",
                        "{{provider}}",
                    ),
                ),
            ),
            Panel(
                "Oldest change not fetched",
                "Since the oldest change came whose record the CRM has not been able to give.",
                "s",
                (Query(f"max by (connection) (gateway_oldest_pending_age_seconds{CHOSEN})", "{{connection}}"),),
            ),
        ),
        (
            Panel(
                "Parked",
                "Changes that wait for a person: page Deliveries says why and what to do.",
                "short",
                (Query(f"max by (connection) (gateway_parked_items{CHOSEN})", "{{connection}}"),),
            ),
            Panel(
                "Waiting for a fetch",
                "Changes whose record is being asked back.",
                "short",
                (Query(f"max by (connection) (gateway_pending_items{CHOSEN})", "{{connection}}"),),
            ),
        ),
        (
            Panel(
                "Completeness",
                "Share of the CRM's deals that ours equal in its newest comparison, by count and by amount of each currency.",
                "percentunit",
                (Query(f"min by (connection, of) (gateway_completeness_ratio{CHOSEN})", "{{connection}}: {{of}}"),),
            ),
            Panel(
                "Compared",
                "Since the newest comparison with each CRM began.",
                "s",
                (Query(f"max by (connection) (gateway_compared_age_seconds{CHOSEN})", "{{connection}}"),),
            ),
        ),
    ),
)
