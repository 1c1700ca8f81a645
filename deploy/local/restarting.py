"""`make bench-restart`: kill -9 of everything under load, then `make run` again: how long until the pages are ready.

What is measured: from the start of the command to the first answers of the gateway, to the forecast's Call as it was before
(so that a ready page is one with its numbers), and to the last component's readiness.
"""

import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from deploy.local import components
from deploy.local.crms import Crms
from deploy.local.errors import StartFailed
from deploy.local.stack import Stack
from deploy.local.traffic import Traffic
from deploy.local.waiting import wait_until

CHANGES = 200
READY_S = 60.0
AT_REST_S = 60.0
_CALL = "/api/v1/forecast/rollup"

Say = Callable[[str], None]


def run(*, broker: str, brokers: int, say: Say) -> dict[str, Any]:
    """Start a system of its own, load it, kill it, start it by its command; the figures, as the last line gives them."""
    with tempfile.TemporaryDirectory(prefix="foretell-restart-") as folder:
        home = Path(folder)
        home.chmod(0o755)
        stack = Stack(home, ports="auto", broker=broker, brokers=brokers)
        stack.start()
        try:
            with Crms(stack) as crms:
                Traffic(crms).send(CHANGES)
                before = _at_rest(crms.http, CHANGES)
                traffic = Traffic(crms, seed=2, start=CHANGES)
                traffic.send(CHANGES)
                stack.kill_all()
                say("everything is killed; starting again")
                return {"name": "restart"} | _start_again(stack, crms.http, before, broker, brokers)
        finally:
            stack.stop()


def _start_again(stack: Stack, http: httpx.Client, before: dict[str, Any], broker: str, brokers: int) -> dict[str, Any]:
    """Milliseconds from the start of `make run`'s command to each readiness, with nothing of what was taken lost."""
    env = {
        **os.environ,
        "FORETELL_HOME": str(stack.home),
        "SIMULATOR": "off",
        "BROKER": broker,
        "BROKERS": str(brokers),
        "PORTS": "",
    }
    begun = time.monotonic()

    def since() -> float:
        return round((time.monotonic() - begun) * 1000, 1)

    with subprocess.Popen(
        components.python("deploy.local", "up"),
        cwd=components.ROOT,
        env=env,
        stdout=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
    ) as process:
        try:
            found: dict[str, Any] = {}
            _wait(lambda: stack.is_ready("gateway"), "the gateway was not ready")
            found["gateway_ms"] = since()
            _wait(lambda: _count(http) >= _total(before), "the Call did not show what it showed before")
            found["pages_ms"] = since()
            _wait(lambda: all(stack.is_ready(name) for name in components.PACKAGES), "a component was not ready")
            found["all_ms"] = since()
            found["deals"] = _total(_at_rest(http, 2 * CHANGES))
            return found
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=60)


def _wait(condition: Callable[[], bool], otherwise: str) -> None:
    if not wait_until(condition, timeout_s=READY_S, every_s=0.02):
        raise StartFailed(f"{otherwise} within {READY_S:.0f} s")


def _at_rest(http: httpx.Client, deals: int) -> dict[str, Any]:
    """The roll-up once it holds so many deals. Raises StartFailed when it never does."""
    if not wait_until(lambda: _count(http) >= deals, timeout_s=AT_REST_S, every_s=0.1):
        raise StartFailed(f"the forecast holds {_count(http)} of {deals} deals after {AT_REST_S:.0f} s")
    return _reading(http)


def _reading(http: httpx.Client) -> dict[str, Any]:
    answer = http.get(_CALL, params={"by": "region"})
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()
    return found


def _count(http: httpx.Client) -> int:
    try:
        return _total(_reading(http))
    except httpx.HTTPError:
        return -1


def _total(reading: dict[str, Any]) -> int:
    """All deals of a roll-up, in its lines and beside them."""
    totals = reading["totals"]
    return int(totals["total"]["count"] + sum(each["count"] for each in totals["beside"].values()))


def main(*, broker: str, brokers: int) -> int:
    """Print the figures; the last line is one JSON object."""
    figures = run(broker=broker, brokers=brokers, say=lambda line: print(f"restart   | {line}", flush=True))
    print(json.dumps(figures), flush=True)
    return 0
