"""What docs/guarantees.md says of the faults that are injected is what the full run has."""

from pathlib import Path

from tests.faults.injection.registry import FAULTS, drawn, possible
from tests.faults.injection.run import at_every_point
from tests.faults.injection.system import EMBEDDED, KAFKA
from tests.faults.injection.table import table
from tests.faults.points import IN_PROCESSES

GUARANTEES = Path(__file__).resolve().parents[2] / "docs" / "guarantees.md"
LEAST_KINDS = 30
FULL = 300


def test_the_guarantees_list_every_kind_of_fault_and_which_broker_cannot_have_it() -> None:
    told = [line for line in GUARANTEES.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    missing = [line for line in table() if line not in told]
    assert not missing, "write into docs/guarantees.md what `python -m tests.faults.injection.table` prints"
    kinds = {line.split("|")[1].strip() for line in table()[2:]}
    begin = told.index(table()[0])
    assert {line.split("|")[1].strip() for line in told[begin + 2 : begin + 2 + len(FAULTS)]} == kinds


def test_either_broker_has_at_least_thirty_kinds_even_where_the_disk_cannot_be_filled() -> None:
    for broker in (EMBEDDED, KAFKA):
        assert len(possible(broker, small_disk=False)) >= LEAST_KINDS


def test_three_hundred_faults_have_every_kind_and_the_same_seed_draws_the_same() -> None:
    kinds = possible(EMBEDDED, small_disk=True)
    first, again, other = drawn(kinds, FULL, 1), drawn(kinds, FULL, 1), drawn(kinds, FULL, 2)
    assert len(first) == FULL
    assert {each.name for each in first} == {each.name for each in kinds}
    assert first == again != other


def test_a_full_run_has_every_crash_point_in_every_component_three_times() -> None:
    assert len(at_every_point(3)) == 3 * sum(map(len, IN_PROCESSES.values()))
