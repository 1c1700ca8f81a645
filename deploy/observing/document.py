"""The files that dashboards and rules become, for a cluster and for plain Prometheus and Grafana."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from deploy.observing.business import BUSINESS
from deploy.observing.connections import CONNECTIONS
from deploy.observing.flow import FLOW
from deploy.observing.rules import groups
from deploy.observing.services import SERVICES

ROOT = Path(__file__).resolve().parents[2]
DASHBOARDS = (FLOW, SERVICES, BUSINESS, CONNECTIONS)
NOTE = (
    "# Written by `make docs` from deploy/observing/rules.py. Each alert has its section in docs/runbooks/alerts.md.\n"
)


def files() -> Iterator[tuple[Path, bytes]]:
    """Paths below the root of the tree, and what stands there when all is current."""
    for dashboard in DASHBOARDS:
        yield Path(f"deploy/grafana/{dashboard.uid}.json"), dashboard.document()
    yield Path("deploy/prometheus/rules.yaml"), _yaml({"groups": groups()})
    manifest = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "foretell"},
        "spec": {"groups": groups()},
    }
    yield Path("deploy/k8s/components/monitoring/alerts.yaml"), _yaml(manifest)


def stale() -> list[str]:
    """Files that are missing or differ from the code."""
    return [
        str(path) for path, content in files() if not (ROOT / path).is_file() or (ROOT / path).read_bytes() != content
    ]


def write() -> None:
    """Bring all of them up to date."""
    for path, content in files():
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_bytes(content)


def _yaml(document: dict[str, Any]) -> bytes:
    return (NOTE + yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)).encode()
