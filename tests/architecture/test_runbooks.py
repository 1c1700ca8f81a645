"""A runbook names only commands that there are."""

import re
from pathlib import Path

import pytest
import typer

from deploy.documents import COMPONENTS
from tests.architecture.source import ROOT

RUNBOOKS = sorted((ROOT / "docs/runbooks").glob("*.md"))
CODE = re.compile(r"`([^`\n]+)`")
ALL = ("run", "migrate", "openapi", "state-hash", "dead-letters")
"""Commands of every component, see `libs.common.process.main`."""


def targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def commands() -> dict[str, set[str]]:
    """Names of the commands of each package that is started as a program."""
    return {
        component.package: {
            *ALL,
            *(name for app in component.cli for name in _names(app)),
            *(["republish"] if component.republishes else []),
        }
        for component in COMPONENTS
    }


def _names(app: typer.Typer) -> set[str]:
    own = {each.name or each.callback.__name__.replace("_", "-") for each in app.registered_commands if each.callback}
    return own | {str(each.name) for each in app.registered_groups}


def unknown(text: str) -> list[str]:
    """Commands in a text that nothing here answers to."""
    found = []
    for code in CODE.findall(text):
        words = code.split()
        if words[0] == "make" and words[1] not in targets():
            found.append(code)
        if words[:2] == ["python", "-m"] and not words[2].startswith("<"):
            if words[2].startswith("deploy."):
                missing = not (ROOT / f"{words[2].replace('.', '/')}.py").is_file()
            else:
                missing = words[2] not in commands() or words[3] not in commands()[words[2]]
            if missing:
                found.append(code)
    return found


@pytest.mark.parametrize("path", RUNBOOKS, ids=lambda path: path.stem)
def test_every_command_of_a_runbook_is_there(path: Path):
    assert unknown(path.read_text()) == []


def test_what_every_component_can_be_told_is_what_its_program_has():
    source = (ROOT / "libs/common/process.py").read_text()
    named = re.findall(r'@cli\.command\((?:"([a-z-]+)")?\)\n    def (\w+)', source)

    assert sorted(name or function for name, function in named) == sorted(ALL)


def test_a_runbook_that_names_what_is_gone_would_be_found():
    text = "Run `make nothing`, `make stop`, `python -m gateway seal-secrets`, `python -m services.deals republish`, `python -m services.forecast republish`."

    assert unknown(text) == ["make nothing", "python -m services.forecast republish"]


@pytest.mark.parametrize("path", RUNBOOKS, ids=lambda path: path.stem)
def test_a_runbook_leads_to_pages_that_are_there(path: Path):
    for link in re.findall(r"\]\(([^)#]+\.md)\)", path.read_text()):
        assert (path.parent / link).is_file(), link
