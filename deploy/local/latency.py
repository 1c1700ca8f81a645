"""`make bench-latency`: from the intended moment of a webhook to its roll-up row, at a fixed rate of arrivals.

What is measured: the moment at which the change should have been sent (not when the sender came to it), up to the commit of the
forecast's transaction that holds the deal's version and the moved roll-up cells, as PostgreSQL stamped it. Readings see
every commit at once, nothing is cached; a sample of the changes is also read through the gateway's REST until it shows, which
adds the reading itself and half its pause. HubSpot's changes include the fetch-back. All processes, the database, the broker
and the sender share this machine's cores.
"""

import asyncio
import json
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from deploy.local.components import database
from deploy.local.crms import Crms
from deploy.local.errors import StartFailed
from deploy.local.stack import Stack
from deploy.local.traffic import Sent, Traffic
from deploy.local.waiting import wait_until
from simulator.records import iso

WARM_UP_S = 5.0
IDLE_S = 10.0
ARRIVE_S = 60.0
SAMPLE_EVERY_S = 1.0
READ_EVERY_S = 0.01
SENDER = "sender and CRM"
"""This process: it sends, answers the fetch-back, and reads the sample."""
OTHERS = "others"
"""What else works on this machine; figures are worth little when it is much."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Passage:
    """When one change was where; `seen` is when the forecast first held it or a newer state of its deal."""

    sent: Sent
    received: datetime
    understood: datetime
    recorded: datetime
    seen: datetime

    def stages_ms(self) -> dict[str, float]:
        """How long each part of the way took."""
        stations = (self.sent.due_at, self.received, self.understood, self.recorded, self.seen)
        names = ("sending", "gateway", "to deals", "to forecast")
        return {
            name: (then - before).total_seconds() * 1000
            for name, before, then in zip(names, stations[:-1], stations[1:], strict=True)
        }

    @property
    def ms(self) -> float:
        return (self.seen - self.sent.due_at).total_seconds() * 1000


def run(*, rate_per_s: float, seconds: float, broker: str, brokers: int, say: Say) -> dict[str, Any]:
    """Start a system of its own, measure, stop; what was measured, as the last line gives it."""
    with tempfile.TemporaryDirectory(prefix="foretell-latency-") as folder:
        home = Path(folder)
        home.chmod(0o755)
        with Stack(home, ports="auto", broker=broker, brokers=brokers) as stack, Crms(stack) as crms:
            return _measure(crms, rate_per_s, seconds, say)


def _measure(crms: Crms, rate_per_s: float, seconds: float, say: Say) -> dict[str, Any]:
    stack = crms.stack
    idle = _cpu_of(stack, lambda: threading.Event().wait(IDLE_S))
    say("idle CPU, % of a core: " + _spoken(idle))
    traffic = Traffic(crms)
    with traffic.flowing(rate_per_s=rate_per_s):
        threading.Event().wait(WARM_UP_S)
    first = len(traffic.sent)
    with _reader(crms, traffic) as read_ms:
        busy = _cpu_of(stack, lambda: _flow(traffic, rate_per_s, seconds))
        measured = traffic.sent[first:]
        found: list[Passage] = []

        def all_seen() -> bool:
            found[:] = asyncio.run(_passages(stack, measured))
            return len(found) == len(measured)

        if not wait_until(all_seen, timeout_s=ARRIVE_S, every_s=0.5):
            raise StartFailed(f"{len(measured) - len(found)} of {len(measured)} changes never moved the forecast")
    say("busy CPU, % of a core: " + _spoken(busy))
    for stage in found[0].stages_ms():
        say(f"{stage:<12} " + _figures([each.stages_ms()[stage] for each in found]))
    for provider in sorted({each.sent.provider for each in found}):
        say(f"{provider:<12} " + _figures([each.ms for each in found if each.sent.provider == provider]))
    all_ms = [each.ms for each in found]
    say(f"{'all':<12} " + _figures(all_ms))
    say(f"{'read by REST':<12} " + _figures(read_ms))
    return {
        "name": "latency",
        "rate_per_s": rate_per_s,
        "seconds": seconds,
        "n": len(all_ms),
        **{f"p{share}_ms": round(percentile(all_ms, share), 1) for share in (50, 95, 99)},
        "max_ms": round(max(all_ms), 1),
        "rest_n": len(read_ms),
        **{f"rest_p{share}_ms": round(percentile(read_ms, share), 1) for share in (50, 99)},
        "idle_cpu_percent": _of_foretell(idle),
        "busy_cpu_percent": _of_foretell(busy),
        "others_cpu_percent": round(busy[OTHERS], 1),
    }


def _flow(traffic: Traffic, rate_per_s: float, seconds: float) -> None:
    with traffic.flowing(rate_per_s=rate_per_s, count=round(rate_per_s * seconds)):
        pass


@contextmanager
def _reader(crms: Crms, traffic: Traffic) -> Iterator[list[float]]:
    """About once a second take the newest change and read its deal until it shows; milliseconds since it was due."""
    took: list[float] = []
    stop = threading.Event()

    def work() -> None:
        with httpx.Client(base_url=str(crms.http.base_url), headers=crms.http.headers, trust_env=False) as http:
            while not stop.wait(SAMPLE_EVERY_S):
                sent = traffic.sent[-1]
                wanted = iso(sent.change.record.changed_at)[:19]
                path = f"/api/v1/forecast/deals/{sent.entity}/history"
                while not stop.is_set():
                    answer = http.get(path)
                    if answer.is_success and str(answer.json()["current"]["valid_from"])[:19] >= wanted:
                        took.append((time.monotonic() - sent.due) * 1000)
                        break
                    stop.wait(READ_EVERY_S)

    thread = threading.Thread(target=work, name="reader", daemon=True)
    thread.start()
    try:
        yield took
    finally:
        stop.set()
        thread.join()


async def _passages(stack: Stack, measured: Sequence[Sent]) -> list[Passage]:
    """Where the changes have been; those that have not come to the forecast are left out."""
    versions: dict[UUID, list[Any]] = {}
    for row in await _rows(
        stack,
        "forecast",
        """
        SELECT deal_id, valid_from, recorded_at, cause_delivery, delivery_received_at, pg_xact_commit_timestamp(xmin) AS seen
        FROM deal_version ORDER BY valid_from, version
        """,
    ):
        versions.setdefault(row.deal_id, []).append(row)
    settled = {
        row.delivery_id: row.settled_at
        for row in await _rows(
            stack, "gateway", "SELECT delivery_id, max(settled_at) AS settled_at FROM delivery_item GROUP BY 1"
        )
    }
    found = []
    for sent in measured:
        row = next((v for v in versions.get(sent.entity, ()) if v.valid_from >= sent.change.record.changed_at), None)
        if row is not None and row.seen is not None:
            understood = settled.get(row.cause_delivery, row.recorded_at)
            found.append(Passage(sent, row.delivery_received_at, understood, row.recorded_at, row.seen))
    return found


async def _rows(stack: Stack, component: str, statement: str) -> Sequence[Any]:
    engine = create_async_engine(stack.postgres.url(database(component), owner=True))
    try:
        async with engine.connect() as connection:
            return (await connection.execute(text(statement))).all()
    finally:
        await engine.dispose()


def _cpu_of(stack: Stack, work: Callable[[], object]) -> dict[str, float]:
    """Percent of a core that each process, with those it made, and this one used while `work` ran."""
    names = [name for name in stack.names if stack.child(name).pid is not None]
    begun, before, own, machine = time.monotonic(), _seconds_of(stack, names), time.process_time(), _machine_s()
    work()
    passed, after = time.monotonic() - begun, _seconds_of(stack, names)
    used = {name: max(0.0, after[name] - before[name]) / passed * 100 for name in names}
    used[SENDER] = (time.process_time() - own) / passed * 100
    return used | {OTHERS: max(0.0, (_machine_s() - machine) / passed * 100 - sum(used.values()))}


def _machine_s() -> float:
    """Seconds that all cores together have worked."""
    user, nice, system, _idle, _waiting, irq, softirq = Path("/proc/stat").read_text().split()[1:8]
    return sum(map(int, (user, nice, system, irq, softirq))) / os.sysconf("SC_CLK_TCK")


def _seconds_of(stack: Stack, names: Sequence[str]) -> dict[str, float]:
    tick = os.sysconf("SC_CLK_TCK")
    used: dict[int, float] = {}
    parent: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            pid = int(entry.name)
            # utime and stime; those of children that ended (cutime, cstime) count for who waited for them.
            parent[pid], used[pid] = int(fields[1]), sum(int(value) for value in fields[11:15]) / tick
    return {name: sum(s for pid, s in used.items() if stack.child(name).pid in (pid, parent[pid])) for name in names}


def _of_foretell(cpu: dict[str, float]) -> float:
    return round(sum(share for name, share in cpu.items() if name not in (SENDER, OTHERS)), 1)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` percent of all do not exceed; NaN of nothing."""
    if not values:
        return float("nan")
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * int(share) // 100) - 1)]


def _figures(values: Sequence[float]) -> str:
    shown = "  ".join(f"p{share} {percentile(values, share):7.1f}" for share in (50, 95, 99))
    return f"n {len(values):5d}  {shown}  max {max(values, default=float('nan')):7.1f} ms"


def _spoken(cpu: dict[str, float]) -> str:
    return ", ".join(f"{name} {share:.1f}" for name, share in cpu.items())


def main(*, rate_per_s: float, seconds: float, broker: str, brokers: int) -> int:
    """Print the figures; the last line is one JSON object."""
    figures = run(rate_per_s=rate_per_s, seconds=seconds, broker=broker, brokers=brokers, say=_print)
    print(json.dumps(figures), flush=True)
    return 0


def _print(line: str) -> None:
    print(f"latency   | {line}", flush=True)
