"""One system per state folder."""

import fcntl
import os
from pathlib import Path

from deploy.local import pids
from deploy.local.errors import AlreadyRunning


class FolderLock:
    """Held by the process that runs the system; the kernel frees it with that process, however it ends."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._descriptor: int | None = None

    @staticmethod
    def note_of(home: Path) -> Path:
        """The pid file of the holder."""
        return home / "run" / "supervisor.pid"

    def take(self) -> None:
        """Raise AlreadyRunning while another process holds it."""
        note = self.note_of(self._home)
        note.parent.mkdir(exist_ok=True)
        descriptor = os.open(note.with_name("lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise AlreadyRunning(self._home, pids.alive(note)) from None
        self._descriptor = descriptor
        pids.write(note, os.getpid())

    def release(self) -> None:
        """Let it go, if held."""
        if self._descriptor is not None:
            self.note_of(self._home).unlink(missing_ok=True)
            os.close(self._descriptor)
            self._descriptor = None
