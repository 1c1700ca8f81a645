"""Servers of a test run: a broker of the kind the run is about, and folders that every server's user can reach.

`FORETELL_TEST_BROKER=kafka` runs the same tests on Apache Kafka.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deploy.local.broker import Broker, EmbeddedBroker
from deploy.local.children import Terminal
from deploy.local.kafka import KafkaCluster
from deploy.local.ports import free_port


def broker_kind() -> str:
    """`embedded` or `kafka`."""
    return os.environ.get("FORETELL_TEST_BROKER", "embedded")


@contextmanager
def reachable_folder() -> Iterator[Path]:
    """A temporary folder that PostgreSQL's user can enter; pytest's own are closed to it."""
    with tempfile.TemporaryDirectory(prefix="foretell-test-") as folder:
        path = Path(folder)
        path.chmod(0o755)
        yield path


@contextmanager
def running_broker(brokers: int = 1) -> Iterator[Broker]:
    """A broker with nothing in it, of the kind of this run; stopped by its process id at the end."""
    with reachable_folder() as home:
        terminal = Terminal(quiet=True)
        broker: Broker
        if broker_kind() == "kafka":
            broker = KafkaCluster(home, brokers, terminal=terminal)
        else:
            broker = EmbeddedBroker(home, port=free_port(), terminal=terminal)
        broker.start()
        try:
            yield broker
        finally:
            broker.stop()


def broker_settings(broker: Broker) -> dict[str, Any]:
    """Keyword arguments of a component's settings that fit the broker."""
    named = {name.removeprefix("FORETELL_").lower(): value for name, value in broker.settings.items()}
    return {"broker_url": broker.bootstrap, **named}
