"""A process is known by its id and the instant it started."""

import os
import signal
import subprocess
import sys

import pytest

from deploy.local import pids


@pytest.fixture
def sleeper():
    process = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    yield process
    process.kill()
    process.wait()


def test_a_noted_process_is_alive_until_it_ends(tmp_path, sleeper):
    note = tmp_path / "run" / "deals.pid"
    pids.write(note, sleeper.pid)
    assert pids.alive(note) == sleeper.pid

    sleeper.kill()
    sleeper.wait()

    assert pids.alive(note) is None


def test_a_process_that_ended_but_was_not_waited_for_is_not_alive(tmp_path, sleeper):
    note = tmp_path / "deals.pid"
    pids.write(note, sleeper.pid)

    os.kill(sleeper.pid, signal.SIGKILL)
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)

    assert pids.alive(note) is None


def test_another_process_that_got_the_same_id_is_never_taken_for_ours_nor_stopped(tmp_path, sleeper):
    note = tmp_path / "deals.pid"
    pids.write(note, sleeper.pid)
    note.write_text(f"{sleeper.pid}\nsome-other-boot:12345\n")

    assert pids.alive(note) is None
    assert pids.stop(note) is False
    assert sleeper.poll() is None


def test_stopping_ends_the_process_and_forgets_it(tmp_path, sleeper):
    note = tmp_path / "deals.pid"
    pids.write(note, sleeper.pid)

    assert pids.stop(note) is True

    assert sleeper.wait() == -signal.SIGTERM
    assert not note.exists()


@pytest.mark.parametrize("content", ["", "12", "x\ny\n", "\udcff"])
def test_an_unreadable_note_names_no_process(tmp_path, content):
    note = tmp_path / "deals.pid"
    note.write_bytes(content.encode("utf-8", "surrogateescape"))

    assert pids.alive(note) is None
