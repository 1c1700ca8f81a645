"""What is done to a running system so that alerts fire. Each function does harm, waits while it is seen, and mends it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal

import asyncpg
import httpx
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from deploy.documents import COMPONENTS
from deploy.local.components import database
from deploy.local.crms import Crms
from deploy.local.errors import StartFailed
from deploy.local.stack import Stack
from deploy.local.waiting import wait_until
from libs.common import clock
from libs.common.config import CommonSettings
from libs.common.events.deals import DealOpened
from libs.common.ids import new_id
from libs.common.messaging import envelope, kafka
from libs.common.messaging.applier import BRAKE_LETTERS
from libs.common.messaging.topics import DEAL_EVENTS
from simulator import examples, senders
from simulator.config import Provider

POISON = BRAKE_LETTERS + 10
"""So many that the brake holds consumers, and so few that they go on when it lets go."""
POISONED = [each.name for each in COMPONENTS if DEAL_EVENTS in each.consumes]
DISCARD = "UPDATE dead_letter SET state = 'discarded', settled_at = now() WHERE state = 'open'"
UNTOLD = 12
SLOW = {"FORETELL_CONSUMER_BATCH": "1", "FORETELL_CONSUMER_PACE_S": "1"}


def broker_down(crms: Crms) -> Iterator[None]:
    """An event waits for it when this stands, whatever else then stops events from being made."""
    since = crms.stack.postgres.sql("SELECT now()").strip()
    crms.stack.kill("broker")
    _until_there_is(crms.stack, "gateway", f"outbox WHERE recorded_at > '{since}'")
    yield
    crms.stack.restart("broker")


def service_down(crms: Crms) -> Iterator[None]:
    crms.stack.kill("deals")
    for _ in range(20):
        crms.http.get("/api/v1/deals/organisation")
    yield
    crms.stack.restart("deals")


def slow_worker(crms: Crms) -> Iterator[None]:
    """One event a second, far less than what comes."""
    crms.stack.restart("leads", env=SLOW)
    yield
    crms.stack.restart("leads", env={})


def unreachable_crm(crms: Crms) -> Iterator[None]:
    crms.stop_serving()
    connection = crms.connection("hubspot")
    deal = examples.deal("9100000777", clock.now(), Decimal(7000))
    crms.state.put_deal("hubspot", deal)
    _send(senders.deal_request(connection, deal, event="created"))
    yield
    crms.serve()


def untold_deals(crms: Crms) -> Iterator[None]:
    """The CRM holds deals of which it told nothing. The comparison asks for them; the next one finds them here."""
    hour_ago = clock.now() - timedelta(hours=1)
    for number in range(UNTOLD):
        crms.state.put_deal("hubspot", examples.deal(f"91000010{number:02d}", hour_ago, Decimal(7000)))
    compare(crms, "hubspot")
    yield
    compare(crms, "hubspot")


def unknown_stage(crms: Crms) -> Iterator[None]:
    deal = examples.deal("watched-unknown", clock.now(), Decimal(7000), stage="Nobody knows it")
    _send(senders.deal_request(crms.connection("standard"), deal, event="created"))
    yield


def not_understood(crms: Crms) -> Iterator[None]:
    """What deliveries say cannot be stored, as if the disk of that table alone were full; they themselves can."""
    database_of_gateway = database("gateway")
    crms.stack.postgres.sql(
        "CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'no room' USING ERRCODE = '53100'; END $$;"
        " CREATE TRIGGER no_room BEFORE INSERT ON delivery_item FOR EACH STATEMENT EXECUTE FUNCTION no_room()",
        database=database_of_gateway,
    )
    yield
    crms.stack.postgres.sql(
        "DROP TRIGGER no_room ON delivery_item; DROP FUNCTION no_room()", database=database_of_gateway
    )


def not_committed(crms: Crms) -> Iterator[None]:
    """No delivery can be written: somebody holds their table. What was written before and is not understood stays so."""
    _until_there_is(crms.stack, "gateway", "delivery WHERE state = 'accepted'")
    with held(crms.stack, "gateway", "LOCK TABLE delivery IN EXCLUSIVE MODE"):
        yield


def projection_held(crms: Crms) -> Iterator[None]:
    """Somebody holds a table that only the projection reads."""
    with held(crms.stack, "forecast", "LOCK TABLE setup_answer IN ACCESS EXCLUSIVE MODE"):
        yield


def no_locks(crms: Crms) -> Iterator[None]:
    """A lock of the forecast is due, and the service may not write it."""
    sql, where = crms.stack.postgres.sql, database("forecast")
    sql("REVOKE INSERT ON forecast_lock FROM foretell_app", database=where)
    make_a_late_lock(crms.stack)
    yield
    sql("GRANT INSERT ON forecast_lock TO foretell_app", database=where)


def poison(crms: Crms) -> Iterator[None]:
    """Events that nobody can read. The brake lets go by itself; what was put aside waits for `discard`."""
    asyncio.run(_send_poison(crms))
    yield


def discard(stack: Stack) -> None:
    """As the runbook says of events that never can be applied, once paused consumers have put all of them aside."""

    def is_discarded() -> bool:
        buried = [int(stack.postgres.sql("SELECT count(*) FROM dead_letter", database=database(n))) for n in POISONED]
        for name in POISONED:
            stack.postgres.sql(DISCARD, database=database(name))
        return min(buried) >= POISON

    if not wait_until(is_discarded, timeout_s=60, every_s=1.0):
        raise StartFailed(f"not all {POISON} unreadable events were put aside by {', '.join(POISONED)}")


async def _send_poison(crms: Crms) -> None:
    """Events of a known type whose payload nobody can read, in the log as it stands."""
    url = crms.stack.postgres.url(database("deals"), owner=True)
    engine = create_async_engine(url, poolclass=NullPool)
    async with engine.connect() as connection:
        log = await connection.scalar(text("SELECT log FROM relay_cursor"))
    await engine.dispose()
    settings = CommonSettings(
        database_url=url,
        broker_url=crms.stack.broker.bootstrap,
        broker_idempotence=crms.stack.broker.settings["FORETELL_BROKER_IDEMPOTENCE"] == "true",
    )
    producer = kafka.producer(settings)
    await producer.start()
    for _ in range(POISON):
        row = {
            "id": new_id(), "type": DealOpened.TYPE, "subject": None, "key": new_id(), "occurred_at": clock.now(),
            "recorded_at": clock.now(), "aggregate_version": 1, "attributes": {},
        }  # fmt: skip
        headers = envelope.headers_of(row, source="foretell/deals", log=str(log))
        await producer.send_and_wait(DEAL_EVENTS.name, value=b"{}", key=str(row["key"]).encode(), headers=headers)
    await kafka.stop(producer)


def make_a_late_lock(stack: Stack) -> None:
    """Move the timetable back by eight days: no system of a minute's age has made a weekly lock."""
    stack.postgres.sql(
        "UPDATE lock_schedule SET checked_to = checked_to - interval '8 days'", database=database("forecast")
    )


