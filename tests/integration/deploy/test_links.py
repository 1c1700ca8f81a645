"""The proxy between processes does to connections what a network does."""

import socket
import socketserver
import threading
from collections.abc import Iterator

import pytest

from deploy.local.ports import LOOPBACK
from deploy.local.waiting import wait_until
from tests.faults.injection.links import EVERYBODY, Condition, Link, Network

HEARD_S = 5.0
NOT_HEARD_S = 0.3


class Echo(socketserver.BaseRequestHandler):
    """Answers with what it is told, and keeps it."""

    def handle(self) -> None:
        while data := self.request.recv(1024):
            self.server.heard.append(data)  # type: ignore[attr-defined]
            self.request.sendall(data)


@pytest.fixture
def server() -> Iterator[socketserver.ThreadingTCPServer]:
    with socketserver.ThreadingTCPServer((LOOPBACK, 0), Echo) as running:
        running.daemon_threads = True
        running.heard = []  # type: ignore[attr-defined]
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


@pytest.fixture
def link(server: socketserver.ThreadingTCPServer) -> Iterator[Link]:
    network = Network(lambda port, towards: "deals")
    made = network.add("echo", server.server_address[1])
    with network:
        yield made


@pytest.fixture
def line(link: Link) -> Iterator[socket.socket]:
    with socket.create_connection((LOOPBACK, link.port), timeout=HEARD_S) as opened:
        assert _asked(opened, b"first") == b"first"
        yield opened


def _asked(line: socket.socket, question: bytes, timeout_s: float = HEARD_S) -> bytes:
    line.settimeout(timeout_s)
    line.sendall(question)
    return line.recv(1024)


@pytest.mark.parametrize("caller", ["deals", EVERYBODY])
def test_a_cut_link_resets_connections_and_refuses_new_ones_until_it_is_healed(
    link: Link, line: socket.socket, caller: str
) -> None:
    link.put(Condition.CUT, caller)
    with pytest.raises(ConnectionResetError):
        line.recv(1024)
    with (
        pytest.raises(ConnectionResetError),
        socket.create_connection((LOOPBACK, link.port), timeout=HEARD_S) as other,
    ):
        _asked(other, b"anybody?")
    link.heal()
    with socket.create_connection((LOOPBACK, link.port), timeout=HEARD_S) as other:
        assert _asked(other, b"again") == b"again"


def test_a_silent_link_holds_what_is_said_and_hands_it_over_afterwards(link: Link, line: socket.socket) -> None:
    link.put(Condition.SILENT)
    with pytest.raises(TimeoutError):
        _asked(line, b"anybody?", NOT_HEARD_S)
    link.heal()
    line.settimeout(HEARD_S)
    assert line.recv(1024) == b"anybody?"


def test_a_mute_link_passes_the_question_and_loses_the_answer(
    link: Link, line: socket.socket, server: socketserver.ThreadingTCPServer
) -> None:
    link.put(Condition.MUTE)
    with pytest.raises(TimeoutError):
        _asked(line, b"commit", NOT_HEARD_S)
    assert wait_until(lambda: b"commit" in server.heard, timeout_s=HEARD_S)  # type: ignore[attr-defined]
    link.heal()
    line.settimeout(HEARD_S)
    with pytest.raises(ConnectionResetError):
        line.recv(1024)


def test_a_fault_of_one_caller_leaves_the_others_alone(link: Link, line: socket.socket) -> None:
    link.put(Condition.CUT, "forecast")
    assert _asked(line, b"here") == b"here"
