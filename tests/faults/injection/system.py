"""The whole system with a proxy in every connection between its processes, and what faults do to it."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from deploy.local import components
from deploy.local import state as installation
from deploy.local.children import Child
from deploy.local.components import PACKAGES
from deploy.local.kafka import KafkaCluster
from deploy.local.ports import LOOPBACK, free_port
from deploy.local.stack import Stack
from libs.common.config import CommonSettings
from tests.faults.injection.links import Network
from tests.support import disks
from tests.support.second import Second

EMBEDDED, KAFKA = "embedded", "kafka"
COMPONENTS = tuple(PACKAGES)
CRMS = "crms"
"""The sender of deliveries, and where the gateway asks records back."""


class System:
    """One running installation on `home`. Its faults are undone by `heal`; `ended` tells what ended by itself meanwhile."""

    def __init__(self, home: Path, *, broker: str) -> None:
        self.broker = broker
        self.has_small_disk = disks.mount_small(home)
        home.chmod(0o755)
        self.network = Network(self._who)
        state = installation.open_or_make(home, "auto")
        brokers = 3 if broker == KAFKA else 1
        self.network.add("postgres", state.ports["postgres"])
        for index in range(brokers):
            self.network.add(f"broker-{index + 1}", state.ports["broker"] + index)
        for name in COMPONENTS:
            self.network.add(name, state.ports[name])
        self.crm_port = free_port(set(state.ports.values()))
        self.network.add(CRMS, self.crm_port, state.ports["simulator"])
        links = self.network.links
        self.brokers = [link for name, link in links.items() if name.startswith("broker-")]
        self.stack = Stack(
            home, ports="", broker=broker, brokers=brokers, brokers_seen_at=[b.port for b in self.brokers]
        )
        self._own = {name: self._settings(name) for name in COMPONENTS}
        for name in COMPONENTS:
            self.stack.configure(name, self._own[name])
        self.seconds: list[Child] = []
        self._down: set[str] = set()

    def _settings(self, name: str) -> dict[str, str]:
        """What leads a component through the links."""
        links, state = self.network.links, self.stack.state
        password = state.app_password
        settings = {
            "FORETELL_DATABASE_URL": f"postgresql+asyncpg://foretell_app:{password}@{LOOPBACK}:{links['postgres'].port}/"
            f"{components.database(name)}",
            "FORETELL_BROKER_URL": ",".join(f"{LOOPBACK}:{link.port}" for link in self.brokers),
            **{f"FORETELL_{other.upper()}_URL": f"http://{LOOPBACK}:{links[other].port}" for other in COMPONENTS},
        }
        if self.broker == KAFKA:
            settings["FORETELL_CONSUMER_ASSIGNMENT"] = "group"
        if name == "gateway":
            settings["FORETELL_PUBLIC_URL"] = self.gateway_url
        return settings

    @property
    def gateway_url(self) -> str:
        """Where deliveries go: through the network too."""
        return f"http://{LOOPBACK}:{self.network.links['gateway'].port}"

    def settings_of(self, name: str) -> CommonSettings:
        """A component's own settings, for speaking to its broker."""
        environment = self.stack.environment(name)
        fields = {field: environment.get(f"FORETELL_{field.upper()}") for field in CommonSettings.model_fields}
        direct = {"broker_url": self.stack.broker.bootstrap}
        return CommonSettings.model_validate({k: v for k, v in fields.items() if v is not None} | direct)

    # -- processes --------------------------------------------------------------------------------------------------

    def kill(self, name: str) -> None:
        """kill -9; it stays down until `start`."""
        self._down.add(name)
        self.stack.kill(name)

    def stop(self, name: str) -> None:
        """End it in order; it stays down until `start`."""
        self._down.add(name)
        self.stack.child(name).stop()

    def start(self, name: str, *, wait: bool = True, **settings: str) -> None:
        """Stop it if it runs, and start it, with these settings on top of its own."""
        env = {**self._own[name], **settings} if name in self._own else None
        self.stack.restart(name, env=env, wait=wait)
        self._down.discard(name)

    def second(self, name: str, *roles: str) -> Child:
        """One more process of a component, with these roles; it is no longer there after `heal`."""
        child = Second(self.stack, name, *roles, number=len(self.seconds), taken=self.network.ports).child
        self.seconds.append(child)
        return child

    def sql(self, statement: str, component: str | None = None) -> str:
        """As the administrator, past the network."""
        return self.stack.postgres.sql(statement, database=components.database(component) if component else "postgres")

    def cluster(self) -> KafkaCluster:
        """The Apache Kafka cluster; only where there is one."""
        assert isinstance(self.stack.broker, KafkaCluster), "this fault needs Apache Kafka"
        return self.stack.broker

    def start_servers(self) -> None:
        """Start PostgreSQL and the broker where they do not run."""
        if self.stack.postgres.child.pid is None:
            self.stack.postgres.start()
        if any(child.pid is None for child in self.stack.broker.children):
            self.stack.broker.start()

    def heal(self) -> None:
        """Whatever a fault left standing: links flow, second processes end, everything runs."""
        self.network.heal()
        for child in self.seconds:
            child.kill()
        self.seconds.clear()
        self.start_servers()
        for name in self.ended():
            self.start(name)
        for name in COMPONENTS:
            self.stack.await_ready(name)
        self._down.clear()

    def ended(self) -> list[str]:
        """Components that do not run now."""
        return [name for name in COMPONENTS if self.stack.child(name).pid is None]

    def may_end(self, names: Iterable[str]) -> None:
        """Components that may end by themselves during this fault, where a cluster would start them again."""
        self._down.update(names)

    def ended_by_themselves(self) -> dict[str, str]:
        """Components that ended although nobody ended them, and what they said last."""
        return {name: self.stack.child(name).tail(12) for name in self.ended() if name not in self._down}

    # -- entering and leaving ---------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self.network.__enter__()
        try:
            self.stack.start()
        except BaseException:
            self.network.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.network.heal()
        for child in self.seconds:
            child.kill()
        self.stack.stop()
        self.network.__exit__(None, None, None)
        if self.has_small_disk:
            disks.unmount(self.stack.home)

    def _who(self, port: int, towards: int) -> str | None:
        """The component whose process holds the connection from that port; CRMS for this one."""
        inode = _inode(port, towards)
        if inode is None:
            return None
        processes = {CRMS: os.getpid()} | {name: self.stack.child(name).pid or 0 for name in COMPONENTS}
        seconds = [(child.name.partition("-")[0], child.pid or 0) for child in self.seconds]
        for name, pid in [*processes.items(), *seconds]:
            if pid and _holds(pid, inode):
                return name
        return None


def _inode(port: int, towards: int) -> str | None:
    wanted = (f":{port:04X}", f":{towards:04X}")
    for row in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        fields = row.split()
        if fields[1].endswith(wanted[0]) and fields[2].endswith(wanted[1]):
            return fields[9]
    return None


def _holds(pid: int, inode: str) -> bool:
    wanted = f"socket:[{inode}]"
    with suppress(OSError):
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                if str(link.readlink()) == wanted:
                    return True
    return False


@contextmanager
def running(folder: Path, *, broker: str) -> Iterator[System]:
    """A fresh system in an empty folder."""
    with System(folder, broker=broker) as system:
        yield system
