"""What happens to PostgreSQL, and to what it holds."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import asyncpg

from deploy.local import components
from deploy.local.errors import StartFailed
from deploy.local.waiting import wait_until
from libs.common.messaging.relay import LOCK as RELAY_LOCK
from libs.common.scheduler import LOCK as SCHEDULER_LOCK
from tests.faults.injection.processes import end_sessions
from tests.faults.injection.registry import Scene, fault
from tests.faults.injection.system import COMPONENTS, System
from tests.support import disks

HOT = {"gateway": "delivery", "deals": "deal", "forecast": "deal_current", "leads": "lead"}
"""A table of each that every change writes to."""


@fault()
def database_restarted(scene: Scene) -> Iterator[str]:
    """PostgreSQL is restarted in order, which says farewell on every connection."""
    scene.system.stack.postgres.stop()
    yield "all databases"
    scene.system.stack.postgres.start()


@fault()
def database_killed(scene: Scene) -> Iterator[str]:
    """kill -9 of PostgreSQL; it recovers from its log when it starts."""
    scene.system.kill("postgres")
    yield "all databases"
    scene.system.start("postgres")


@fault()
def a_session_killed(scene: Scene) -> Iterator[str]:
    """kill -9 of one session's process: PostgreSQL ends all others and recovers."""
    name = scene.draw.choice(COMPONENTS)
    found = scene.system.sql(f"SELECT pid FROM pg_stat_activity WHERE datname = 'foretell_{name}'").split()  # noqa: S608
    with suppress(ProcessLookupError):
        os.kill(int(scene.draw.choice(found)), signal.SIGKILL)
    yield f"a session of {name}"


@fault()
def sessions_ended(scene: Scene) -> Iterator[str]:
    """The server ends all sessions of one component, three times over."""
    name = scene.draw.choice(COMPONENTS)
    for _ in range(3):
        end_sessions(scene.system, name)
        scene.wait(0.1, 0.5)
    yield name


@fault()
def leader_lost_its_lock(scene: Scene) -> Iterator[str]:
    """The session that makes a relay or a scheduler the leader ends."""
    name, lock = scene.draw.choice(COMPONENTS), scene.draw.choice((RELAY_LOCK, SCHEDULER_LOCK))
    holder = f"pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = {lock})"  # noqa: S608
    for _ in range(2):
        end_sessions(scene.system, name, holder)
        scene.wait(0.2, 1.0)
    yield f"{'relay' if lock == RELAY_LOCK else 'scheduler'} of {name}"


@fault()
def database_read_only(scene: Scene) -> Iterator[str]:
    """Every transaction is read-only, as at a standby or by an operator's hand."""
    _set(scene.system, "default_transaction_read_only", "on")
    yield "all databases"
    _set(scene.system, "default_transaction_read_only", None)


@fault()
def database_closed(scene: Scene) -> Iterator[str]:
    """An administrator closes one component's database to connections and ends those there are."""
    name = scene.draw.choice(COMPONENTS)
    scene.system.sql(f"ALTER DATABASE foretell_{name} ALLOW_CONNECTIONS false")
    end_sessions(scene.system, name)
    yield name
    scene.system.sql(f"ALTER DATABASE foretell_{name} ALLOW_CONNECTIONS true")


@fault()
def connections_used_up(scene: Scene) -> Iterator[str]:
    """One component may have no more than two connections, and loses those it has."""
    name = scene.draw.choice(COMPONENTS)
    scene.system.sql(f"ALTER DATABASE foretell_{name} CONNECTION LIMIT 2")
    end_sessions(scene.system, name)
    yield name
    scene.system.sql(f"ALTER DATABASE foretell_{name} CONNECTION LIMIT -1")


@fault()
def password_refused(scene: Scene) -> Iterator[str]:
    """The role of the components may not sign in for a while, and its sessions end; who ends over it is started again."""
    scene.system.may_end(COMPONENTS)
    scene.system.sql("ALTER ROLE foretell_app NOLOGIN")
    for name in COMPONENTS:
        end_sessions(scene.system, name)
    yield "all components"
    scene.system.sql("ALTER ROLE foretell_app LOGIN")


