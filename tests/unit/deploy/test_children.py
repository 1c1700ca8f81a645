"""Children's output and the supervisor's words."""

import errno
import io
import signal
import sys
from pathlib import Path

from deploy.local import errors
from deploy.local.children import Child, Terminal
from deploy.local.supervisor import _how
from deploy.local.waiting import wait_until


def test_every_line_of_a_child_is_prefixed_on_the_terminal_and_whole_in_its_file(tmp_path):
    shown = io.StringIO()
    child = Child("deals", tmp_path, Terminal(stream=shown))

    child.start([sys.executable, "-c", "print('one'); print('two')"], env={}, cwd=tmp_path)
    assert child._process is not None
    child._process.wait()
    child.stop()

    assert shown.getvalue() == "deals     | one\ndeals     | two\n"
    assert child.log_file.read_text() == "one\ntwo\n"
    assert child.exit_status == 0


def test_a_child_that_does_not_heed_the_request_is_killed(tmp_path):
    child = Child("deals", tmp_path, Terminal(quiet=True))
    code = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); signal.pause()"
    child.start([sys.executable, "-c", code], env={}, cwd=tmp_path)
    assert wait_until(lambda: "deaf" in child.tail(), timeout_s=5)

    assert child.stop(timeout_s=0.1) is False

    assert child.exit_status == -signal.SIGKILL
    assert not child.pid_file.exists()


def test_a_signal_is_named():
    assert _how(-9) == "by SIGKILL"
    assert _how(3) == "status 3"


def test_a_full_disk_is_said_as_such():
    line = errors.from_os_error(OSError(errno.ENOSPC, "No space left on device"), Path("/var/foretell"))

    assert isinstance(line, errors.DiskFull)
    assert "/var/foretell" in str(line)


def test_what_no_registry_serves_ends_with_its_own_exit_status():
    assert errors.NotServed("x").exit_code == 3
