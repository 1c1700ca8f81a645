"""What every commit is held to, whatever it changes."""

import tomllib

from deploy.local.check import IN_CI, STAGES
from tests.architecture.source import ROOT, shown, tracked

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]


def test_ci_begins_with_lint_types_imports_and_dependencies():
    assert IN_CI[0] == "static"
    programs = [[command[0].rsplit("/", 1)[-1], *command[1:]] for command in STAGES[0].commands]

    assert ["ruff", "check", "."] in programs
    assert ["ruff", "format", "--check", "."] in programs
    assert ["mypy"] in programs
    assert ["lint-imports", "--no-cache"] in programs
    assert ["deptry", "."] in programs
    assert any("tests/architecture" in command for command in programs)


def test_types_are_strict_everywhere_in_the_product():
    assert PROJECT["mypy"]["strict"] is True
    assert set(PROJECT["mypy"]["files"]) == {"libs", "services", "gateway", "simulator", "deploy"}
    assert not any(override.get("ignore_errors") for override in PROJECT["mypy"].get("overrides", ()))


def test_a_warning_fails_a_test_and_only_the_clock_tells_time():
    assert PROJECT["pytest"]["ini_options"]["filterwarnings"] == ["error"]
    assert "datetime.datetime.now" in PROJECT["ruff"]["lint"]["flake8-tidy-imports"]["banned-api"]


def test_every_integration_test_that_meets_a_broker_is_run_on_apache_kafka():
    (stage,) = (each for each in STAGES if each.name == "kafka-integration")
    (folder,) = (part for command in stage.commands for part in command if part.startswith("tests/"))
    elsewhere = [
        shown(path)
        for path in tracked("tests/integration/*.py")
        if "TestBroker" in path.read_text(encoding="utf-8") and not shown(path).startswith(folder)
    ]
    assert elsewhere == []
