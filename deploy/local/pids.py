"""Process ids that stay true: a process is known by its id *and* the instant it started, so a reused id is never taken for it."""

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

from deploy.local.waiting import wait_until


def started_at(pid: int) -> str | None:
    """A mark of the instant the process started, unique among boots; None when no such process lives."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except (FileNotFoundError, ProcessLookupError):
        return None if Path("/proc/self/stat").exists() else _started_at_by_ps(pid)
    # The name in parentheses may hold anything, so the fields are counted from the last parenthesis.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else f"{boot}:{fields[19]}"


def _started_at_by_ps(pid: int) -> str | None:
    """For systems without /proc."""
    answer = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    state, _, since = answer.stdout.strip().partition(" ")
    return None if not state or state.startswith("Z") else since.strip()


def write(path: Path, pid: int) -> None:
    """Note a living process; the file appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_text(f"{pid}\n{started_at(pid) or 'gone'}\n", encoding="ascii")
    fresh.replace(path)


def alive(path: Path) -> int | None:
    """The id noted in `path` while that very process lives; None otherwise, also for an unreadable file."""
    try:
        pid_text, mark = path.read_text(encoding="ascii").splitlines()[:2]
        pid = int(pid_text)
    except (OSError, ValueError):
        return None
    return pid if started_at(pid) == mark else None


def uptime_s(path: Path) -> float:
    """Seconds since the process was noted."""
    return max(0.0, time.time() - path.stat().st_mtime)


def stop_signal(name: str) -> signal.Signals:
    """How a process is asked to end: PostgreSQL's fast shutdown is SIGINT."""
    return signal.SIGINT if name == "postgres" else signal.SIGTERM


def ask(path: Path, by: signal.Signals = signal.SIGTERM) -> None:
    """Send the signal to the process noted in `path`, if it lives."""
    pid = alive(path)
    if pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, by)


def stop(path: Path, *, by: signal.Signals = signal.SIGTERM, timeout_s: float = 10.0) -> bool:
    """End the process noted in `path`: asked by `by`, killed after `timeout_s`. True when one was alive."""
    pid = alive(path)
    if pid is not None:
        ask(path, by)
        if not wait_until(lambda: alive(path) is None, timeout_s=timeout_s):
            ask(path, signal.SIGKILL)
            wait_until(lambda: alive(path) is None, timeout_s=5)
    path.unlink(missing_ok=True)
    return pid is not None