def compare(crms: Crms, provider: Provider) -> None:
    """Have our deals compared with the CRM's now; the timetable would do so once an hour."""
    crms.http.post(f"/api/v1/connections/{crms.connection(provider).key}/comparisons").raise_for_status()


def _until_there_is(stack: Stack, name: str, rows: str) -> None:
    count = f"SELECT count(*) FROM {rows}"  # noqa: S608 - written above
    if not wait_until(
        lambda: stack.postgres.sql(count, database=database(name)).strip() != "0", timeout_s=30, every_s=0.5
    ):
        raise StartFailed(f"{name} has no row of {rows}")


@contextmanager
def held(stack: Stack, name: str, statement: str) -> Iterator[None]:
    """A session of its own that stays in a transaction after this statement, until the end."""
    address = stack.postgres.url(database(name), owner=True).replace("+asyncpg", "")
    with asyncio.Runner() as runner:
        session = runner.run(asyncpg.connect(address))
        try:
            runner.run(session.execute(f"BEGIN; SET LOCAL lock_timeout = '20s'; {statement}"))
            yield
            runner.run(session.execute("ROLLBACK"))
        finally:
            session.terminate()


def _send(request: senders.Request) -> None:
    answer = httpx.request(
        request.method, request.url, headers=request.headers, content=request.body, timeout=10, trust_env=False
    )
    if not answer.is_success:
        raise StartFailed(f"{request.url} refused a signed webhook: {answer.status_code} {answer.text[:300]}")
