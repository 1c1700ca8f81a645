"""What each process of a system uses, read from /proc, and how far the system is behind, read from its metrics."""

import re
import time
import urllib.request
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.local.components import PACKAGES
from deploy.local.stack import Stack

_GAUGES = ("consumer_lag_records", "consumer_applied_age_seconds", "outbox_oldest_unpublished_age_seconds")


@dataclass(frozen=True)
class Sample:
    """At one moment: megabytes and open files by process, and the largest lag of all components."""

    at: float
    memory_mb: Mapping[str, float]
    handles: Mapping[str, float]
    lag_records: float
    lag_s: float


def take(stack: Stack) -> Sample:
    """Memory is each process's share of what it uses (pages shared by n count for one n-th), its children included.

    Two caches of PostgreSQL are left out, since they fill up to a limit of their own: buffers in shared memory, and table files
    that its processes keep open.
    """
    families = _families()
    memory, handles = {}, {}
    for name in stack.names:
        pid = stack.child(name).pid
        if pid is not None:
            members = [pid, *families[pid]]
            memory[name] = sum(_share_kb(each) for each in members) / 1024
            handles[name] = float(sum(_open_files(each, sockets_only=name == "postgres") for each in members))
    gauges = [_gauges(stack.url(name)) for name in PACKAGES]
    return Sample(
        time.monotonic(),
        memory,
        handles,
        sum(each["consumer_lag_records"] for each in gauges),
        max(max(each[name] for name in _GAUGES[1:]) for each in gauges),
    )


def _families() -> dict[int, list[int]]:
    found: dict[int, list[int]] = defaultdict(list)
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            found[parent].append(int(entry.name))
    return found


def _share_kb(pid: int) -> int:
    try:
        found = dict(
            re.findall(r"^(Pss|Pss_Shmem):\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
        )
    except OSError:
        return 0
    return int(found.get("Pss", 0)) - int(found.get("Pss_Shmem", 0))


def _open_files(pid: int, *, sockets_only: bool) -> int:
    try:
        opened = [str(each.readlink()) for each in Path(f"/proc/{pid}/fd").iterdir()]
    except OSError:  # it ended meanwhile
        return 0
    return sum(each.startswith("socket:") for each in opened) if sockets_only else len(opened)


def _gauges(url: str) -> dict[str, float]:
    """Records are summed over partitions, ages are the greatest; 0 where nothing is told."""
    found = dict.fromkeys(_GAUGES, 0.0)
    with urllib.request.urlopen(f"{url}/metrics", timeout=10) as answer:  # noqa: S310 - our own loopback address
        for line in answer.read().decode().splitlines():
            name = line.split("{")[0].split(" ")[0]
            if name in found:
                value = float(line.rsplit(" ", 1)[1])
                if value == value:
                    found[name] = found[name] + value if name == _GAUGES[0] else max(found[name], value)
    return found
