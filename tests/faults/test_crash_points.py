"""Every named crash point, in every process that has it: the process dies there, comes back, and nothing is lost or doubled."""

import subprocess
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from deploy.local import components
from deploy.local.crms import Crms
from deploy.local.stack import Stack
from deploy.local.waiting import wait_until
from libs.common import crash
from libs.common.ids import entity_id
from tests.faults.books import Books
from tests.faults.others import Others
from tests.faults.points import IN_PROCESSES, IN_THE_IMPORT

DEATH_S = 60.0
DIED = 137


@pytest.fixture
def others(crms: Crms, books: Books) -> Iterator[Others]:
    made = Others(crms, books)
    yield made
    made.close()


def test_every_point_there_is_has_its_fault() -> None:
    assert {*IN_PROCESSES, *IN_THE_IMPORT} == crash.POINTS


@pytest.mark.parametrize("point", IN_PROCESSES)
def test_what_dies_at_a_crash_point_loses_and_doubles_nothing(
    stack: Stack, books: Books, others: Others, point: str
) -> None:
    alive = set(IN_PROCESSES[point])
    traffic = books.traffic(duplicates=0.1)
    for name in alive:
        stack.kill(name)
    with traffic.flowing(rate_per_s=12):
        for name in sorted(alive):
            stack.restart(name, env={"FORETELL_CRASH_AT": point}, wait=False)

        def all_died() -> bool:
            for name in sorted(alive):
                status = stack.child(name).exit_status
                if status is not None:
                    assert status == DIED, f"{name} ended with {status}: {stack.logs(name)[-2000:]}"
                    alive.discard(name)
                    stack.restart(name, env={}, wait=False)
            if alive:
                others.send()
            return not alive

        wait_until(all_died, timeout_s=DEATH_S, every_s=0.2)
        for name in IN_PROCESSES[point]:
            stack.restart(name, env={}) if name in alive else stack.await_ready(name)
    assert not alive, f"{sorted(alive)} never came to {point}"
    books.settle()
    assert wait_until(lambda: not others.missing(), timeout_s=20, every_s=0.2), others.missing()


MAPPING = """
version: 1
name: {name}
connection: {name}
currency: EUR
files: {{deals: {{match: deals.csv}}}}
stages: {{Negotiate: {{category: pipeline}}}}
records:
  - object: deal
    file: deals
    id: id
    fields: {{amount: amount, close_date: closes}}
    changes: [{{at: opened, fields: {{stage: {{constant: Negotiate}}}}}}]
"""
IMPORTED = 300


@pytest.mark.parametrize("point", IN_THE_IMPORT)
def test_an_import_that_dies_is_continued_by_the_next(stack: Stack, books: Books, tmp_path: Path, point: str) -> None:
    name = point.partition(".")[2].replace("_", "-")
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text(MAPPING.format(name=name))
    rows = {f"d{number}": Decimal(number) + Decimal("0.25") for number in range(IMPORTED)}
    lines = "".join(f"{deal},{amount},2026-01-05,2026-12-31\n" for deal, amount in rows.items())
    (tmp_path / "deals.csv").write_text("id,amount,opened,closes\n" + lines)

    assert _import(stack, tmp_path, mapping, {"FORETELL_CRASH_AT": point}) == DIED
    assert _import(stack, tmp_path, mapping, {}) == 0
    for deal, amount in rows.items():
        books.expect(entity_id(name, "deal", deal), amount=amount, state="open", stage="Negotiate")
    books.settle()


def _import(stack: Stack, folder: Path, mapping: Path, env: dict[str, str]) -> int:
    argv = components.python("gateway", "import", str(folder), "--mapping", str(mapping))
    argv += ["--report", str(folder / "refused.csv")]
    settings = stack.environment("gateway") | env
    return subprocess.run(
        argv, cwd=components.ROOT, env=settings, capture_output=True, check=False, timeout=60
    ).returncode
