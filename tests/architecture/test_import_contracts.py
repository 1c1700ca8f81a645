"""The import contracts hold, and each of them turns red when somebody breaks it."""

import graphlib
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import grimp
import pytest

from tests.architecture.source import ROOT, shown, tracked

PACKAGES = ("libs", "services", "gateway", "simulator", "deploy")
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]

PLANTED = [
    ("services know nothing of each other", "services/forecast/rollup/service.py", "import services.deals.config"),
    ("services know nothing of each other", "gateway/people/service.py", "import services.leads.config"),
    ("what is shared stands below, what runs it above", "libs/common/money.py", "import services.pricing.config"),
    ("what is shared stands below, what runs it above", "gateway/config.py", "import deploy.local.ports"),
    ("what is shared stands below, what runs it above", "services/deals/config.py", "import simulator.names"),
    ("only one module speaks to the broker", "services/deals/consumers.py", "import aiokafka"),
    ("only one module speaks to the broker", "deploy/local/broker.py", "import aiokafka.admin"),
    ("pure packages do no input or output", "services/deals/ledger/timeline/fold.py", "import sqlalchemy"),
    ("pure packages do no input or output", "services/forecast/rollup/cells.py", "import libs.common.organisation"),
    ("inside a capability calls go down", "services/leads/register/repository.py", "import services.leads.register.service"),
    ("inside a capability calls go down", "services/forecast/calls/forest.py", "import services.forecast.calls.service"),
    ("pure packages do no input or output", "services/forecast/locks/due.py", "import sqlalchemy"),
    ("pure packages do no input or output", "services/forecast/attainment/targets.py", "import sqlalchemy"),
    ("inside a capability calls go down", "services/forecast/attainment/chances.py", "import services.forecast.attainment.service"),
    ("inside a capability calls go down", "services/deals/accounts/matching.py", '"""A module of no layer."""'),
    ("pure packages do no input or output", "services/deals/closeplans/path.py", "import sqlalchemy"),
    ("inside a capability calls go down", "services/deals/closeplans/plan.py", "import services.deals.closeplans.service"),
    ("pure packages do no input or output", "services/pricing/guidance/bands/tree.py", "import sqlalchemy"),
    ("pure packages do no input or output", "services/pricing/guidance/winning/curve.py", "import sqlalchemy"),
    ("pure packages do no input or output", "services/pricing/guidance/checking/standing.py", "import sqlalchemy"),
    ("inside a capability calls go down", "services/pricing/guidance/service.py", "import services.pricing.guidance.publishing"),
    ("capabilities call each other in one direction", "services/pricing/quotes/service.py", "import services.pricing.guidance.service"),
    ("inside the projection calls go down", "services/forecast/projection/hazards.py", "import services.forecast.projection.engine"),
    ("inside plans calls go down", "services/forecast/plans/content.py", "import services.forecast.plans.editing"),
    ("inside assumptions calls go down", "services/forecast/assumptions/judging.py", "import services.forecast.assumptions.watching"),
    ("inside reviews calls go down", "services/forecast/reviews/weighing.py", "import services.forecast.reviews.service"),
    ("pure packages do no input or output", "services/forecast/projection/engine.py", "import sqlalchemy"),
    ("inside imports calls go down", "gateway/imports/reading/files.py", "import gateway.imports.service"),
    ("capabilities call each other in one direction", "services/pricing/catalogue/schemas.py", "import services.pricing.quotes.schemas"),
    ("rules and queries know no web framework", "services/deals/ledger/service.py", "import fastapi"),
    ("rules and queries know no web framework", "gateway/auth/models.py", "import starlette.requests"),
]  # fmt: skip
"""Contract, file, and the line that breaks it; a file that does not exist is made."""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The tracked source, to be spoilt."""
    for path in (*tracked(*(f"{package}/*.py" for package in PACKAGES)), ROOT / "pyproject.toml"):
        copy = tmp_path / shown(path)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    return tmp_path


def broken(tree: Path) -> set[str]:
    """The contracts that do not hold; fails when they could not be examined."""
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo"]
    ended = subprocess.run(
        command, cwd=tree, capture_output=True, text=True, check=False, env={"COLUMNS": "200", "PATH": ""}
    )
    verdicts = dict(re.findall(r"^(.+?) (KEPT|BROKEN)\b", ended.stdout, re.MULTILINE))
    assert set(verdicts) == {contract["name"] for contract in CONTRACTS}, ended.stdout + ended.stderr
    return {name for name, verdict in verdicts.items() if verdict == "BROKEN"}


def test_the_contracts_hold(tree: Path):
    assert broken(tree) == set()


@pytest.mark.parametrize(("contract", "file", "line"), PLANTED, ids=[f"{each[1]} {each[2]}" for each in PLANTED])
def test_a_planted_violation_breaks_its_contract(contract: str, file: str, line: str, tree: Path):
    with (tree / file).open("a") as source:
        source.write(f"\n{line}\n")

    assert contract in broken(tree)


def test_every_contract_has_a_planted_violation():
    assert {contract["name"] for contract in CONTRACTS} == {contract for contract, _, _ in PLANTED}


def circle(graph: grimp.ImportGraph) -> list[str]:
    """Modules that import each other in a circle; empty when there is none."""
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    try:
        graphlib.TopologicalSorter(imports).prepare()
    except graphlib.CycleError as error:
        return list(error.args[1])
    return []


@pytest.mark.parametrize("package", PACKAGES)
def test_no_modules_import_each_other_in_a_circle(package: str):
    assert circle(grimp.build_graph(package, cache_dir=None, exclude_type_checking_imports=True)) == []


def test_a_planted_circle_is_found():
    graph = grimp.build_graph("libs", cache_dir=None)
    graph.add_import(importer="libs.common.config", imported="libs.common.db")

    assert {"libs.common.config", "libs.common.db"} <= set(circle(graph))
