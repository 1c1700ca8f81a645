"""Ports on loopback: which are free, and who holds those that are not."""

import fcntl
import os
import random
import re
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from deploy.local.errors import LocalError, PortTaken

LOOPBACK = "127.0.0.1"
DEFAULT_PORTS = {
    "gateway": 8080,
    "leads": 8101,
    "deals": 8102,
    "pricing": 8103,
    "forecast": 8104,
    "simulator": 8110,
    "postgres": 55432,
    "broker": 19092,
}
# Below the range from which systems take the ports of outgoing connections, so that a free port stays free.
_AUTO_RANGE = range(20_000, 32_000)
_IN_A_ROW = {"broker": 3}
CHOSEN_NS = 120 * 10**9
"""Longer than a start takes from choosing its ports to listening at the last of them."""


def is_free(port: int) -> bool:
    """Whether a server could listen on the port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def accepts(port: int) -> bool:
    """Whether something listens on the port."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=1):
            return True
    except OSError:
        return False


def free_port(taken: set[int] | None = None) -> int:
    """A free port outside `taken` that nobody else has chosen lately: between choice and use lie the seconds of a start."""
    return _choose(1, taken or set())


def free_ports() -> dict[str, int]:
    """A free port for every process; of a cluster's brokers the first of as many in a row."""
    chosen: dict[str, int] = {}
    taken: set[int] = set()
    for name in DEFAULT_PORTS:
        row = _IN_A_ROW.get(name, 1)
        chosen[name] = _choose(row, taken)
        taken.update(range(chosen[name], chosen[name] + row))
    return chosen


def _choose(row: int, taken: set[int]) -> int:
    source = random.SystemRandom()
    with _lately_chosen() as lately:
        for _ in range(400):
            first = source.choice(_AUTO_RANGE)
            ports = range(first, first + row)
            if all(port not in taken and port not in lately and is_free(port) for port in ports):
                lately.update(dict.fromkeys(ports, time.monotonic_ns()))
                return first
    raise LocalError(f"No free port between {_AUTO_RANGE.start} and {_AUTO_RANGE.stop}")


@contextmanager
def _lately_chosen() -> Iterator[dict[int, int]]:
    """Ports that were chosen within CHOSEN_NS, by whichever process of this user; the others wait while one chooses.

    Without a folder for it nothing is remembered, and two starts at a time rarely meet.
    """
    path = Path(tempfile.gettempdir(), f"foretell-ports-{os.geteuid()}")
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError:
        yield {}
        return
    with os.fdopen(descriptor, "r+", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        now, lately = time.monotonic_ns(), {}
        for port, at in re.findall(r"^(\d+) (\d+)$", file.read(), re.MULTILINE):
            if 0 <= now - int(at) < CHOSEN_NS:  # what lies ahead was noted before the machine was started anew
                lately[int(port)] = int(at)
        yield lately
        file.seek(0)
        file.truncate()
        file.writelines(f"{port} {at}\n" for port, at in lately.items())


def parse(text: str, current: dict[str, int]) -> dict[str, int]:
    """`auto`, or `gateway=9090,broker=9092` laid over `current`."""
    if text == "auto":
        return free_ports()
    chosen = dict(current)
    for part in filter(None, (p.strip() for p in text.split(","))):
        name, _, number = part.partition("=")
        if name not in DEFAULT_PORTS or not number.isdecimal() or not 0 < int(number) < 65_536:
            raise LocalError(
                f"PORTS={text!r} is not understood at {part!r}; write auto or pairs of {', '.join(DEFAULT_PORTS)}: gateway=9090"
            )
        chosen[name] = int(number)
    return chosen


def require_free(name: str, port: int) -> None:
    """Raise PortTaken, naming the holder where the system tells it."""
    if not is_free(port):
        raise PortTaken(name, port, holder(port))


def holder(port: int) -> str | None:
    """`name (pid N)` of the process that listens on the port; None when it cannot be known."""
    inodes = _listening_inodes(port)
    if not inodes:
        return None
    wanted = {f"socket:[{inode}]" for inode in inodes}
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # ended meanwhile, or another user's
            if any(_target(link) in wanted for link in (process / "fd").iterdir()):
                return f"{(process / 'comm').read_text(encoding='utf-8').strip()} (pid {process.name})"
    return None


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:  # closed meanwhile
        return ""


def _listening_inodes(port: int) -> set[str]:
    inodes = set()
    for table in ("tcp", "tcp6"):
        try:
            rows = Path("/proc/net", table).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for row in rows:
            fields = row.split()
            local = re.fullmatch(r"[0-9A-F]+:([0-9A-F]{4})", fields[1])
            if local and int(local[1], 16) == port and fields[3] == "0A":
                inodes.add(fields[9])
    return inodes
