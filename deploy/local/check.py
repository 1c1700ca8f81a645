"""`make check`: what CI runs, stage by stage; stops at the first that fails, and says how long each took."""

import os
import re
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local.errors import LocalError
from deploy.local.kafka import KafkaCluster

ROOT = Path(__file__).resolve().parents[2]
AIM_S = 30 * 60
LIMIT_S = 84 * 60
"""Far over the aim: the same machine is up to twice as slow from one minute to the next, and a late run is still a run."""
ENDING_S = 60
"""What tests may take to end what they started, when they are interrupted."""
_MARK = "FORETELL_CHECK"
"""In the environment of everything that a stage starts, directly or not: by it what was left running is known for its own."""
_COUNT = re.compile(r"(\d+) (passed|failed|errors?|skipped)\b")
_PYTEST = ("-m", "pytest", "-q", "--no-header", "-rfEs")


@dataclass(frozen=True)
class Stage:
    """Commands that belong together; all must exit with 0."""

    name: str
    commands: tuple[tuple[str, ...], ...]
    env: dict[str, str] = field(default_factory=dict)
    on_kafka: bool = False
    """With an Apache Kafka of its own, which FORETELL_TEST_BROKER_URL names to the tests."""


@dataclass(frozen=True)
class Counts:
    """Tests as pytest counted them, or commands where there are no tests."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)

    def line(self) -> str:
        """The closing line of the whole run."""
        return f"{self.passed} passed, {self.failed} failed" + (f", {self.skipped} skipped" if self.skipped else "")


def python(*arguments: str) -> tuple[str, ...]:
    """A command of this installation's Python."""
    return (sys.executable, *arguments)


def tool(name: str, *arguments: str) -> tuple[str, ...]:
    """A program that the development lock installs."""
    return (str(Path(sys.executable).with_name(name)), *arguments)


def pytest_on(folder: str, *options: str) -> tuple[str, ...]:
    """The tests of a folder; collecting none is a failure, as pytest's own exit status 5 says."""
    return python(*_PYTEST, *options, folder)


STAGES = (
    Stage(
        "static",
        (
            tool("ruff", "check", "."),
            tool("ruff", "format", "--check", "."),
            tool("mypy"),
            tool("lint-imports", "--no-cache"),
            tool("deptry", "."),
            pytest_on("tests/architecture"),
        ),
    ),
    Stage("unit", (pytest_on("tests/unit", "-n", "2"),)),
    Stage("deploy", (pytest_on("tests/contract"),)),
    Stage("integration", (pytest_on("tests/integration", "-n", "2"),)),
    Stage("smoke", (python("-m", "deploy.local", "smoke"),)),
    Stage("dashboards", (python("-m", "deploy.local", "check-dashboards"),)),
    # Two systems side by side: what shares one runs in one worker, in the order in which it was collected.
    Stage(
        "e2e",
        (pytest_on("tests/e2e", "-n", "2", "--dist", "loadfile", "--no-loadscope-reorder", "--durations=15"),),
    ),
    Stage("faults", (pytest_on("tests/faults"),)),
    Stage("check-crm", (python("-m", "deploy.local", "check-crm", "--deliveries", "5000"),)),
    Stage("bench", (pytest_on("tests/bench"),)),
    # The other integration tests meet no broker: on Apache Kafka they would show nothing that the stage above has not.
    Stage("kafka-integration", (pytest_on("tests/integration/messaging", "-n", "2"),), on_kafka=True),
    Stage("kafka-smoke", (python("-m", "deploy.local", "smoke"),), {"BROKER": "kafka"}),
    Stage("kafka-faults", (pytest_on("tests/faults"),), {"FORETELL_TEST_BROKER": "kafka"}),
)
# Faults on Apache Kafka take longer than CI has; `make test-kafka` runs them.
IN_CI = tuple(stage.name for stage in STAGES if stage.name != "kafka-faults")


def counts_in(output: str) -> Counts:
    """The sum of pytest's closing lines in what commands printed."""
    total = Counts()
    for line in output.splitlines():
        if not re.search(r" in \d+(\.\d+)?s\b", line):
            continue
        for number, what in _COUNT.findall(line):
            kind = "failed" if what.startswith("error") else what
            total += Counts(**{kind: int(number)})
    return total


def summary(minutes: Sequence[tuple[str, float]], failed_at: str | None) -> list[str]:
    """A line per stage that ran, then the verdict."""
    lines = [f"  {name:<18} {taken:5.1f} min" for name, taken in minutes]
    lines.append(f"  {'all':<18} {sum(taken for _, taken in minutes):5.1f} min")
    if failed_at:
        lines.append(f"  stopped at {failed_at}; the stages after it did not run")
    return lines


