"""`make smoke`: a fresh system on free ports; one signed change per CRM and one qualified lead must each move the forecast."""

import json
import tempfile
import time
from pathlib import Path

from deploy.local.children import Terminal
from deploy.local.errors import LocalError
from deploy.local.probe import Probe
from deploy.local.stack import Stack


def run(*, broker: str, brokers: int) -> int:
    """0 only if all moved it. The last line is one JSON object; what did not move is null in it."""
    terminal = Terminal()
    begun = time.monotonic()

    def step(line: str) -> None:
        terminal.say(f"smoke     | {time.monotonic() - begun:5.1f} s  {line}")

    moved: dict[str, float | None] = dict.fromkeys(Probe.NAMES)
    failure: LocalError | None = None
    with tempfile.TemporaryDirectory(prefix="foretell-smoke-") as folder:
        home = Path(folder)
        home.chmod(0o755)
        stack = Stack(home, ports="auto", broker=broker, brokers=brokers)
        try:
            stack.start(step)
            with Probe(stack) as probe:
                for name in Probe.NAMES:
                    moved[name] = probe.measure(name)
                    step(f"{name}: moved the forecast after {moved[name]:.0f} ms")
        except LocalError as error:
            failure = error
        finally:
            if None in moved.values():
                _show_logs(stack, terminal)
            stack.stop()
    # After the logs: whoever reads only the end of a long output must find the reason in it.
    step("stopped" if failure is None else f"stopped: {failure}")
    terminal.say(
        json.dumps(
            {"name": "smoke", **{f"{name}_ms": None if ms is None else round(ms, 1) for name, ms in moved.items()}}
        )
    )
    return 1 if None in moved.values() else 0


def _show_logs(stack: Stack, terminal: Terminal) -> None:
    for name in reversed(stack.names):
        for line in stack.child(name).tail(25).splitlines():
            terminal.of_child(name, line)
