"""docs/runbooks/full-disk.md, followed: the volume fills up under traffic to its last block, twice, and is enlarged while it is in use.

What users and metrics see meanwhile is printed with each step.
"""

import json
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import typer

from deploy.local.components import PACKAGES, database
from deploy.local.crms import Crms
from deploy.local.errors import StartFailed
from deploy.local.stack import Stack
from deploy.local.traffic import Traffic
from deploy.local.waiting import wait_until
from tests.faults.books import Books
from tests.support import disks

RATE_PER_S = 8
CHANGES = 40
"""At least so many changes flow in each state, or arrive in vain."""
SETTLE_S = 180.0
ROOM_MB = 200
NOT_POSSIBLE = 3
READ = ("deals?limit=1", "leads?limit=1", "products?limit=1", "forecast/rollup?by=region")
LARGEST = (
    "SELECT datname, pg_size_pretty(pg_database_size(datname)) FROM pg_database ORDER BY pg_database_size(datname) DESC"
)
SLOTS = "SELECT slot_name, active FROM pg_replication_slots"


@dataclass
class Volume:
    """A running system on a small file system, and what fills it."""

    stack: Stack
    crms: Crms
    begun: float = field(default_factory=time.monotonic)

    @property
    def ballast(self) -> Path:
        return self.stack.home / "ballast"

    def say(self, what: str) -> None:
        typer.echo(f"full disk | {time.monotonic() - self.begun:5.1f} s  {what}")

    def fill(self, traffic: Traffic) -> None:
        """To the last block; afterwards changes arrive in vain."""
        disks.fill(self.ballast)
        wait_until(lambda: traffic.waiting >= CHANGES, timeout_s=60, every_s=0.1)
        self.say(f"full with {self.ballast.stat().st_size // 1_000_000} MB of ballast: {self.seen(traffic)}")

    def seen(self, traffic: Traffic) -> str:
        """What CRMs, users and whoever watches see now."""
        answers = Counter(self._status(f"{self.crms.http.base_url}/api/v1/{path}") for path in READ)
        ready = [name for name in PACKAGES if self.stack.is_ready(name)]
        ended = [name for name in self.stack.names if name != "simulator" and self.stack.child(name).pid is None]
        read = ", ".join(f"{count} x {status}" for status, count in answers.items())
        return (
            f"{traffic.waiting} changes not taken, readings {read}, ready {', '.join(ready) or 'nobody'}"
            f", ended {', '.join(ended) or 'nobody'}"
        )

    def _status(self, url: str) -> str:
        try:
            return str(self.crms.http.get(url).status_code)
        except httpx.HTTPError as error:
            return type(error).__name__

    def ask(self, statement: str, where: str = "postgres") -> None:
        """What the runbook says to ask the database."""
        try:
            rows = ", ".join(self.stack.postgres.sql(statement, database=where).split("\n")).strip(", ")
            self.say(f"{statement}: {rows or 'no rows'}")
        except StartFailed as error:
            self.say(f"{statement}: refused ({error})")

    def goes_on(self, traffic: Traffic, how: str) -> None:
        """What ended is started again, as a cluster does, and everything that arrived is taken."""
        for name in self.stack.names:
            if name != "simulator" and self.stack.child(name).pid is None:
                self.say(f"{name} had ended and is started again")
                self.stack.restart(name, wait=False)
        if not wait_until(lambda: traffic.waiting < CHANGES // 2, timeout_s=SETTLE_S, every_s=0.2):
            self.say(f"changes still wait: {self.seen(traffic)}")
        self.say(f"{how}: {self.seen(traffic)}")


def follow(at: Volume, traffic: Traffic) -> None:
    """The runbook's steps: with room made outside of the database, then with a larger volume."""
    wait_until(lambda: len(traffic.taken) >= CHANGES, timeout_s=60, every_s=0.1)
    at.fill(traffic)
    at.say("1. what takes the room")
    at.ask(LARGEST)
    at.ask(SLOTS)
    at.say("2. room outside the database")
    os.truncate(at.ballast, at.ballast.stat().st_size - ROOM_MB * 1_000_000)
    at.goes_on(traffic, f"{ROOM_MB} MB made")
    at.say("3. raw bodies are kept for a day only")
    at.stack.restart("gateway", env={"FORETELL_RAW_BODY_RETENTION_DAYS": "1"})
    at.ask("VACUUM delivery", database("gateway"))
    at.fill(traffic)
    at.say("4. the volume is enlarged")
    disks.enlarge(at.stack.home, ROOM_MB)
    at.goes_on(traffic, f"enlarged by {ROOM_MB} MB")


def main(broker: str = "embedded") -> None:
    """Status 1 and what differs when anything is lost or doubled; 3 where no small file system can be made."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="foretell-full-disk-", ignore_cleanup_errors=True) as name:
        home = Path(name)
        if not disks.mount_small(home):
            typer.echo("A file system of its own is needed, and making one takes root: sudo make drill-full-disk")
            raise typer.Exit(NOT_POSSIBLE)
        home.chmod(0o755)
        try:
            with Stack(home, broker=broker) as stack, Crms(stack) as crms:
                at, books = Volume(stack, crms), Books(crms)
                traffic = books.traffic(seed=91, per_crm=10, duplicates=0.1, deletions=0.03)
                with traffic.flowing(rate_per_s=RATE_PER_S):
                    follow(at, traffic)
                _, differences = books.settled(SETTLE_S)
                at.say(f"settled: {at.seen(traffic)}")
        finally:
            disks.unmount(home)
    for found in differences[:30]:
        typer.echo(str(found))
    kinds = Counter(each.kind for each in differences)
    line = {"name": "drill-full-disk", "broker": broker, "changes": len(traffic.sent)}
    line |= {kind: kinds[kind] for kind in ("on its way", "lost", "twice", "diverged")}
    typer.echo(json.dumps(line | {"seconds": round(time.monotonic() - at.begun, 1)}))
    raise typer.Exit(1 if differences else 0)


if __name__ == "__main__":
    typer.run(main)
