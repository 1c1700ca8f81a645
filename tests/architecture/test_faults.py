"""What docs/guarantees.md says of the faults that are injected is what the full run has."""

from pathlib import Path

from tests.faults.books import Difference
from tests.faults.injection.listing import listed
from tests.faults.injection.registry import FAULTS, drawn, possible
from tests.faults.injection.run import Outcome, Total, at_every_point
from tests.faults.injection.system import EMBEDDED, KAFKA
from tests.faults.points import IN_PROCESSES

GUARANTEES = Path(__file__).resolve().parents[2] / "docs" / "guarantees.md"
HEAD = "## Faults of the full run"
LEAST_KINDS = 30
FULL = 300


def test_the_guarantees_list_every_kind_of_fault_and_which_broker_cannot_have_it() -> None:
    _, _, told = GUARANTEES.read_text(encoding="utf-8").partition(HEAD)
    lines = [line for line in told.partition("\n## ")[0].splitlines() if line.startswith("- ")]
    assert lines == listed(), "write into docs/guarantees.md what `python -m tests.faults.injection.listing` prints"
    assert sum("Not on the embedded broker" in line for line in lines) == sum(
        EMBEDDED not in f.on for f in FAULTS.values()
    )


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


def test_what_never_arrives_counts_as_lost_and_who_ends_by_itself_as_diverged() -> None:
    total = Total()
    total.add(Outcome(1, "deals_killed", "deals", 4.0))
    total.add(Outcome(2, "deals_killed", "deals", 9.0, (Difference("on its way", "x"), Difference("twice", "y"))))
    total.add(Outcome(3, "broker_slow", "", None, broke="leads ended by itself"))
    assert total.line() == {
        "name": "faults", "injected": 3, "kinds": 2, "lost": 1, "twice": 1, "diverged": 1, "max_recovery_s": 9.0,
    }  # fmt: skip
    assert [each.number for each in total.failed] == [2, 3]
