"""Backups as the runbook takes them: a base backup with the log since, and dumps of single databases."""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from deploy.local.errors import StartFailed
from deploy.local.ports import LOOPBACK
from deploy.local.postgres import ADMIN, Postgres, unprivileged_user
from deploy.local.waiting import wait_until

ARCHIVED_S = 30.0


def open_folder(path: Path) -> Path:
    """A folder that the database server may write to."""
    path.mkdir(mode=0o700)
    user = unprivileged_user()
    if user is not None:
        os.chown(path, user[0], user[0])
    return path


def archiving(archive: Path) -> Mapping[str, str]:
    """Settings of a server whose log is kept in `archive`; a file that is there already is never written over."""
    return {
        "archive_mode": "on",
        "archive_command": f"test ! -f {archive}/%f && cp %p {archive}/%f",
        "archive_timeout": "60",
    }


def take_base(postgres: Postgres, folder: Path) -> None:
    """A copy of the whole server while it works, verified."""
    options = ("-X", "stream", "-c", "fast", "--manifest-checksums=SHA256")
    _done(postgres, "pg_basebackup", *_where(postgres), "-D", str(folder), *options)
    verify_base(folder)


def verify_base(folder: Path) -> None:
    """Every file that the server listed is here as it was copied; StartFailed that names the first that is not.

    As pg_verifybackup does, which crashes as it stands in the wheel of the embedded PostgreSQL.
    """
    for each in json.loads((folder / "backup_manifest").read_bytes())["Files"]:
        path = folder / each["Path"]
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != each["Checksum"]:
            raise StartFailed(f"the base backup {folder} is not whole: {each['Path']} is missing or another")


def finish_log(postgres: Postgres) -> None:
    """Everything written so far is in the archive when this returns."""
    last = postgres.sql("SELECT pg_walfile_name(pg_switch_wal())").strip()
    archived = "SELECT coalesce(max(last_archived_wal), '') FROM pg_stat_archiver"
    if not wait_until(lambda: postgres.sql(archived).strip() >= last, timeout_s=ARCHIVED_S, every_s=0.1):
        raise StartFailed(f"{last} was not archived within {ARCHIVED_S:.0f} s")


def restore_all(postgres: Postgres, base: Path, archive: Path, until: datetime) -> None:
    """Put a stopped server back to an instant; its folder of now is kept beside. It follows the log when it is started."""
    postgres.data.rename(postgres.data.with_name("postgres.before"))
    shutil.copytree(base, postgres.data, symlinks=True)
    with (postgres.data / "postgresql.auto.conf").open("a", encoding="ascii") as settings:
        settings.write(
            f"restore_command = 'cp {archive}/%f %p'\n"
            f"recovery_target_time = '{until.isoformat()}'\n"
            "recovery_target_action = 'promote'\n"
        )
    (postgres.data / "recovery.signal").touch()
    user = unprivileged_user()
    if user is not None:
        for path in (postgres.data, *postgres.data.rglob("*")):
            os.chown(path, user[0], user[0], follow_symlinks=False)
    postgres.data.chmod(0o700)


def follow_log_to_its_end(postgres: Postgres) -> None:
    """A started server that was put back has reached its instant and takes changes again when this returns."""
    if not wait_until(lambda: postgres.sql("SELECT pg_is_in_recovery()").strip() == "f", timeout_s=60, every_s=0.1):
        raise StartFailed("the server still follows its log after 60 s")


def dump(postgres: Postgres, database: str, file: Path) -> None:
    """One database, as it stands in one snapshot."""
    _done(postgres, "pg_dump", *_where(postgres), "-Fc", "-f", str(file), database)


def load(postgres: Postgres, database: str, file: Path) -> None:
    """Replace one database by a dump; nobody may be connected to it but those who are put out here."""
    postgres.sql(f'DROP DATABASE "{database}" WITH (FORCE)')
    postgres.create_database(database)
    _done(postgres, "pg_restore", *_where(postgres), "--exit-on-error", "-d", database, str(file))


def _where(postgres: Postgres) -> tuple[str, ...]:
    return "-h", LOOPBACK, "-p", str(postgres.port), "-U", ADMIN


def _done(postgres: Postgres, program: str, *arguments: str) -> None:
    done = postgres.run(program, *arguments, check=False)
    if done.returncode != 0:
        raise StartFailed(f"{program} failed: {(done.stderr or done.stdout).strip()[-300:]}")
