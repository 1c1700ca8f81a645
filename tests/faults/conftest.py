"""One running system for all faults of a session, driven from outside, and the books to compare it with."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.crms import Crms
from deploy.local.stack import Stack
from tests.faults.books import Books


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """On free ports, on the embedded broker or, by FORETELL_TEST_BROKER=kafka, on an Apache Kafka of its own."""
    broker = os.environ.get("FORETELL_TEST_BROKER", "embedded")
    with tempfile.TemporaryDirectory(prefix="foretell-faults-") as folder:
        home = Path(folder)
        home.chmod(0o755)
        with Stack(home, ports="auto", broker=broker) as running:
            yield running


@pytest.fixture(scope="session")
def crms(stack: Stack) -> Iterator[Crms]:
    with Crms(stack) as connected:
        yield connected


@pytest.fixture(scope="session")
def books(crms: Crms) -> Books:
    return Books(crms)
