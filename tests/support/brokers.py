"""Real brokers for tests: the embedded one by default, Apache Kafka when FORETELL_TEST_BROKER_URL names one."""

import os
import tempfile
from pathlib import Path

import pytest

from deploy.local.broker import EmbeddedBroker
from deploy.local.children import Terminal
from deploy.local.ports import free_port

on_apache_kafka = pytest.mark.skipif(
    "FORETELL_TEST_BROKER_URL" not in os.environ,
    reason="Apache Kafka runs in the stages kafka-*; the embedded broker is another",
)


class TestBroker:
    """A broker of this test run, which can be emptied: it comes back under another cluster id without topics."""

    __test__ = False

    def __init__(self) -> None:
        self.url = os.environ.get("FORETELL_TEST_BROKER_URL", "")
        self._folder = tempfile.TemporaryDirectory(prefix="foretell-broker-")
        self._embedded: EmbeddedBroker | None = None
        if not self.url:
            self._embedded = EmbeddedBroker(Path(self._folder.name), port=free_port(), terminal=Terminal(quiet=True))
            self._embedded.start()
            self.url = self._embedded.bootstrap

    @property
    def is_embedded(self) -> bool:
        return self._embedded is not None

    def settings(self) -> dict[str, object]:
        """Settings that fit this broker."""
        if self._embedded is None:
            return {"broker_url": self.url, "consumer_assignment": "all", "broker_request_timeout_ms": 5_000}
        return {
            "broker_url": self.url,
            "broker_idempotence": False,
            "broker_fetch_wait_ms": 20,
            "consumer_assignment": "all",
            "broker_request_timeout_ms": 2_000,
        }

    def empty(self) -> None:
        """Kill the embedded broker and start it anew; everything it held is gone."""
        if self._embedded is None:
            raise RuntimeError("only the embedded broker is emptied by a restart")
        self._embedded.child.kill()
        self._embedded.start()

    def close(self) -> None:
        if self._embedded is not None:
            self._embedded.stop()
        self._folder.cleanup()
