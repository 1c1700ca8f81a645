"""Dashboards are whole: every panel says what it shows, in what unit, where from, and stands in nobody's way."""

import json
from itertools import combinations, pairwise
from typing import Any

import pytest

from deploy.observing import document
from deploy.observing.panels import Dashboard, Panel, Query

SOURCE = {"type": "prometheus", "uid": "${source}"}
UNITS = {"s", "short", "percentunit", "bytes", "reqps"}
PANEL = Panel("Age", "How old it is.", "s", (Query("max(age_seconds)", "age"),))


def faults(dashboard: dict[str, Any]) -> list[str]:
    """What would puzzle a reader of a dashboard, or Grafana."""
    found = [f"there is no {field}" for field in ("uid", "title", "description") if not dashboard[field]]
    sources = [each["name"] for each in dashboard["templating"]["list"] if each["type"] == "datasource"]
    if sources != ["source"]:
        found.append("there is no choice of the data source")
    panels = dashboard["panels"]
    if len({each["id"] for each in panels}) < len(panels):
        found.append("two panels have one id")
    if len({each["title"] for each in panels}) < len(panels):
        found.append("two panels have one title")
    for each in panels:
        found += [f"{each['title']}: {fault}" for fault in _faults_of(each)]
    for one, other in combinations(panels, 2):
        if _overlap(one["gridPos"], other["gridPos"]):
            found.append(f"{one['title']} lies over {other['title']}")
    return found


def _faults_of(panel: dict[str, Any]) -> list[str]:
    found = []
    if len(panel["description"]) < 10 or not panel["description"].endswith("."):
        found.append("no sentence says what it shows")
    if panel["fieldConfig"]["defaults"]["unit"] not in UNITS:
        found.append("no unit")
    if panel["gridPos"]["x"] + panel["gridPos"]["w"] > 24:
        found.append("it leaves the page")
    if panel["type"] == "timeseries" and not panel["options"]["legend"]["calcs"]:
        found.append("no legend")
    if any(each["datasource"] != SOURCE for each in (panel, *panel["targets"])):
        found.append("it asks a source that nobody chose")
    if not panel["targets"] or not all(each["expr"] and each["legendFormat"] for each in panel["targets"]):
        found.append("a line has no query or no name")
    return found


def _overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
    above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
    return not (beside or above)


def read(dashboard: Dashboard) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(dashboard.document())
    return found


@pytest.mark.parametrize("dashboard", document.DASHBOARDS, ids=lambda each: each.uid)
def test_a_dashboard_puzzles_nobody(dashboard: Dashboard):
    assert faults(read(dashboard)) == []


def test_no_two_dashboards_share_a_uid_or_a_title():
    for field in ("uid", "title"):
        assert len({getattr(each, field) for each in document.DASHBOARDS}) == len(document.DASHBOARDS) == 4


def test_rows_fill_the_page_from_top_to_bottom():
    for dashboard in document.DASHBOARDS:
        places = [each["gridPos"] for each in read(dashboard)["panels"]]
        for before, after in pairwise(places):
            assert after["y"] >= before["y"]
        assert {place["x"] + place["w"] for place in places} >= {24}


@pytest.mark.parametrize(
    ("where", "value", "fault"),
    [
        (("panels", 1, "id"), 1, "one id"),
        (("panels", 1, "title"), "Age", "one title"),
        (("panels", 0, "description"), "", "no sentence"),
        (("panels", 0, "fieldConfig", "defaults", "unit"), "", "no unit"),
        (("panels", 0, "gridPos", "w"), 25, "leaves the page"),
        (("panels", 1, "gridPos", "x"), 3, "lies over"),
        (("panels", 0, "options", "legend", "calcs"), [], "no legend"),
        (("panels", 0, "datasource"), {"type": "prometheus", "uid": "P1"}, "nobody chose"),
        (("panels", 0, "targets", 0, "legendFormat"), "", "no name"),
        (("templating", "list"), [], "no choice"),
        (("uid",), "", "no uid"),
    ],
)
def test_each_fault_of_a_dashboard_would_be_found(where: tuple[Any, ...], value: object, fault: str):
    other = Panel("Other", "Something else is shown.", "s", PANEL.queries)
    planted = read(Dashboard("a", "A", "About.", ((PANEL, other),)))
    assert faults(planted) == []

    within: Any = planted
    for step in where[:-1]:
        within = within[step]
    within[where[-1]] = value

    assert any(fault in each for each in faults(planted))
