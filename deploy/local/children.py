"""A child process: its own session, its output prefixed to the terminal and whole to a file rotated by size."""

import logging
import logging.handlers
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from deploy.local import pids
from deploy.local.waiting import wait_until

LOG_BYTES = 10_000_000
LOG_FILES = 3
_COLOURS = (36, 32, 35, 33, 34, 96, 92, 95, 93, 94)


class _LogFile(logging.handlers.RotatingFileHandler):
    """Drops what a full disk cannot take: the child's output must go on being read, or the child would stop."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 - the name is logging's
        return


class Terminal:
    """Lines of many children on one terminal, never mixed within a line; `quiet` shows none of them."""

    def __init__(self, *, quiet: bool = False, stream: IO[str] | None = None) -> None:
        self._stream = stream or sys.stdout
        self._quiet = quiet
        self._lock = threading.Lock()
        self._coloured = self._stream.isatty() and "NO_COLOR" not in os.environ
        self._names: list[str] = []

    def of_child(self, name: str, line: str) -> None:
        """A line that a child wrote."""
        if self._quiet:
            return
        with self._lock:
            if name not in self._names:
                self._names.append(name)
            prefix = f"{name:<10}|"
            if self._coloured:
                prefix = f"\x1b[{_COLOURS[self._names.index(name) % len(_COLOURS)]}m{prefix}\x1b[0m"
            print(prefix, line, file=self._stream, flush=True)

    def say(self, line: str) -> None:
        """A line of the supervisor's own; shown also when quiet."""
        with self._lock:
            print(line, file=self._stream, flush=True)


class Child:
    """One process of the system. Its pid file names it to later commands, its log file keeps what it said."""

    def __init__(self, name: str, home: Path, terminal: Terminal) -> None:
        self.name = name
        self.pid_file = home / "run" / f"{name}.pid"
        self.log_file = home / "logs" / f"{name}.log"
        self._terminal = terminal
        self._process: subprocess.Popen[bytes] | None = None
        self._pump: threading.Thread | None = None

    def start(self, argv: Sequence[str], *, env: Mapping[str, str], cwd: Path, user: int | None = None) -> None:
        """Start it; `user` is the numeric id (also of the group) to run as, which takes root."""
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        self._process = subprocess.Popen(
            argv,
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # Ctrl-C reaches the whole process group of a terminal; children end in order instead.
            start_new_session=True,
            user=user,
            group=user,
            extra_groups=None if user is None else [],
        )
        pids.write(self.pid_file, self._process.pid)
        self._pump = threading.Thread(
            target=self._copy_output, args=(self._process,), name=f"log-{self.name}", daemon=True
        )
        self._pump.start()

    def _copy_output(self, process: subprocess.Popen[bytes]) -> None:
        handler = _LogFile(self.log_file, maxBytes=LOG_BYTES, backupCount=LOG_FILES, encoding="utf-8", errors="replace")
        assert process.stdout is not None  # noqa: S101 - stdout=PIPE above
        with process.stdout:
            for raw in process.stdout:
                line = raw.decode("utf-8", "replace").rstrip()
                handler.emit(logging.LogRecord(self.name, logging.INFO, "", 0, line, None, None))
                self._terminal.of_child(self.name, line)
        handler.close()

    @property
    def pid(self) -> int | None:
        """Its id while it runs."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    @property
    def exit_status(self) -> int | None:
        """How the last run ended (negative: by that signal); None while it runs or before it started."""
        return None if self._process is None else self._process.poll()

    def ask(self, by: signal.Signals = signal.SIGTERM) -> None:
        """Send the signal without waiting."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(by)

    def stop(self, *, by: signal.Signals = signal.SIGTERM, timeout_s: float = 10.0) -> bool:
        """Ask it to end by `by`, kill it after `timeout_s`. True when it ended in time (or was not running)."""
        process = self._process
        orderly = True
        if process is not None and process.poll() is None:
            process.send_signal(by)
            orderly = wait_until(lambda: process.poll() is not None, timeout_s=timeout_s)
            if not orderly:
                process.kill()
                process.wait()
        self._finish()
        return orderly

    def kill(self) -> None:
        """End it by SIGKILL, and wait until it is gone."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._finish()

    def _finish(self) -> None:
        if self._pump is not None:
            self._pump.join(timeout=2)
        if self._process is not None:  # else the file is of a process that somebody else started
            self.pid_file.unlink(missing_ok=True)

    def tail(self, lines: int = 15) -> str:
        """The end of its log."""
        try:
            return "\n".join(self.log_file.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
        except OSError:
            return ""
