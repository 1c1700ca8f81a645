"""Rules are one source for both kinds of file, and each alert fires when it should and stays silent when it should not."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.observing import document
from deploy.observing.rules import ALERTS, RECORDS
from tests.unit.deploy.alerting import CASES, Case

ROOT = Path(__file__).resolve().parents[3]
RULES = ROOT / "deploy/prometheus/rules.yaml"


def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        pytest.fail("promtool is missing; install it: apt-get install --no-install-recommends prometheus")
    return found


def test_dashboards_and_rules_are_what_the_code_makes():
    assert document.stale() == []


def test_a_cluster_and_plain_prometheus_have_the_same_rules():
    plain = yaml.safe_load(RULES.read_text())["groups"]
    cluster = yaml.safe_load((ROOT / "deploy/k8s/components/monitoring/alerts.yaml").read_text())["spec"]["groups"]

    assert plain == cluster
    assert sum(len(group["rules"]) for group in plain) == len(ALERTS) + len(RECORDS)


def test_promtool_finds_no_fault_in_the_rules():
    done = subprocess.run(
        [promtool(), "check", "rules", "--lint=all", "--lint-fatal", str(RULES)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not():
    assert set(CASES) == {alert.name for alert in ALERTS}
    for name, case in CASES.items():
        assert case.fires, name
        assert case.silent, name


@pytest.mark.parametrize("name", CASES)
def test_an_alert_fires_when_it_should_and_only_then(name: str, tmp_path: Path):
    case = CASES[name]
    (alert,) = (each for each in ALERTS if each.name == name)
    tests = [
        *(_test(name, each, case, expected=True) for each in case.fires),
        *(_test(name, each, case, expected=False) for each in case.silent),
    ]
    file = tmp_path / "tests.yaml"
    file.write_text(yaml.safe_dump({"rule_files": [str(RULES)], "evaluation_interval": "30s", "tests": tests}))

    done = subprocess.run([promtool(), "test", "rules", str(file)], capture_output=True, text=True, check=False)

    assert done.returncode == 0, f"{alert.expr}\n{done.stdout}{done.stderr}"


def _test(name: str, series: dict[str, str], case: Case, *, expected: bool) -> dict[str, Any]:
    (rule,) = (alert.rule() for alert in ALERTS if alert.name == name)
    labels = {**rule["labels"], **case.labels}
    return {
        "interval": "30s",
        "input_series": [{"series": each, "values": values} for each, values in series.items()],
        "alert_rule_test": [
            {
                "eval_time": case.at,
                "alertname": name,
                "exp_alerts": [{"exp_labels": labels, "exp_annotations": _annotations(rule, case)}] if expected else [],
            }
        ],
    }


def _annotations(rule: dict[str, Any], case: Case) -> dict[str, str]:
    return {**rule["annotations"], "summary": case.says}
