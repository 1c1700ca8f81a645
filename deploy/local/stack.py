"""The whole system as processes of this machine: started in order, stopped in order, killed and restarted one by one.

`make run` and every test that needs the whole system use this one class.
"""

import os
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from deploy.local import components, migrating, pids, ports, simulated
from deploy.local import state as installation
from deploy.local.broker import Broker, ElsewhereBroker, EmbeddedBroker
from deploy.local.children import Child, Terminal
from deploy.local.errors import DiskFull, LocalError, StartFailed, from_os_error
from deploy.local.kafka import KafkaCluster
from deploy.local.lock import FolderLock
from deploy.local.postgres import Postgres
from deploy.local.waiting import wait_until

READY_TIMEOUT_S = 90.0
_LEAST_FREE_BYTES = 300_000_000
_STOP_ORDER = ("simulator", "gateway", "leads", "deals", "pricing", "forecast")


class Stack:
    """One installation in `home`.

    Args:
        home: state folder; PostgreSQL's user must be able to enter it and its parents.
        ports: "" keeps what the folder has (first: the documented ports), "auto" takes free ones the first time,
            "gateway=9090,..." changes some.
        broker: "embedded", "kafka" (Apache Kafka), or "host:port" of a cluster elsewhere.
        env: settings on top, per component; the key "*" is for all of them.
        simulator: whether the simulated CRM is started by `start`.
        postgres: settings of the database server on top.
        brokers_seen_at: the ports of the brokers that clients are told of, where something stands in between.
    """

    def __init__(
        self,
        home: Path,
        *,
        ports: str = "auto",
        broker: str = "embedded",
        brokers: int = 1,
        env: Mapping[str, Mapping[str, str]] | None = None,
        simulator: bool = False,
        terminal: Terminal | None = None,
        postgres: Mapping[str, str] | None = None,
        brokers_seen_at: Sequence[int] = (),
    ) -> None:
        self.home = home.resolve()
        self.terminal = terminal or Terminal(quiet=True)
        self.state = installation.open_or_make(self.home, ports)
        self._env = {name: dict(settings) for name, settings in (env or {}).items()}
        self._code: dict[str, Path] = {}
        self._simulator = simulator
        self._lock = FolderLock(self.home)
        self.postgres = Postgres(
            self.home,
            port=self.state.ports["postgres"],
            passwords=self.state.passwords,
            terminal=self.terminal,
            databases=[components.database(name) for name in components.PACKAGES],
            settings=postgres,
        )
        self.broker = self._choose_broker(broker, brokers, brokers_seen_at)
        self._apps = {name: Child(name, self.home, self.terminal) for name in (*components.PACKAGES, "simulator")}

    def _choose_broker(self, broker: str, brokers: int, seen_at: Sequence[int]) -> Broker:
        if broker == "embedded":
            port = self.state.ports["broker"]
            return EmbeddedBroker(self.home, port=port, terminal=self.terminal, seen_at=next(iter(seen_at), port))
        if broker == "kafka":
            first = self.state.ports["broker"]
            taken = [first + index for index in range(brokers)]
            return KafkaCluster(self.home, brokers, ports=taken, seen_at=seen_at, terminal=self.terminal)
        return ElsewhereBroker(broker)

    # -- the whole --------------------------------------------------------------------------------------------------

    def start(self, step: Callable[[str], None] | None = None) -> Self:
        """Everything ready when this returns; `step` is told of each thing that is. Raises LocalError with all stopped again."""
        self._lock.take()
        try:
            self._start(step or (lambda _line: None))
        except OSError as error:
            self.stop()
            raise from_os_error(error, self.home) from error
        except BaseException:
            self.stop()
            raise
        return self

    def _start(self, step: Callable[[str], None]) -> None:
        for name in self.stop_left_over():
            step(f"stopped {name}, left over from a start that was killed")
        self._require_room()
        # Components need seconds to load and wait for the database by themselves; only a migration must come before them.
        early = not self._code and migrating.is_current(self.home)
        if early:
            self._launch_components()
        self.postgres.start()
        step(f"PostgreSQL listens on {ports.LOOPBACK}:{self.state.ports['postgres']}")
        self.broker.start()
        step(f"broker listens on {self.broker.bootstrap}")
        migrated = self.migrate()
        step(f"databases migrated: {', '.join(migrated)}" if migrated else "databases are at their newest revision")
        if not early:
            self._launch_components()
        for name in components.PACKAGES:
            self.await_ready(name)
            step(f"{name} is ready on {self.url(name)}")
        if self._simulator:
            self.start_simulator()

    def stop(self) -> None:
        """In order: simulated CRM, components, broker, PostgreSQL."""
        self._apps["simulator"].stop(timeout_s=5)
        for name in components.PACKAGES:
            self._apps[name].ask()
        for name in components.PACKAGES:
            self._apps[name].stop(timeout_s=10)
        self.broker.stop()
        self.postgres.stop()
        self._lock.release()

    def kill_all(self) -> None:
        """End every process by SIGKILL, as a power cut of the machine's memory would."""
        for name in self.names:
            self.kill(name)
        self._lock.release()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # -- one by one -------------------------------------------------------------------------------------------------

    @property
    def names(self) -> list[str]:
        """Of all processes, in the order in which they stop."""
        return [*_STOP_ORDER, *(child.name for child in self.broker.children), "postgres"]

    def child(self, name: str) -> Child:
        """The process of that name."""
        others = {child.name: child for child in (*self.broker.children, self.postgres.child)}
        try:
            return self._apps.get(name) or others[name]
        except KeyError:
            raise LocalError(f"There is no process {name!r}; there are: {', '.join(self.names)}") from None

    def url(self, name: str) -> str:
        """Base URL of a component or the simulated CRM."""
        return components.url(self.state, name)

    def logs(self, name: str) -> str:
        """What a process has said lately."""
        return self.child(name).tail(2000)

    def kill(self, name: str) -> None:
        """End a process by SIGKILL; it stays down until `restart`."""
        self.child(name).kill()

    def configure(self, name: str, env: Mapping[str, str]) -> None:
        """Replace a component's own settings on top; in force when it starts next."""
        self._env[name] = dict(env)

    def run_from(self, name: str, code: Path) -> None:
        """From its next start or command on, this component is that of another release, whose files lie in `code`."""
        self._code[name] = code
        if code == components.ROOT:
            del self._code[name]

    def restart(self, name: str, env: Mapping[str, str] | None = None, *, wait: bool = True) -> None:
        """Stop a process if it runs, then start it; `env` replaces its own settings on top. Ready when this returns."""
        if env is not None:
            self.configure(name, env)
        if name == "postgres":
            self.postgres.stop()
            self.postgres.start()
        elif name in self._apps:
            self._apps[name].stop()
            self._launch(name)
            if wait and name in components.PACKAGES:
                self.await_ready(name)
        else:
            self.child(name).stop()
            self.broker.start()

    def await_ready(self, name: str, *, timeout_s: float = READY_TIMEOUT_S) -> None:
        """Wait for 200 from /readyz; StartFailed with the end of its log when it ends or is not ready in time."""
        child = self._apps[name]
        wait_until(lambda: child.exit_status is not None or self.is_ready(name), timeout_s=timeout_s, every_s=0.05)
        if child.exit_status is not None:
            raise StartFailed(
                f"{name} ended with status {child.exit_status}: {_last_line(child)} (log: {child.log_file})"
            )
        if not self.is_ready(name):
            raise StartFailed(
                f"{name} was not ready after {timeout_s:.0f} s: {_last_line(child)} (log: {child.log_file})"
            )

    def is_ready(self, name: str) -> bool:
        """Whether a component answers /readyz with 200, or a server accepts connections."""
        if name not in components.PACKAGES:
            return (
                ports.accepts(self.state.ports[name]) if name in self.state.ports else self.child(name).pid is not None
            )
        try:
            with urllib.request.urlopen(f"{self.url(name)}/readyz", timeout=5) as answer:  # noqa: S310 - our own loopback address
                return bool(answer.status == 200)
        except (OSError, urllib.error.URLError):
            return False

    def _launch_components(self) -> None:
        for name in components.PACKAGES:
            self._launch(name)

    def _launch(self, name: str) -> None:
        ports.require_free(name, self.state.ports[name])
        if name == "simulator":
            argv = components.python("simulator", "serve", str(simulated.config_of(self.home)))
        else:
            argv = components.python(components.PACKAGES[name], "run")
        self._apps[name].start(argv, env=self.environment(name), cwd=self._code.get(name, components.ROOT))

    def environment(self, name: str) -> dict[str, str]:
        """What the process of a component is started with."""
        if name == "simulator":
            return {**os.environ, "PYTHONUNBUFFERED": "1", **components.KEEP_BYTECODE, **self._env.get(name, {})}
        base = components.environment(
            self.state, name, broker=self.broker.bootstrap, broker_settings=self.broker.settings
        )
        return {**base, **self._env.get("*", {}), **self._env.get(name, {})}

    def command(self, name: str, *arguments: str, stdin: str | None = None, timeout_s: float = 120) -> str:
        """Run a command of a component (`python -m <package> ...`) against this system and give what it printed."""
        done = subprocess.run(
            components.python(components.PACKAGES.get(name, name), *arguments),
            env=self.environment(name),
            cwd=self._code.get(name, components.ROOT),
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout_s,
        )
        if done.returncode != 0:
            said = (done.stderr.strip() or done.stdout.strip() or "it said nothing").splitlines()
            raise StartFailed(
                f"{name} {' '.join(arguments[:1])} failed with status {done.returncode}: {said[-1][:400]}"
            )
        return done.stdout

    # -- steps ------------------------------------------------------------------------------------------------------

    def empty(self, name: str) -> None:
        """Replace the database of a component that is down by one in which nothing was ever written."""
        self.postgres.sql(f'DROP DATABASE "{components.database(name)}" WITH (FORCE)')
        self.postgres.create_database(components.database(name))
        migrating.forget(self.home, name)
        self.migrate()

    def migrate(self) -> list[str]:
        """Bring each database to the revision of its component's release; names of those for which something ran."""
        elsewhere = [name for name in components.PACKAGES if name in self._code]
        for name in elsewhere:
            self.command(name, "migrate")
        urls = {name: self.postgres.url(components.database(name), owner=True) for name in components.PACKAGES}
        return elsewhere + migrating.migrate(self.home, {name: urls[name] for name in urls if name not in elsewhere})

    def start_simulator(self) -> None:
        """Start the simulated CRM; its configuration must have been written and its connections put."""
        self._launch("simulator")

    def stop_left_over(self) -> list[str]:
        """End processes of this folder that outlived the supervisor that started them; their names."""
        return [name for name, note in left_over(self.home) if pids.stop(note, by=pids.stop_signal(name))]

    def _require_room(self) -> None:
        free = shutil.disk_usage(self.home).free
        if free < _LEAST_FREE_BYTES:
            raise DiskFull(self.home, f"{free // 1_000_000} MB free, {_LEAST_FREE_BYTES // 1_000_000} MB are needed")
        for name in ("postgres", *components.PACKAGES, *(["simulator"] if self._simulator else [])):
            ports.require_free(name, self.state.ports[name])


def left_over(home: Path) -> list[tuple[str, Path]]:
    """Pid files of a folder's processes, in the order in which to stop them."""

    def rank(note: tuple[str, Path]) -> int:
        return _STOP_ORDER.index(note[0]) if note[0] in _STOP_ORDER else 50 + (note[0] == "postgres")

    return sorted(((path.stem, path) for path in (home / "run").glob("*.pid") if path.stem != "supervisor"), key=rank)


def _last_line(child: Child) -> str:
    lines = [line for line in child.tail(30).splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it said nothing"
