"""`make run`: start everything, keep it running, stop it in order."""

import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from deploy.local import simulated
from deploy.local.children import Child, Terminal
from deploy.local.errors import LocalError
from deploy.local.stack import Stack

_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 10.0
_HEALTHY_AFTER_S = 30.0
_LOW_DISK_BYTES = 100_000_000


class Stopped(BaseException):
    """Ctrl-C or SIGTERM. Not an Exception, so that nothing on the way takes it for a failure."""


class Watch(threading.Thread):
    """Restarts what crashes: at once the first time, then ever later while it goes on crashing."""

    def __init__(self, stack: Stack) -> None:
        super().__init__(name="watch", daemon=True)
        self._stack = stack
        self._ending = threading.Event()
        self._pause_s: dict[str, float] = {}
        self._due: dict[str, float] = {}
        self._since: dict[str, float] = {}
        self._disk_was_low = False

    def end(self) -> None:
        """Stop watching; a restart that is under way is finished first."""
        self._ending.set()
        if self.is_alive():
            self.join(timeout=30)

    def run(self) -> None:
        """Look at every process ten times a second."""
        while not self._ending.wait(0.1):
            for name in reversed(self._stack.names):
                self._look_at(name, self._stack.child(name))
            self._look_at_disk()

    def _look_at(self, name: str, child: Child) -> None:
        now = time.monotonic()
        if child.exit_status is None:
            if now - self._since.setdefault(name, now) > _HEALTHY_AFTER_S:
                self._pause_s.pop(name, None)
            return
        if name not in self._due:
            pause_s = self._pause_s.get(name, _FIRST_PAUSE_S)
            self._pause_s[name] = min(pause_s * 2, _LONGEST_PAUSE_S)
            self._due[name] = now + pause_s
            self._stack.terminal.say(
                f"{name} ended ({_how(child.exit_status)}); it is started again in {pause_s:.1f} s"
            )
        elif now >= self._due[name]:
            del self._due[name]
            self._since[name] = now
            try:
                self._stack.restart(name, wait=False)
            except (LocalError, OSError) as error:
                self._stack.terminal.say(f"{name} could not be started again: {error}")

    def _look_at_disk(self) -> None:
        free = shutil.disk_usage(self._stack.home).free
        if free < _LOW_DISK_BYTES and not self._disk_was_low:
            self._stack.terminal.say(
                f"The disk of {self._stack.home} is nearly full ({free // 1_000_000} MB free): CRMs are told to send again until there is room"
            )
        self._disk_was_low = free < _LOW_DISK_BYTES


def _how(status: int) -> str:
    if status < 0:
        with suppress(ValueError):
            return f"by {signal.Signals(-status).name}"
    return f"status {status}"


def up(home: Path, *, ports: str, broker: str, brokers: int, simulator: bool) -> None:
    """Run until Ctrl-C or SIGTERM. Raises LocalError when something does not start; then all is stopped again."""
    begun = time.monotonic()
    terminal = Terminal()

    def step(line: str) -> None:
        terminal.say(f"foretell  | {time.monotonic() - begun:5.1f} s  {line}")

    with _signals_raise():
        stack = Stack(home, ports=ports, broker=broker, brokers=brokers, terminal=terminal)
        watch = Watch(stack)
        try:
            step(f"state in {stack.home}")
            stack.start(step)
            watch.start()
            if simulator:
                _start_simulated_crm(stack, step)
            link = stack.command("gateway", "sign-in-link").strip().splitlines()[-1]
            step(f"Foretell runs at {stack.url('gateway')} - Ctrl-C stops it")
            step(f"sign in once by {link}")
            threading.Event().wait()
        except Stopped:
            _ignore_signals()
            terminal.say("")
            step("stopping")
        finally:
            _ignore_signals()
            watch.end()
            stack.stop()
        step("stopped")


def _start_simulated_crm(stack: Stack, step: Callable[[str], None]) -> None:
    simulated.write_configuration(stack)
    if simulated.put_connections(stack):
        step("connections of the simulated CRM are known to the gateway")
    if not simulated.history_is_imported(stack.home):
        step("importing the history of the simulated company, this once")
        simulated.import_history(stack)
        step("history imported")
    stack.start_simulator()
    step(f"the simulated CRM sends {simulated.RATE_PER_S} changes a second (SIMULATOR=off runs without it)")


@contextmanager
def _signals_raise() -> Iterator[None]:
    def stop(_number: int, _frame: FrameType | None) -> None:
        raise Stopped

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _ignore_signals() -> None:
    """While stopping, a second Ctrl-C must not cut the order short."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def broker_choice() -> str:
    """What BROKER and BROKER_URL ask for."""
    url, name = os.environ.get("BROKER_URL", ""), os.environ.get("BROKER", "") or "embedded"
    if url:
        return url
    if name not in ("embedded", "kafka"):
        raise LocalError(
            f"BROKER={name!r} is not known; write embedded or kafka, or name a cluster: BROKER_URL=host:port"
        )
    return name
