"""Which ports the system listens on."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from deploy.local import ports
from deploy.local.errors import LocalError, PortTaken

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def listener():
    with socket.socket() as server:
        server.bind((ports.LOOPBACK, 0))
        server.listen()
        yield server.getsockname()[1]


def test_the_documented_ports_hold_until_some_are_chosen():
    chosen = ports.parse("gateway=9090, postgres=55433", ports.DEFAULT_PORTS)

    assert chosen["gateway"] == 9090
    assert chosen["postgres"] == 55433
    assert {name: chosen[name] for name in chosen if name not in ("gateway", "postgres")} == {
        name: port for name, port in ports.DEFAULT_PORTS.items() if name not in ("gateway", "postgres")
    }


@pytest.mark.parametrize("text", ["gateway", "gateway=", "gateway=0", "gateway=65536", "gatewy=9090", "gateway=x"])
def test_a_choice_of_ports_that_is_not_understood_says_where_and_how_to_write_it(text):
    with pytest.raises(LocalError, match="is not understood at") as raised:
        ports.parse(text, ports.DEFAULT_PORTS)

    assert "gateway=9090" in str(raised.value)


def test_free_ports_are_all_different_and_free():
    chosen = ports.parse("auto", ports.DEFAULT_PORTS)

    assert set(chosen) == set(ports.DEFAULT_PORTS)
    assert len(set(chosen.values())) == len(chosen)
    assert all(ports.is_free(port) for port in chosen.values())


def test_systems_that_start_at_the_same_moment_choose_different_ports(tmp_path):
    first = ports.free_port()
    choose = (
        "from deploy.local import ports;"
        f"ports._AUTO_RANGE = range({first}, {first} + 80);"
        "chosen = ports.free_ports();"
        "print(*chosen.values(), chosen['broker'] + 1, chosen['broker'] + 2)"
    )
    starting = [
        subprocess.Popen(
            [sys.executable, "-c", choose],
            cwd=ROOT, env={"TMPDIR": str(tmp_path)}, stdout=subprocess.PIPE, text=True,
        )
        for _ in range(3)
    ]  # fmt: skip
    chosen = [port for each in starting for port in each.communicate(timeout=60)[0].split()]

    assert len(chosen) == 3 * (len(ports.DEFAULT_PORTS) + 2)
    assert len(set(chosen)) == len(chosen)


@pytest.mark.parametrize(
    ("noted_ns_ago", "is_chosen"), [(0, False), (10**9, False), (ports.CHOSEN_NS, True), (-(10**9), True)]
)
def test_a_choice_is_forgotten_when_its_start_is_over(tmp_path, monkeypatch, noted_ns_ago, is_chosen):
    port = ports.free_port()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(ports, "_AUTO_RANGE", range(port, port + 1))
    note = tmp_path / f"foretell-ports-{os.geteuid()}"
    note.write_text(f"{port} {time.monotonic_ns() - noted_ns_ago}\n")

    if is_chosen:
        assert ports.free_port() == port
    else:
        with pytest.raises(LocalError, match="No free port"):
            ports.free_port()


def test_without_a_folder_for_notes_a_port_is_chosen_all_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))

    assert ports.is_free(ports.free_port())


def test_a_taken_port_is_named_with_who_holds_it_and_how_to_choose_another(listener):
    assert not ports.is_free(listener)
    assert ports.accepts(listener)

    with pytest.raises(PortTaken) as raised:
        ports.require_free("gateway", listener)

    line = str(raised.value)
    assert str(listener) in line
    assert f"(pid {os.getpid()})" in line
    assert "PORTS=gateway=<port>" in line
    assert "\n" not in line


def test_nobody_holds_a_free_port():
    port = ports.free_port()

    assert ports.holder(port) is None
    ports.require_free("gateway", port)
