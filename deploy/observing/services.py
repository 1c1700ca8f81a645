"""The dashboard *Services*: requests, errors, duration, and what each process uses."""

from deploy.observing.panels import Dashboard, Panel, Query, Variable

CHOSEN = '{component=~"$component"}'

SERVICES = Dashboard(
    uid="foretell-services",
    title="Foretell: services",
    description="Requests, failures and durations of each component, and what its processes use.",
    variables=(Variable("component", "Component", "process_start_time_seconds"),),
    rows=(
        (
            Panel(
                "Processes",
                "Processes that answer when they are asked for their metrics.",
                "short",
                (Query(f"sum by (component) (up{CHOSEN})", "{{component}}"),),
            ),
            Panel(
                "Started in the last hour",
                "Starts in excess of the first, by process. Something ends it again and again.",
                "short",
                (
                    Query(
                        f"sum by (component) (changes(process_start_time_seconds{CHOSEN}[1h]))",
                        "{{component}}",
                    ),
                ),
            ),
        ),
        (
            Panel(
                "Requests",
                "Requests answered per second; those for health and metrics are not counted.",
                "reqps",
                (
                    Query(
                        f"sum by (component) (rate(http_server_requests_total{CHOSEN}[$__rate_interval]))",
                        "{{component}}",
                    ),
                ),
            ),
            Panel(
                "Failures",
                "Share of answers that are 5xx.",
                "percentunit",
                (
                    Query(
                        f"sum by (component) (rate(http_server_failures_total{CHOSEN}[$__rate_interval]))"
                        f" / sum by (component) (rate(http_server_requests_total{CHOSEN}[$__rate_interval]))",
                        "{{component}}",
                    ),
                ),
            ),
            Panel(
                "Duration, 95 %",
                "95 % of requests are answered within this time.",
                "s",
                (
                    Query(
                        "histogram_quantile(0.95, sum by (component, le)"
                        f" (rate(http_server_request_duration_seconds_bucket{CHOSEN}[$__rate_interval])))",
                        "{{component}}",
                    ),
                ),
            ),
        ),
        (
            Panel(
                "Slowest routes, 95 %",
                "The five routes whose requests took longest, by template.",
                "s",
                (
                    Query(
                        "topk(5, histogram_quantile(0.95, sum by (component, route, le)"
                        f" (rate(http_server_request_duration_seconds_bucket{CHOSEN}[$__rate_interval]))))",
                        "{{component}} {{route}}",
                    ),
                ),
            ),
            Panel(
                "Batches, 95 %",
                "95 % of batches of events are applied and committed within this time.",
                "s",
                (
                    Query(
                        "histogram_quantile(0.95, sum by (component, le)"
                        f" (rate(consumer_batch_duration_seconds_bucket{CHOSEN}[$__rate_interval])))",
                        "{{component}}",
                    ),
                ),
            ),
        ),
        (
            Panel(
                "Memory",
                "Resident memory of each process. A line that only climbs is a leak.",
                "bytes",
                (Query(f"max by (component, role) (process_resident_memory_bytes{CHOSEN})", "{{component}} {{role}}"),),
            ),
            Panel(
                "Processor",
                "Cores in use by each component.",
                "short",
                (
                    Query(
                        f"sum by (component) (rate(process_cpu_seconds_total{CHOSEN}[$__rate_interval]))",
                        "{{component}}",
                    ),
                ),
            ),
            Panel(
                "Open files",
                "Files and sockets that each process holds open.",
                "short",
                (Query(f"max by (component, role) (process_open_fds{CHOSEN})", "{{component}} {{role}}"),),
            ),
        ),
        (
            Panel(
                "Periodic jobs",
                "Runs per second of the jobs of each component.",
                "reqps",
                (
                    Query(
                        'sum by (component) (rate(job_runs_total{component=~"$component", result="ok"}[$__rate_interval]))',
                        "{{component}}",
                    ),
                ),
            ),
            Panel(
                "Jobs that failed",
                "Runs in 15 minutes that failed, by job.",
                "short",
                (
                    Query(
                        'sum by (component, task) (increase(job_runs_total{component=~"$component", result="failed"}[15m]))',
                        "{{component}}: {{task}}",
                    ),
                ),
            ),
        ),
    ),
)
