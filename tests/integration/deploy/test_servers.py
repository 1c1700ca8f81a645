"""The servers of one machine, really started."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from deploy.local.broker import EmbeddedBroker
from deploy.local.children import Terminal
from deploy.local.errors import BrokenState, ClosedFolder, PortTaken
from deploy.local.ports import free_port
from deploy.local.postgres import Passwords, Postgres


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder that PostgreSQL's user can enter, which pytest's own are not."""
    folder = Path(tempfile.mkdtemp(prefix="foretell-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def postgres_in(home: Path, port: int | None = None) -> Postgres:
    passwords = Passwords("admin-word", "owner-word", "app-word")
    return Postgres(
        home, port=port or free_port(), passwords=passwords, terminal=Terminal(quiet=True), databases=["foretell_deals"]
    )


@pytest.fixture
def postgres(home: Path) -> Iterator[Postgres]:
    server = postgres_in(home)
    server.start()
    yield server
    server.stop()


def test_what_was_committed_is_there_after_the_server_was_killed(postgres: Postgres):
    postgres.sql("CREATE TABLE kept (amount numeric); INSERT INTO kept VALUES (12.50)", database="foretell_deals")

    postgres.child.kill()
    postgres.start()

    assert postgres.sql("SELECT amount FROM kept", database="foretell_deals").strip() == "12.50"


def test_a_commit_waits_for_the_disk(postgres: Postgres):
    assert postgres.sql("SHOW fsync; SHOW synchronous_commit; SHOW full_page_writes").split() == ["on", "on", "on"]


def test_the_app_role_creates_no_tables(postgres: Postgres):
    allowed = postgres.sql("SELECT has_schema_privilege('foretell_app', 'public', 'CREATE')", database="foretell_deals")

    assert allowed.strip() == "f"


def test_a_second_server_on_the_port_is_refused_by_name(home: Path, postgres: Postgres):
    second = postgres_in(home / "second", postgres.port)
    (home / "second").mkdir()

    with pytest.raises(PortTaken, match=f"Port {postgres.port} .for postgres. is taken by"):
        second.start()


def test_data_of_another_version_is_refused_and_left_alone(home: Path):
    (home / "postgres").mkdir()
    (home / "postgres" / "PG_VERSION").write_text("15\n")

    with pytest.raises(BrokenState, match="was written by PostgreSQL 15"):
        postgres_in(home).start()

    assert [path.name for path in (home / "postgres").iterdir()] == ["PG_VERSION"]


def test_a_folder_of_other_things_is_not_taken_for_data(home: Path):
    (home / "postgres").mkdir()
    (home / "postgres" / "holiday.jpg").touch()

    with pytest.raises(BrokenState, match="is not a PostgreSQL data folder"):
        postgres_in(home).start()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root drops to another user")
def test_a_state_folder_that_postgresqls_user_cannot_enter_is_named(home: Path):
    closed = home / "closed"
    (closed / "var").mkdir(parents=True)
    closed.chmod(0o700)

    with pytest.raises(ClosedFolder) as raised:
        postgres_in(closed / "var").start()

    assert f"cannot enter {closed} (mode 0700)" in str(raised.value)
    assert "FORETELL_HOME=<folder>" in str(raised.value)


async def test_the_embedded_broker_comes_back_under_another_cluster_id(tmp_path: Path):
    broker = EmbeddedBroker(tmp_path, port=free_port(), terminal=Terminal(quiet=True))
    seen = set()
    for _ in range(2):
        broker.start()
        try:
            admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap)
            await admin.start()
            seen.add((await admin.describe_cluster())["cluster_id"])
            await admin.close()
        finally:
            broker.child.kill()

    assert len(seen) == 2
