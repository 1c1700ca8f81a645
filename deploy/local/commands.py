"""What the other targets of the Makefile do with a state folder: stop, status, reset, import, kafka."""

import shutil
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

from deploy.local import components, pids, ports
from deploy.local import state as installation
from deploy.local.children import Terminal
from deploy.local.errors import LocalError, NotRunning, from_os_error
from deploy.local.kafka import KafkaCluster, version
from deploy.local.lock import FolderLock
from deploy.local.stack import left_over
from deploy.local.waiting import wait_until

_STOP_TIMEOUT_S = 60.0


def stop(home: Path) -> bool:
    """Stop the system of a folder in order, also what a killed supervisor left. True when something ran."""
    note = FolderLock.note_of(home)
    pid = pids.alive(note)
    if pid is not None:
        pids.ask(note)
        if not wait_until(lambda: pids.alive(note) is None, timeout_s=_STOP_TIMEOUT_S, every_s=0.05):
            pids.stop(note, timeout_s=0)
    ended = [name for name, path in left_over(home) if pids.stop(path, by=pids.stop_signal(name))]
    print("stopped" if pid is not None or ended else "nothing was running")
    return pid is not None or bool(ended)


def status(home: Path) -> bool:
    """Print a line per process; True when everything that belongs to a running system is there and ready."""
    state = installation.read(home)
    if state is None:
        print(f"no Foretell in {home} yet; start it: make run")
        return False
    print(f"{'process':<12}{'pid':>8}  {'port':>6}  {'ready':<6} uptime")
    names = ["postgres", *(_brokers(home)), *components.PACKAGES, "simulator"]
    good = True
    for name in names:
        note = home / "run" / f"{name}.pid"
        pid = pids.alive(note)
        port = state.ports.get(name)
        ready = pid is not None and _is_ready(name, port)
        good &= ready or (name == "simulator" and pid is None)
        uptime = _spoken(pids.uptime_s(note)) if pid is not None else "-"
        print(f"{name:<12}{pid or '-':>8}  {port or '-':>6}  {'yes' if ready else 'no':<6} {uptime}")
    return good


def _brokers(home: Path) -> list[str]:
    return sorted(path.stem for path in (home / "run").glob("broker*.pid")) or ["broker"]


def _is_ready(name: str, port: int | None) -> bool:
    if port is None:
        return True
    if name not in components.PACKAGES:
        return ports.accepts(port)
    try:
        with urllib.request.urlopen(f"http://{ports.LOOPBACK}:{port}/readyz", timeout=3) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _spoken(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"


def reset(home: Path, *, yes: bool) -> None:
    """Stop, then delete the state folder's content; asks unless `yes`."""
    if not home.exists():
        print(f"no state in {home}")
        return
    known = {"foretell.json", "postgres", "run", "logs", "backtest"}
    if not any((home / name).exists() for name in known) and any(home.iterdir()):
        raise LocalError(f"{home} holds other things than Foretell's state, nothing was deleted; check FORETELL_HOME")
    if not yes:
        if not sys.stdin.isatty():
            raise LocalError(
                "make reset deletes all state and asks before; without a terminal say so: make reset YES=1"
            )
        if input(f"Delete all of Foretell's state in {home}? [y/N] ").strip().lower() not in ("y", "yes"):
            print("nothing was deleted")
            return
    stop(home)
    try:
        for entry in home.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
    except OSError as error:
        raise from_os_error(error, home) from None
    print(f"deleted the state in {home}")


def import_file(home: Path, file: str, mapping: str, *, dry_run: bool) -> int:
    """Import into the running system; the importer's own exit status."""
    if not file or not mapping:
        raise LocalError(
            "Say what to import and how to read it: make import FILE=<csv[.gz] or folder> MAPPING=<yaml> [DRY_RUN=1]"
        )
    if not Path(file).exists():
        raise LocalError(f"{file} does not exist")
    state = installation.read(home)
    if state is None or not (dry_run or ports.accepts(state.ports["postgres"])):
        raise NotRunning("PostgreSQL")
    argv = components.python("gateway", "import", file, "--mapping", mapping, *(["--dry-run"] if dry_run else []))
    environment = components.environment(
        state, "gateway", broker=f"{ports.LOOPBACK}:{state.ports['broker']}", broker_settings={}
    )
    return subprocess.run(argv, env=environment, cwd=components.ROOT, check=False).returncode


def state_hash(home: Path) -> int:
    """Print one JSON line per component of the running system; the first exit status that is not 0."""
    state = installation.read(home)
    if state is None or not ports.accepts(state.ports["postgres"]):
        raise NotRunning("PostgreSQL")
    for name, package in components.PACKAGES.items():
        environment = components.environment(state, name, broker="", broker_settings={})
        done = subprocess.run(
            components.python(package, "state-hash"), env=environment, cwd=components.ROOT, check=False
        )
        if done.returncode:
            return done.returncode
    return 0


def kafka(home: Path, *, brokers: int) -> None:
    """Run Apache Kafka alone until Ctrl-C."""
    terminal = Terminal()
    home.mkdir(parents=True, exist_ok=True)
    first = ports.DEFAULT_PORTS["broker"]
    cluster = KafkaCluster(home, brokers, ports=[first + index for index in range(brokers)], terminal=terminal)
    try:
        cluster.start()
        terminal.say(
            f"Apache Kafka {version()} listens on {cluster.bootstrap} - use it: make run BROKER_URL={cluster.bootstrap}; Ctrl-C stops it"
        )
        threading.Event().wait()
    finally:
        cluster.stop()
