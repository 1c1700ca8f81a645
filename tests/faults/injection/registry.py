"""Every kind of fault there is: a function that injects it, holds it while it is suspended, and then undoes it."""

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from deploy.local.crms import Crms
from deploy.local.traffic import Traffic
from tests.faults.books import Books
from tests.faults.injection.system import EMBEDDED, KAFKA, System
from tests.faults.others import Others

BOTH = frozenset({EMBEDDED, KAFKA})


@dataclass(frozen=True)
class Scene:
    """What a fault has to do with. Whatever is left to chance comes from `draw`."""

    system: System
    books: Books
    crms: Crms
    traffic: Traffic
    others: Others
    draw: random.Random

    def wait(self, at_least_s: float, at_most_s: float) -> None:
        """Let the traffic flow for a time drawn from this range."""
        threading.Event().wait(self.draw.uniform(at_least_s, at_most_s))


Injection = Callable[[Scene], Iterator[str]]
"""Injects, yields what it did to whom, and undoes it when it is resumed."""


@dataclass(frozen=True)
class Fault:
    """A kind of fault. `why_not` says why the brokers outside `on` cannot have it."""

    name: str
    what: str
    on: frozenset[str]
    why_not: str
    needs_small_disk: bool
    inject: Callable[[Scene], AbstractContextManager[str]]

    @property
    def title(self) -> str:
        return self.name.replace("_", " ")


FAULTS: dict[str, Fault] = {}


def fault(
    *, on: frozenset[str] = BOTH, why_not: str = "", needs_small_disk: bool = False
) -> Callable[[Injection], Injection]:
    """Enter a function into the registry; its docstring says what happens."""

    def enter(inject: Injection) -> Injection:
        name, what = inject.__name__, (inject.__doc__ or "").strip()
        assert what, f"{name} does not say what it does"
        assert name not in FAULTS, f"{name} is there twice"
        assert (on == BOTH) != bool(why_not), f"{name} must say why a broker cannot have it, and only then"
        FAULTS[name] = Fault(name, what, on, why_not, needs_small_disk, contextmanager(inject))
        return inject

    return enter


def possible(broker: str, *, small_disk: bool) -> list[Fault]:
    """What a system on this broker can have."""
    return [each for each in FAULTS.values() if broker in each.on and (small_disk or not each.needs_small_disk)]


def drawn(faults: list[Fault], count: int, seed: int) -> list[Fault]:
    """So many faults in an order drawn from the seed; no kind comes a second time before every kind has come."""
    source, order = random.Random(seed), []  # noqa: S311 - a test's choice, to be repeatable
    while len(order) < count:
        order += source.sample(faults, len(faults))
    return order[:count]
