"""docs/runbooks/restore.md, followed: all databases back to an instant, then one downstream, then one upstream, then one of which
nothing is left.

A system of its own is told changes and its fingerprints are taken. What must come of each restore is said by them.
"""

import json
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.documents import COMPONENTS
from deploy.local import books, fingerprints
from deploy.local.components import PACKAGES, database
from deploy.local.crms import Crms
from deploy.local.drills import backups
from deploy.local.errors import StartFailed
from deploy.local.fingerprints import differing
from deploy.local.stack import Stack
from deploy.local.traffic import Traffic
from deploy.local.waiting import wait_until
from libs.common import clock

CHANGES = 60
SETTLE_S = 120.0
REPUBLISHING = [each.name for each in COMPONENTS if each.republishes]

Known = dict[str, Any]


@dataclass(frozen=True)
class Site:
    """A running system with its archive, and what plays its CRMs."""

    stack: Stack
    crms: Crms
    folder: Path
    archive: Path

    def told(self, seed: int) -> None:
        """So many changes more, of deals of their own."""
        Traffic(self.crms, seed=seed, start=seed * 1000, per_crm=8).send(CHANGES)

    def knows(self) -> Known:
        """Fingerprints of all components, once everything that was told has come through."""
        found: Known = {}

        def settled() -> bool:
            before = dict(found)
            page = books.read(self.stack)
            found.update(fingerprints.of(self.stack))
            # Not when each was recorded: an owner that was restored records anew what it had told before.
            owned, kept = ({row[:3] for row in rows} for rows in (page.versions, page.forecast_versions))
            return before == found and not any(page.unsettled.values()) and owned == kept

        if not wait_until(settled, timeout_s=SETTLE_S, every_s=1.0):
            raise StartFailed(f"what was told had not come through after {SETTLE_S:.0f} s")
        return found


@contextmanager
def site() -> Iterator[Site]:
    """A system of its own whose database server keeps its log."""
    with tempfile.TemporaryDirectory(prefix="foretell-drill-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        archive = backups.open_folder(folder / "archive")
        home = folder / "home"
        home.mkdir(mode=0o755)
        with Stack(home, ports="auto", postgres=backups.archiving(archive)) as stack, Crms(stack) as crms:
            yield Site(stack, crms, folder, archive)


def all_to_an_instant(at: Site) -> list[str]:
    """Everything back to just before what should not have happened; it must be what was known then."""
    at.told(1)
    backups.take_base(at.stack.postgres, backups.open_folder(at.folder / "base"))
    at.told(2)
    good, until = at.knows(), clock.now()
    at.told(3)
    if not differing(good, at.knows()):
        raise StartFailed("the changes after the instant left no trace, so that going back to it shows nothing")
    backups.finish_log(at.stack.postgres)
    _stop_writers(at.stack)
    at.stack.postgres.stop()
    backups.restore_all(at.stack.postgres, at.folder / "base", at.archive, until)
    at.stack.postgres.start()
    backups.follow_log_to_its_end(at.stack.postgres)
    # The broker must come back empty: what it holds of the time after the instant never happened.
    at.stack.restart("broker")
    _start_components(at.stack)
    return differing(good, at.knows())


def one_downstream(at: Site) -> list[str]:
    """The forecast from a dump that is older than what it knew; it reads on and must know the same again."""
    return _one(at, "forecast", seed=4)


def one_upstream(at: Site) -> list[str]:
    """The deals from a dump that is older than what they knew and had told; both they and the forecast must know the same."""
    return _one(at, "deals", seed=5)


def one_from_nothing(at: Site) -> list[str]:
    """The forecast without a dump, when neither broker nor outboxes hold its past: told again by those who keep it."""
    at.told(6)
    good = at.knows()
    _stop_writers(at.stack)
    for name in PACKAGES:
        at.stack.postgres.sql("TRUNCATE outbox", database=database(name))
    at.stack.empty("forecast")
    at.stack.restart("broker")
    _start_components(at.stack)
    if not differing(good, fingerprints.of(at.stack)):
        raise StartFailed("an empty forecast knows what it knew, so that telling it again shows nothing")
    for name in REPUBLISHING:
        at.stack.command(name, "republish")
    return differing(good, at.knows())


def _one(at: Site, name: str, *, seed: int) -> list[str]:
    file = backups.open_folder(at.folder / f"dump-{name}") / "dump"
    backups.dump(at.stack.postgres, database(name), file)
    at.told(seed)
    good = at.knows()
    at.stack.kill(name)
    backups.load(at.stack.postgres, database(name), file)
    if not differing(good, fingerprints.of(at.stack)):
        raise StartFailed("the dump holds all that was known since, so that loading it shows nothing")
    at.stack.restart(name)
    return differing(good, at.knows())


def _stop_writers(stack: Stack) -> None:
    for name in PACKAGES:
        stack.child(name).stop()


def _start_components(stack: Stack) -> None:
    for name in PACKAGES:
        stack.restart(name, wait=False)
    for name in PACKAGES:
        stack.await_ready(name)


CASES: dict[str, Callable[[Site], list[str]]] = {
    "all databases to an instant": all_to_an_instant,
    "one database downstream (forecast)": one_downstream,
    "one database upstream (deals)": one_upstream,
    "one database from nothing (forecast)": one_from_nothing,
}


def main() -> int:
    """0 when every restore ended in what was known. The last line is one JSON object."""
    begun = time.monotonic()
    equal = 0
    with site() as at:
        for name, case in CASES.items():
            started = time.monotonic()
            try:
                wrong = case(at)
            except StartFailed as error:
                wrong = [str(error)]
            equal += not wrong
            said = "knows what it knew" if not wrong else "differs: " + ", ".join(wrong)
            print(f"restore   | {time.monotonic() - started:5.1f} s  {name}: {said}", flush=True)
    taken = round(time.monotonic() - begun, 1)
    print(json.dumps({"name": "drill-restore", "cases": len(CASES), "equal": equal, "seconds": taken}), flush=True)
    return 0 if equal == len(CASES) else 1
