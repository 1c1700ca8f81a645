"""Backups as docs/runbooks/restore.md takes them: the server goes back to an instant, one database to its dump."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.children import Terminal
from deploy.local.drills import backups
from deploy.local.errors import StartFailed
from deploy.local.ports import free_port
from deploy.local.postgres import Passwords, Postgres
from libs.common import clock

DATABASE = "foretell_deals"


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that the database server's own user can enter."""
    with tempfile.TemporaryDirectory(prefix="foretell-backups-") as made:
        Path(made).chmod(0o755)
        yield Path(made)


@pytest.fixture
def server(folder: Path) -> Iterator[Postgres]:
    archive = backups.open_folder(folder / "archive")
    running = Postgres(
        folder / "home",
        port=free_port(),
        passwords=Passwords("one", "two", "three"),
        terminal=Terminal(quiet=True),
        databases=[DATABASE],
        settings=backups.archiving(archive),
    )
    (folder / "home").mkdir(mode=0o755)
    running.start()
    running.sql("CREATE TABLE deal (name text)", database=DATABASE)
    yield running
    running.stop()


def told(server: Postgres, name: str) -> None:
    server.sql(f"INSERT INTO deal VALUES ('{name}')", database=DATABASE)  # noqa: S608 - names of this test


def known(server: Postgres) -> list[str]:
    return server.sql("SELECT name FROM deal ORDER BY name", database=DATABASE).split()


def test_the_server_goes_back_to_an_instant_and_takes_changes_again(server: Postgres, folder: Path) -> None:
    told(server, "before-the-backup")
    backups.take_base(server, backups.open_folder(folder / "base"))
    told(server, "since-the-backup")
    until = clock.now()
    told(server, "what-should-not-have-happened")
    backups.finish_log(server)
    server.stop()

    backups.restore_all(server, folder / "base", folder / "archive", until)
    server.start()
    backups.follow_log_to_its_end(server)

    assert known(server) == ["before-the-backup", "since-the-backup"]
    told(server, "what-came-after")
    assert "what-came-after" in known(server)
    assert (folder / "home/postgres.before").is_dir(), "what was there is kept beside"


def test_one_database_goes_back_to_its_dump_with_its_rights(server: Postgres, folder: Path) -> None:
    server.sql("GRANT SELECT ON deal TO foretell_app", database=DATABASE)
    told(server, "in-the-dump")
    file = backups.open_folder(folder / "dumps") / "deals.dump"
    backups.dump(server, DATABASE, file)
    told(server, "since-the-dump")

    backups.load(server, DATABASE, file)

    assert known(server) == ["in-the-dump"]
    rights = server.sql("SELECT has_table_privilege('foretell_app', 'deal', 'SELECT, INSERT')", database=DATABASE)
    assert rights.strip() == "t"
    assert server.sql(f"SELECT has_database_privilege('public', '{DATABASE}', 'CONNECT')").strip() == "f"


def test_a_backup_that_is_not_whole_is_refused(server: Postgres, folder: Path) -> None:
    backups.take_base(server, backups.open_folder(folder / "base"))
    (folder / "base" / "PG_VERSION").unlink()

    with pytest.raises(StartFailed, match="not whole: PG_VERSION"):
        backups.verify_base(folder / "base")