@contextmanager
def environment_of(stage: Stage) -> Iterator[dict[str, str]]:
    """The environment of its commands, with the broker it asks for running meanwhile."""
    if not stage.on_kafka:
        yield {**os.environ, **stage.env}
        return
    with tempfile.TemporaryDirectory(prefix="foretell-kafka-") as folder:
        cluster = KafkaCluster(Path(folder))
        try:
            cluster.start()
            yield {**os.environ, **stage.env, "FORETELL_TEST_BROKER_URL": cluster.bootstrap}
        finally:
            cluster.stop()


@contextmanager
def nothing_left_running() -> Iterator[dict[str, str]]:
    """A mark for the environment of what is started; whatever still has it at the end is killed, as nobody ends it any more.

    Workers of an interrupted test run are ended in the middle of what they do, and leave the systems that they started.
    """
    mark = secrets.token_hex(16)
    try:
        yield {_MARK: mark}
    finally:
        for environment in Path("/proc").glob("[0-9]*/environ"):
            with suppress(OSError):
                if f"{_MARK}={mark}".encode() in environment.read_bytes():
                    os.kill(int(environment.parent.name), signal.SIGKILL)


def run_stage(stage: Stage, *, until: float) -> tuple[bool, Counts]:
    """Run its commands up to the first that fails; a command that still runs at `until` is ended and has failed."""
    try:
        with environment_of(stage) as env, nothing_left_running() as mark:
            return _run_commands(stage, env | mark, until)
    except LocalError as error:
        print(f"{stage.name}: {error}", flush=True)
        return False, Counts(failed=1)


def _run_commands(stage: Stage, env: dict[str, str], until: float) -> tuple[bool, Counts]:
    counts = Counts()
    for command in stage.commands:
        shown = " ".join(str(Path(part).name) if index == 0 else part for index, part in enumerate(command))
        print(f"== {stage.name}: {shown}", flush=True)
        status, output = _run(command, env, until)
        found = counts_in(output)
        good = status == 0
        # A command without tests counts as one.
        if found == Counts():
            found = Counts(passed=int(good), failed=int(not good))
        elif not good and not found.failed:
            found += Counts(failed=1)
        counts += found
        if not good:
            return False, counts
    return True, counts


def _run(command: Sequence[str], env: dict[str, str], until: float) -> tuple[int, str]:
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        # Interrupted, not terminated: tests end what they started. What does not hear that is ended all the same.
        left_s = max(0.1, until - time.monotonic())
        timers = (
            threading.Timer(left_s, process.send_signal, (signal.SIGINT,)),
            threading.Timer(left_s + ENDING_S, process.kill),
        )
        for timer in timers:
            timer.start()
        output = []
        try:
            for line in process.stdout or ():
                output.append(line)
                print(line, end="", flush=True)
            return process.wait(), "".join(output)
        except SystemExit:
            process.send_signal(signal.SIGINT)
            raise
        finally:
            for timer in timers:
                timer.cancel()
            with suppress(subprocess.TimeoutExpired):
                process.wait(ENDING_S)
            process.kill()


def main(names: Sequence[str]) -> int:
    """Run the named stages, or all that CI runs; 0 when all passed within the time CI has."""
    known = {stage.name: stage for stage in STAGES}
    unknown = [name for name in names if name not in known]
    if unknown:
        print(f"no stage {', '.join(unknown)}; there are: {', '.join(known)}")
        return 2
    begun = time.monotonic()
    minutes: list[tuple[str, float]] = []
    total, failed_at = Counts(), None
    if not names:
        os.environ.setdefault("FORETELL_FAULT_VICTIMS", "5")
    for name in names or IN_CI:
        started = time.monotonic()
        good, counts = run_stage(known[name], until=begun + LIMIT_S)
        total += counts
        minutes.append((name, (time.monotonic() - started) / 60))
        if not good:
            failed_at = name
            break
    taken = time.monotonic() - begun
    over = taken >= LIMIT_S
    print()
    print("\n".join(summary(minutes, failed_at)))
    if AIM_S <= taken < LIMIT_S:
        print(f"  longer than the {AIM_S // 60} minutes that it should take")
    if over:
        print(f"  over {LIMIT_S // 60} minutes, which fails the run")
        total += Counts(failed=0 if total.failed else 1)
    print(total.line(), flush=True)
    return 1 if failed_at or over else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main(sys.argv[1:]))
