"""What CI counts and says."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from deploy.local import check
from deploy.local.check import Counts, Stage
from deploy.local.waiting import wait_until


def test_pytests_closing_lines_are_added_up():
    output = "\n".join(
        [
            "....s  3 passed of something else",
            "12 passed, 1 skipped in 3.21s",
            "= 2 failed, 5 passed, 1 error in 61.02s (0:01:01) =",
        ]
    )

    assert check.counts_in(output) == Counts(passed=17, failed=3, skipped=1)


@pytest.mark.parametrize(
    ("counts", "line"),
    [(Counts(12, 0), "12 passed, 0 failed"), (Counts(3, 1, 2), "3 passed, 1 failed, 2 skipped")],
)
def test_the_run_ends_with_a_plain_line(counts, line):
    assert counts.line() == line


def _says(text: str, status: int = 0) -> tuple[str, ...]:
    return (sys.executable, "-c", f"import sys; print({text!r}); sys.exit({status})")


def test_a_stage_stops_at_its_first_failing_command():
    stage = Stage("static", (_says("fine"), _says("broken", 1), _says("never")))

    good, counts = check.run_stage(stage, until=time.monotonic() + 60)

    assert not good
    assert counts == Counts(passed=1, failed=1)


def test_a_failing_command_counts_as_failed_whatever_its_tests_say():
    stage = Stage("unit", (_says("5 passed in 0.10s", 3),))

    assert check.run_stage(stage, until=time.monotonic() + 60) == (False, Counts(passed=5, failed=1))


def test_collecting_no_test_fails_a_stage(tmp_path):
    stage = Stage("e2e", (check.pytest_on(str(tmp_path)),))

    good, counts = check.run_stage(stage, until=time.monotonic() + 60)

    assert not good
    assert counts.failed == 1


def test_a_command_that_runs_past_the_limit_is_ended_and_has_failed():
    stage = Stage("faults", ((sys.executable, "-c", "import signal; signal.pause()"),))

    good, counts = check.run_stage(stage, until=time.monotonic() + 0.2)

    assert not good
    assert counts.failed == 1


def test_a_command_that_does_not_hear_that_its_time_is_over_is_ended_all_the_same(monkeypatch):
    monkeypatch.setattr(check, "ENDING_S", 0.5)
    deaf = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); time.sleep(60)"
    stage = Stage("faults", ((sys.executable, "-c", deaf),))
    begun = time.monotonic()

    good, _ = check.run_stage(stage, until=begun + 0.5)

    assert not good
    assert time.monotonic() - begun < 30


def test_what_a_stage_left_running_is_ended_with_it_and_nothing_else_is(tmp_path):
    note = tmp_path / "pid"
    forgotten = f"""
import pathlib, subprocess, sys
quiet = {{"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}}
process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"], start_new_session=True, **quiet)
pathlib.Path({str(note)!r}).write_text(str(process.pid))
"""
    with subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE) as another:
        good, _ = check.run_stage(Stage("forgetful", ((sys.executable, "-c", forgotten),)), until=time.monotonic() + 60)

        assert good
        assert wait_until(lambda: not is_running(int(note.read_text())), timeout_s=10)
        assert another.poll() is None


def is_running(pid: int) -> bool:
    """Whether a process does anything; one that ended may wait to be noticed."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_the_summary_names_every_stage_that_ran_and_where_it_stopped():
    lines = check.summary([("static", 0.5), ("unit", 1.25)], "unit")

    assert [line.split()[0] for line in lines[:3]] == ["static", "unit", "all"]
    assert lines[2].split()[1] == "1.8"
    assert "stopped at unit" in lines[3]


def test_an_unknown_stage_is_refused(capsys):
    assert check.main(["nonsense"]) == 2
    assert "no stage nonsense" in capsys.readouterr().out


def test_ci_leaves_out_only_the_faults_on_apache_kafka():
    assert {stage.name for stage in check.STAGES} - set(check.IN_CI) == {"kafka-faults"}
