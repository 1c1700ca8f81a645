"""What goes wrong on one machine, each as one line that says what happened and what to do."""

import errno
from pathlib import Path


class LocalError(Exception):
    """Ends a command with its message on one line; `exit_code` is the process's exit status."""

    exit_code = 1


class PortTaken(LocalError):
    """Another process listens where Foretell was to listen."""

    def __init__(self, name: str, port: int, holder: str | None) -> None:
        self.port = port
        by = f" by {holder}" if holder else ""
        super().__init__(
            f"Port {port} (for {name}) is taken{by}; free it, or choose another: make run PORTS={name}=<port> (PORTS=auto takes free ones)"
        )


class AlreadyRunning(LocalError):
    """A supervisor of the same state folder is alive."""

    def __init__(self, home: Path, pid: int | None) -> None:
        super().__init__(
            f"Foretell already runs with the state in {home} ({f'pid {pid}' if pid else 'pid not known'}); stop it first: make stop"
        )


class NotRunning(LocalError):
    """A command needs the running system."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} is not running; start Foretell first: make run")


class BrokenState(LocalError):
    """The state folder holds something that Foretell did not write or cannot read."""

    def __init__(self, what: str, advice: str) -> None:
        super().__init__(f"{what}; {advice}, or delete all state: make reset")


class ClosedFolder(LocalError):
    """PostgreSQL does not run as root, and the user it runs as cannot reach its files."""

    def __init__(self, folder: Path, user: str, mode: int) -> None:
        super().__init__(
            f"PostgreSQL runs as {user}, who cannot enter {folder} (mode {mode & 0o777:04o}): chmod o+x {folder}, "
            "or keep the state elsewhere: make run FORETELL_HOME=<folder>"
        )


class DiskFull(LocalError):
    """There is no room for the state."""

    def __init__(self, folder: Path, detail: str = "no space left") -> None:
        super().__init__(
            f"The disk of {folder} is full ({detail}); make room, then run again: nothing that was stored is lost"
        )


class StartFailed(LocalError):
    """A process did not become ready, or ended while it started."""


class NotServed(LocalError):
    """A package registry in reach does not have what is needed."""

    exit_code = 3


def from_os_error(error: OSError, folder: Path) -> LocalError:
    """The line for an operating system's error that met the state folder."""
    if error.errno == errno.ENOSPC:
        return DiskFull(folder)
    where = error.filename or folder
    return LocalError(
        f"Cannot use {where}: {error.strerror or error}; see who owns it, or choose another folder: make run FORETELL_HOME=<folder>"
    )
