"""The gate over dashboards sees what is missing: a real Prometheus, asked for what is there and for what is not."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.errors import LocalError
from deploy.local.waiting import wait_until
from deploy.local.watching.asking import all_queries, of_dashboards, without_series
from deploy.local.watching.faults import FAULTS, LIMITS
from deploy.local.watching.prometheus import Prometheus, program, quickened
from deploy.observing.panels import Dashboard, Panel, Query
from deploy.observing.rules import ALERTS


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """One that watches itself, as if it were the gateway."""
    watching = Prometheus(tmp_path_factory.mktemp("prometheus"), [], quickened({}))
    file = next(watching.home.glob("prometheus.yaml"))
    file.write_text(
        file.read_text().replace("static_configs: []", f"static_configs: [{{targets: ['127.0.0.1:{watching.port}']}}]")
    )
    with watching:
        assert wait_until(lambda: watching.has_series("up"), timeout_s=20, every_s=0.1)
        yield watching


def test_a_panel_of_a_metric_that_nobody_makes_is_named(prometheus: Prometheus):
    planted = Dashboard(
        "planted", "Planted", "One query is wrong.",
        ((Panel("Up", "What is up.", "short", (Query("sum(up)", "up"), Query("sum(deals_nonesuch_total)", "none"))),),),
    )  # fmt: skip

    assert without_series(prometheus, dict(of_dashboards([planted]))) == {"Planted, Up, 2": "sum(deals_nonesuch_total)"}


def test_a_series_without_a_number_is_none(prometheus: Prometheus):
    assert without_series(prometheus, {"a share of nothing": "sum(up) * 0 / 0"})


def test_every_query_is_understood_although_this_system_has_no_series_for_it(prometheus: Prometheus):
    queries = all_queries()

    assert len(queries) > 70
    lacking = without_series(prometheus, queries)
    assert set(queries) - set(lacking) <= {"rule ComponentIsAway"}


def test_faults_are_made_for_alerts_that_exist_each_with_its_shorter_limit():
    names = {alert.name for alert in ALERTS}
    expected = {name for fault in FAULTS for name in fault.alerts | fault.after}

    assert expected == set(LIMITS) == names


def test_only_alerts_that_are_made_to_fire_are_quickened():
    rules = {
        rule["alert"]: rule for group in quickened({"EventsWait": "> 5"}) for rule in group["rules"] if "alert" in rule
    }
    as_written = {alert.name: alert.rule() for alert in ALERTS}

    assert rules["EventsWait"]["for"] == "2s"
    assert rules["EventsWait"]["expr"].endswith("> 5")
    assert {name for name in rules if rules[name] != as_written[name]} == {"EventsWait"}


def test_a_system_without_prometheus_is_told_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(LocalError, match="apt-get install"):
        program("prometheus")
