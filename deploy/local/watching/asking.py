"""Every query of dashboards and rules, and which of them have no series."""

from collections.abc import Iterable, Iterator, Mapping

from deploy.local.watching.prometheus import Prometheus
from deploy.observing import rules
from deploy.observing.document import DASHBOARDS
from deploy.observing.panels import Dashboard

INTERVAL = "30s"
"""In place of Grafana's `$__rate_interval`."""


def of_dashboards(dashboards: Iterable[Dashboard] = DASHBOARDS) -> Iterator[tuple[str, str]]:
    """Name and text of every query of every panel, with all of each variable chosen."""
    for dashboard in dashboards:
        for panel in dashboard.panels:
            for number, query in enumerate(panel.queries, 1):
                expr = query.expr.replace("$__rate_interval", INTERVAL)
                for variable in dashboard.variables:
                    expr = expr.replace(f"${variable.name}", ".+")
                yield f"{dashboard.title}, {panel.title}, {number}", expr


def all_queries() -> dict[str, str]:
    """Of dashboards and rules, by a name that says where it stands."""
    return dict(of_dashboards()) | {f"rule {name}": expr for name, expr in rules.queries()}


def without_series(prometheus: Prometheus, queries: Mapping[str, str]) -> dict[str, str]:
    """Those that have no series with a number in it."""
    return {name: expr for name, expr in queries.items() if not prometheus.has_series(expr)}