@fault(needs_small_disk=True)
def disk_full(scene: Scene) -> Iterator[str]:
    """The file system of the databases is filled to its last block."""
    ballast = scene.system.stack.home / "ballast"
    disks.fill(ballast)
    yield f"{ballast.stat().st_size // 1_000_000} MB of ballast"
    ballast.unlink()


@fault()
def table_locked(scene: Scene) -> Iterator[str]:
    """Another session holds a table that every change writes to."""
    name = scene.draw.choice(sorted(HOT))
    with _transaction(scene.system, name, f"LOCK TABLE {HOT[name]} IN ACCESS EXCLUSIVE MODE"):
        yield f"{HOT[name]} of {name}"


@fault()
def transaction_left_open(scene: Scene) -> Iterator[str]:
    """A session with a transaction id neither commits nor goes: what is younger waits, and nothing of it is passed over."""
    name = scene.draw.choice(("gateway", "deals"))
    with _transaction(scene.system, name, "SELECT pg_current_xact_id()"):
        yield name


@fault()
def partitions_dropped_during_intake(scene: Scene) -> Iterator[str]:
    """Retention runs again and again and drops an old partition of outbox and inbox each time."""
    name = scene.draw.choice(COMPONENTS)
    for number in range(4):
        day, after = f"2020010{number + 1}", f"2020010{number + 2}"
        for parent in ("outbox", "inbox"):
            bounds = f"(id_floor('{day}')) TO (id_floor('{after}'))"
            scene.system.sql(
                f"SET ROLE foretell_owner; CREATE TABLE {parent}_{day} PARTITION OF {parent} FOR VALUES FROM {bounds}",
                name,
            )

        def is_dropped() -> bool:
            # It gives up rather than hold up those who write; then it has its turn later.
            with suppress(StartFailed):
                scene.system.sql("SELECT keep_event_partitions(14, 45)", name)
            return not scene.system.sql("SELECT relname FROM pg_class WHERE relname ~ '_2020010[0-9]$'", name).split()

        assert wait_until(is_dropped, timeout_s=30, every_s=0.2), f"retention left partitions of {day} in {name}"
        scene.wait(0.1, 0.4)
    yield name


@fault()
def schema_upgraded_in_the_middle(scene: Scene) -> Iterator[str]:
    """The database of a component gets new columns under its feet, by a newer version; later the columns go again."""
    name = scene.draw.choice(sorted(HOT))
    tables = (HOT[name], "outbox", "relay_cursor", "consumer_position")
    revision = scene.system.sql("SELECT version_num FROM alembic_version", name).strip()
    _alter(scene.system, name, tables, "ADD COLUMN of_a_newer_version text DEFAULT 'unknown to this one'")
    scene.system.sql("UPDATE alembic_version SET version_num = '9999'", name)
    scene.wait(0.5, 1.0)
    scene.system.start(name)
    yield name
    _alter(scene.system, name, tables, "DROP COLUMN of_a_newer_version")
    scene.system.sql(f"UPDATE alembic_version SET version_num = '{revision}'", name)  # noqa: S608


def _alter(system: System, name: str, tables: tuple[str, ...], change: str) -> None:
    for table in tables:
        system.sql(f"SET lock_timeout = '20s'; ALTER TABLE {table} {change}", name)


def _set(system: System, setting: str, value: str | None) -> None:
    system.sql(f"ALTER SYSTEM SET {setting} = {value}" if value else f"ALTER SYSTEM RESET {setting}")
    system.sql("SELECT pg_reload_conf()")


@contextmanager
def _transaction(system: System, name: str, statement: str) -> Iterator[None]:
    """A session of its own that stays in a transaction after this statement, until the end."""
    address = system.stack.postgres.url(components.database(name), owner=True).replace("+asyncpg", "")
    session = system.network.run(asyncpg.connect(address))
    try:
        system.network.run(session.execute("BEGIN; SET LOCAL lock_timeout = '20s'"))
        system.network.run(session.execute(statement))
        yield
        system.network.run(session.execute("ROLLBACK"))
    finally:
        system.network.run(session.close())
