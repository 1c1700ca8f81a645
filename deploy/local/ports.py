"""Ports on loopback: which are free, and who holds those that are not."""

import random
import re
import socket
from contextlib import suppress
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
    """A free port outside `taken`, chosen at random so that two starts at a time rarely meet."""
    source = random.SystemRandom()
    for _ in range(200):
        port = source.choice(_AUTO_RANGE)
        if port not in (taken or set()) and is_free(port):
            return port
    raise LocalError(f"No free port between {_AUTO_RANGE.start} and {_AUTO_RANGE.stop}")


def free_ports() -> dict[str, int]:
    """A free port for every process."""
    chosen: dict[str, int] = {}
    for name in DEFAULT_PORTS:
        chosen[name] = free_port(set(chosen.values()))
    return chosen


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
