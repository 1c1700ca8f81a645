"""Faults one after the other under a fixed rate of arrivals, the books compared after each."""

import random
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from deploy.local.crms import Crms
from deploy.local.errors import LocalError
from deploy.local.waiting import wait_until
from tests.faults.books import Books, Difference
from tests.faults.injection import brokers, databases, inputs, network, processes
from tests.faults.injection.registry import FAULTS, Fault, Scene
from tests.faults.injection.system import System, running
from tests.faults.others import Others
from tests.faults.points import IN_PROCESSES

__all__ = ["FAULTS", "Outcome", "Total", "at_every_point", "run"]

DEFINED_IN = (brokers, databases, inputs, network, processes)
RATE_PER_S = 16
FIRST = 8
"""So many changes have come before a fault is injected."""
HOLD_S = (0.3, 3.0)
RECOVER_S = 180.0
FAULTS_PER_SYSTEM = 40
"""Then a fresh system takes over: reading all the books after each fault would take longer and longer."""


@dataclass(frozen=True)
class Outcome:
    """One injected fault. `recovery_s`: from undoing it until the books were settled; None when they never were."""

    number: int
    kind: str
    detail: str
    recovery_s: float | None
    differences: tuple[Difference, ...] = ()
    broke: str = ""


@dataclass
class Total:
    """What the last line says."""

    before: int = 0
    """So many faults of the whole come before these: a number stands for the same fault in every part."""
    injected: int = 0
    kinds: set[str] = field(default_factory=set)
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("lost", "twice", "diverged"), 0))
    max_recovery_s: float = 0.0
    failed: list[Outcome] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        self.injected += 1
        self.kinds.add(outcome.kind)
        self.max_recovery_s = max(self.max_recovery_s, outcome.recovery_s or 0.0)
        for each in outcome.differences:
            # What never arrived within the time that a fault is given to pass is lost.
            self.counts["lost" if each.kind == "on its way" else each.kind] += 1
        if outcome.broke:
            self.counts["diverged"] += 1
        if outcome.differences or outcome.broke:
            self.failed.append(outcome)

    def line(self) -> dict[str, Any]:
        return {
            "name": "faults",
            "injected": self.injected,
            "kinds": len(self.kinds),
            **self.counts,
            "max_recovery_s": round(self.max_recovery_s, 1),
        }


class Run:
    """Faults on one system."""

    def __init__(self, system: System, crms: Crms, books: Books, others: Others, seed: int) -> None:
        self.system, self.crms, self.books, self.others, self.seed = system, crms, books, others, seed

    def inject(self, number: int, fault: Fault) -> Outcome:
        """Inject it under traffic, hold it, undo it, and wait until the books are settled."""
        draw = random.Random(f"{self.seed} {number} {fault.name}")  # noqa: S311 - a test's choice, to be repeatable
        traffic = self.books.traffic(seed=draw.randrange(1 << 30), per_crm=10, duplicates=0.1, deletions=0.03)
        scene = Scene(self.system, self.books, self.crms, traffic, self.others, draw)
        detail, undone, broke = "", time.monotonic(), ""
        try:
            with traffic.flowing(rate_per_s=RATE_PER_S):
                try:
                    wait_until(lambda: len(traffic.sent) >= FIRST, timeout_s=30)
                    self.others.send()
                    with fault.inject(scene) as detail:
                        threading.Event().wait(draw.uniform(*HOLD_S))
                        broke = self._ended_by_themselves()
                        undone = time.monotonic()
                    self.others.send()
                    threading.Event().wait(0.3)
                finally:
                    broke = broke or self._ended_by_themselves()
                    self.system.heal()
            assert traffic.taken, "nothing was taken by the gateway"
            _, differences = self.books.settled(RECOVER_S)
            taken_s = time.monotonic() - undone
            missing = self.others.missing() if not differences else []
            if missing and not wait_until(lambda: not self.others.missing(), timeout_s=30, every_s=0.2):
                differences = [Difference("lost", f"{path} cannot be read") for path in self.others.missing()]
        except (AssertionError, LocalError, OSError, TimeoutError) as error:
            return Outcome(number, fault.name, detail, None, broke=f"{type(error).__name__}: {error} {broke}".strip())
        return Outcome(number, fault.name, detail, None if differences else taken_s, tuple(differences), broke)

    def _ended_by_themselves(self) -> str:
        return "; ".join(f"{name} ended by itself: {said}" for name, said in self.system.ended_by_themselves().items())


def at_every_point(rounds: int) -> list[Fault]:
    """Each crash point in each component that has it, so many times."""
    kind = FAULTS["died_at_a_crash_point"]

    def fault(point: str, name: str) -> Fault:
        dying = contextmanager(partial(processes.dying, point=point, name=name))
        return Fault(kind.name, kind.what, kind.on, kind.why_not, kind.needs_small_disk, dying)

    every = [(point, name) for point in sorted(IN_PROCESSES) for name in sorted(IN_PROCESSES[point])]
    return [fault(point, name) for _ in range(rounds) for point, name in every]


def run(
    total: Total,
    choose: Callable[[bool], Sequence[Fault]],
    *,
    broker: str,
    seed: int,
    until: float,
    report: Callable[[Outcome], None],
    go_on: bool = False,
) -> None:
    """Inject them in order and add what came of each to `total`, up to the first that does harm or until that moment of the monotonic clock.

    `choose` gives the faults when it is told whether the system's disk can be filled. With `go_on` a fresh system takes over
    from one that was harmed.
    """
    faults: list[Fault] | None = None
    while faults is None or total.injected < len(faults):
        with _fresh(broker, seed) as on:
            faults = faults if faults is not None else list(choose(on.system.has_small_disk))
            for fault in faults[total.injected :][:FAULTS_PER_SYSTEM]:
                if time.monotonic() > until:
                    return
                outcome = on.inject(total.before + total.injected + 1, fault)
                total.add(outcome)
                report(outcome)
                if (outcome.differences or outcome.broke) and not go_on:
                    return
                if outcome.differences or outcome.broke:
                    break


@contextmanager
def _fresh(broker: str, seed: int) -> Iterator[Run]:
    with ExitStack() as stack:
        folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="foretell-faults-", ignore_cleanup_errors=True))
        )
        system = stack.enter_context(running(folder, broker=broker))
        crms = Crms(system.stack)
        crms.config = crms.config.model_copy(update={"gateway": system.gateway_url, "port": system.crm_port})
        stack.enter_context(crms)
        books = Books(crms)
        others = Others(crms, books)
        stack.callback(others.close)
        yield Run(system, crms, books, others, seed)
