"""Which harm makes which alerts fire, and what is done at a time. Each is mended, and its alerts must fall silent again."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from deploy.local.crms import Crms
from deploy.local.watching import harm

LIMITS = {
    "EventsWait": "> 5",
    "NobodySends": "",
    "ConsumerIsLate": "> 10",
    "ConsumerBehind": "> 5",
    "ConsumerPaused": "",
    "DataIsOld": "> 10",
    "LogWasLost": "",
    "EventsCannotBeApplied": "",
    "JobFails": "",
    "ForecastIsLate": "",
    "ProjectionIsOld": "> 70",
    "LockIsOverdue": "",
    "PromiseIsBroken": "< 0.5",
    "DeliveriesAreParked": "",
    "DeliveriesAreNotUnderstood": "> 5",
    "DeliveriesWait": "> 10",
    "CrmDoesNotAnswer": "> 5",
    "CrmIsNotWhole": "",
    "ComponentIsAway": "",
    "RequestsFail": "",
}
"""Alerts that are made to fire, with shorter limits in place of those that are minutes.

A projection is moved on once a minute. A machine under load keeps the promise of a second less well than 95 times of 100.
"""


@dataclass(frozen=True)
class Fault:
    """`done` is mended when it is left. `lasting` alerts go on until a person acts, and need not fall silent."""

    name: str
    done: Callable[[Crms], Iterator[None]]
    alerts: frozenset[str]
    lasting: frozenset[str] = frozenset()
    after: frozenset[str] = frozenset()
    """Alerts that fire once it is mended."""


THROUGHOUT = Fault("the projection cannot read its settings", harm.projection_held, frozenset({"ProjectionIsOld"}))
"""Stands as long as all others: what it holds up is looked at once a minute."""

ROUNDS = (
    (
        Fault("a lock of the forecast cannot be written", harm.no_locks, frozenset({"JobFails", "LockIsOverdue"})),
        Fault("a CRM holds deals of which it told nothing", harm.untold_deals, frozenset({"CrmIsNotWhole"})),
        Fault("events cannot be applied", harm.poison, frozenset({"EventsCannotBeApplied", "ConsumerPaused"})),
        Fault("a service is killed", harm.service_down, frozenset({"ComponentIsAway", "RequestsFail"})),
    ),
    (
        Fault("a CRM is not reachable", harm.unreachable_crm, frozenset({"CrmDoesNotAnswer"})),
        Fault(
            "a delivery has a stage that the mapping does not know",
            harm.unknown_stage,
            frozenset({"DeliveriesAreParked"}),
            lasting=frozenset({"DeliveriesAreParked"}),
        ),
        Fault("a worker is slower than what comes", harm.slow_worker, frozenset({"ConsumerBehind"})),
    ),
    (
        Fault(
            "the broker is killed under traffic",
            harm.broker_down,
            frozenset({"EventsWait", "NobodySends", "ConsumerIsLate", "DataIsOld"}),
            after=frozenset({"LogWasLost", "ForecastIsLate", "PromiseIsBroken"}),
        ),
        Fault("what deliveries say cannot be stored", harm.not_understood, frozenset({"DeliveriesAreNotUnderstood"})),
        Fault("deliveries cannot be committed", harm.not_committed, frozenset({"DeliveriesWait"})),
    ),
)
"""What is done at the same time has alerts of its own and leaves those of the others alone."""

FAULTS = (THROUGHOUT, *(fault for together in ROUNDS for fault in together))


@contextmanager
def injected(fault: Fault, crms: Crms) -> Iterator[None]:
    """The fault stands while the body runs."""
    with contextmanager(fault.done)(crms):
        yield
