"""Dashboards as plain Grafana JSON. Only what they use is here; `tests/unit/deploy/test_dashboards.py` says what must be true of them."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

SCHEMA_VERSION = 39
COLUMNS = 24
SOURCE = {"type": "prometheus", "uid": "${source}"}


@dataclass(frozen=True)
class Query:
    """What is drawn, and what each of its lines is called: `{{label}}` stands for a label's value."""

    expr: str
    legend: str
    absent: str = ""
    """Why there may be no series in a healthy system; empty for all but a few."""


@dataclass(frozen=True)
class Panel:
    """A picture. `unit` is Grafana's name: s, percentunit, short, bytes, reqps, none; `stat` shows the last value alone."""

    title: str
    description: str
    unit: str
    queries: tuple[Query, ...]
    stat: bool = False
    warn_over: float | None = None
    """From here on a stat is shown in red."""
    warn_under: float | None = None


@dataclass(frozen=True)
class Variable:
    """A choice at the top, filled from the values of a label; everything is chosen at first."""

    name: str
    label: str
    values_of: str


@dataclass(frozen=True)
class Dashboard:
    """Rows of panels; each row shares its width among its panels."""

    uid: str
    title: str
    description: str
    rows: tuple[tuple[Panel, ...], ...]
    variables: tuple[Variable, ...] = ()

    @property
    def panels(self) -> Iterator[Panel]:
        return (panel for row in self.rows for panel in row)

    def document(self) -> bytes:
        """The JSON that Grafana reads; the same bytes for the same code."""
        return json.dumps(_dashboard(self), indent=1, ensure_ascii=False).encode() + b"\n"


def _dashboard(dashboard: Dashboard) -> dict[str, Any]:
    return {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "description": dashboard.description,
        "tags": ["foretell"],
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": [_source(), *(_variable(each) for each in dashboard.variables)]},
        "panels": list(_laid_out(dashboard.rows)),
    }


def _source() -> dict[str, Any]:
    return {"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus", "current": {}}


def _variable(variable: Variable) -> dict[str, Any]:
    return {
        "name": variable.name,
        "label": variable.label,
        "type": "query",
        "datasource": SOURCE,
        "query": {"query": f"label_values({variable.values_of}, {variable.name})", "refId": variable.name},
        "refresh": 2,
        "sort": 1,
        "includeAll": True,
        "allValue": ".+",
        "multi": True,
        "current": {"text": "All", "value": "$__all"},
    }


def _laid_out(rows: Sequence[Sequence[Panel]]) -> Iterator[dict[str, Any]]:
    numbers, top = count(1), 0
    for row in rows:
        height = 4 if all(panel.stat for panel in row) else 8
        for index, panel in enumerate(row):
            left, right = COLUMNS * index // len(row), COLUMNS * (index + 1) // len(row)
            place = {"x": left, "y": top, "w": right - left, "h": height}
            yield _panel(panel, next(numbers), place)
        top += height


def _panel(panel: Panel, number: int, place: dict[str, int]) -> dict[str, Any]:
    defaults: dict[str, Any] = {"unit": panel.unit, "min": 0 if panel.unit != "currency" else None}
    if panel.stat:
        defaults["color"] = {"mode": "thresholds"}
        defaults["thresholds"] = {"mode": "absolute", "steps": _steps(panel)}
        options: dict[str, Any] = {
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
            "colorMode": "value",
            "graphMode": "area",
        }
    else:
        defaults["custom"] = {"lineWidth": 1, "fillOpacity": 8, "showPoints": "never", "spanNulls": False}
        options = {
            "legend": {"displayMode": "table", "placement": "bottom", "calcs": ["lastNotNull", "max"]},
            "tooltip": {"mode": "multi", "sort": "desc"},
        }
    return {
        "id": number,
        "type": "stat" if panel.stat else "timeseries",
        "title": panel.title,
        "description": panel.description,
        "datasource": SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": options,
        "targets": [
            {"refId": chr(ord("A") + index), "datasource": SOURCE, "expr": query.expr, "legendFormat": query.legend}
            for index, query in enumerate(panel.queries)
        ],
    }


def _steps(panel: Panel) -> list[dict[str, Any]]:
    if panel.warn_under is not None:
        return [{"color": "red", "value": None}, {"color": "green", "value": panel.warn_under}]
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    if panel.warn_over is not None:
        steps.append({"color": "red", "value": panel.warn_over})
    return steps
