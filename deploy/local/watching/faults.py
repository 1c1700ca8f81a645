"""What is done to a running system, and which alerts must then fire: each is undone, and they must fall silent again."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal

import httpx
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from deploy.local.components import database
from deploy.local.crms import Crms
from deploy.local.errors import StartFailed
from libs.common import clock
from libs.common.config import CommonSettings
from libs.common.events.deals import DealOpened
from libs.common.ids import new_id
from libs.common.messaging import envelope, kafka
from libs.common.messaging.topics import DEAL_EVENTS
from simulator import examples, senders

LIMITS = {
    "EventsWait": "> 5",
    "NobodySends": "",
    "ConsumerIsLate": "> 10",
    "DataIsOld": "> 10",
    "LogWasLost": "",
    "EventsCannotBeApplied": "",
    "DeliveriesAreParked": "",
    "CrmDoesNotAnswer": "> 5",
    "ComponentIsAway": "",
    "RequestsFail": "",
}
"""Alerts that are made to fire, with shorter limits in place of those that are minutes."""


@dataclass(frozen=True)
class Fault:
    """`done` is undone when it is left. `lasting` alerts go on for a while or until a person acts, and need not fall silent."""

    name: str
    done: Callable[[Crms], Iterator[None]]
    alerts: frozenset[str]
    lasting: frozenset[str] = frozenset()
    after: frozenset[str] = frozenset()
    """Alerts that fire once it is undone."""


def _broker_down(crms: Crms) -> Iterator[None]:
    crms.stack.kill("broker")
    yield
    crms.stack.restart("broker")


def _service_down(crms: Crms) -> Iterator[None]:
    crms.stack.kill("deals")
    for _ in range(20):
        crms.http.get("/api/v1/deals/organisation")
    yield
    crms.stack.restart("deals")


def _unreachable_crm(crms: Crms) -> Iterator[None]:
    crms.stop_serving()
    connection = crms.connection("hubspot")
    deal = examples.deal("9100000777", clock.now(), Decimal(7000))
    crms.state.put_deal("hubspot", deal)
    _send(senders.deal_request(connection, deal, event="created"))
    yield
    crms.serve()


def _unknown_stage(crms: Crms) -> Iterator[None]:
    deal = examples.deal("watched-unknown", clock.now(), Decimal(7000), stage="Nobody knows it")
    _send(senders.deal_request(crms.connection("standard"), deal, event="created"))
    yield


def _poison(crms: Crms) -> Iterator[None]:
    asyncio.run(_send_poison(crms))
    yield


async def _send_poison(crms: Crms) -> None:
    """An event of a known type whose payload nobody can read, in the log as it stands."""
    url = crms.stack.postgres.url(database("deals"), owner=True)
    engine = create_async_engine(url, poolclass=NullPool)
    async with engine.connect() as connection:
        log = await connection.scalar(text("SELECT log FROM relay_cursor"))
    await engine.dispose()
    row = {
        "id": new_id(), "type": DealOpened.TYPE, "subject": None, "key": new_id(), "occurred_at": clock.now(),
        "recorded_at": clock.now(), "aggregate_version": 1, "attributes": {},
    }  # fmt: skip
    settings = CommonSettings(
        database_url=url,
        broker_url=crms.stack.broker.bootstrap,
        broker_idempotence=crms.stack.broker.settings["FORETELL_BROKER_IDEMPOTENCE"] == "true",
    )
    producer = kafka.producer(settings)
    await producer.start()
    headers = envelope.headers_of(row, source="foretell/deals", log=str(log))
    await producer.send_and_wait(DEAL_EVENTS.name, value=b"{}", key=str(row["key"]).encode(), headers=headers)
    await kafka.stop(producer)


def _send(request: senders.Request) -> None:
    answer = httpx.request(
        request.method, request.url, headers=request.headers, content=request.body, timeout=10, trust_env=False
    )
    if not answer.is_success:
        raise StartFailed(f"{request.url} refused a signed webhook: {answer.status_code} {answer.text[:300]}")


FAULTS = (
    Fault("a CRM is not reachable", _unreachable_crm, frozenset({"CrmDoesNotAnswer"})),
    Fault(
        "a delivery has a stage that the mapping does not know",
        _unknown_stage,
        frozenset({"DeliveriesAreParked"}),
        lasting=frozenset({"DeliveriesAreParked"}),
    ),
    Fault(
        "an event cannot be applied",
        _poison,
        frozenset({"EventsCannotBeApplied"}),
        lasting=frozenset({"EventsCannotBeApplied"}),
    ),
    Fault(
        "a service is killed",
        _service_down,
        frozenset({"ComponentIsAway", "RequestsFail"}),
        lasting=frozenset({"RequestsFail"}),
    ),
    Fault(
        "the broker is killed under traffic",
        _broker_down,
        frozenset({"EventsWait", "NobodySends", "ConsumerIsLate", "DataIsOld"}),
        after=frozenset({"LogWasLost"}),
        lasting=frozenset({"LogWasLost"}),
    ),
)


@contextmanager
def injected(fault: Fault, crms: Crms) -> Iterator[None]:
    """The fault stands while the body runs."""
    with contextmanager(fault.done)(crms):
        yield
