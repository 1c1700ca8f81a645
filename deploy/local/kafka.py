"""Apache Kafka on this machine: fetched by Maven into .tools/kafka, run in KRaft mode on loopback, one broker or several."""

import os
import re
import shutil
import socket
import ssl
import struct
import subprocess
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy.local.children import Child, Terminal
from deploy.local.errors import LocalError, NotServed, StartFailed
from deploy.local.ports import LOOPBACK, free_port, require_free
from deploy.local.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
POM = Path(__file__).with_name("kafka-pom.xml")
JAVA = 17
_LOG4J = """\
status = warn
appenders = console
appender.console.type = Console
appender.console.name = out
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %p %m (%c{1})%n
rootLogger.level = warn
rootLogger.appenderRefs = out
rootLogger.appenderRef.out.ref = out
logger.started.name = kafka.server.KafkaRaftServer
logger.started.level = info
"""


def version() -> str:
    """The version that kafka-pom.xml pins."""
    found = re.search(r"<kafka\.version>([^<]+)<", POM.read_text(encoding="utf-8"))
    if found is None:
        raise LocalError(f"{POM} names no kafka.version")
    return found[1]


def fetch(terminal: Terminal) -> Path:
    """The folder of Kafka's jars, fetched once per content of the pom. NotServed when no registry in reach has them."""
    folder = ROOT / ".tools" / "kafka" / version()
    stamp = folder / "pom.xml"
    if stamp.exists() and stamp.read_bytes() == POM.read_bytes():
        return folder / "libs"
    for program, what in (("java", f"Java {JAVA}"), ("mvn", "Maven")):
        if shutil.which(program) is None:
            raise LocalError(f"Apache Kafka needs {what}; install it (Debian: openjdk-{JAVA}-jre-headless, maven)")
    terminal.say(f"fetching Apache Kafka {version()} by Maven")
    fresh = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    done = subprocess.run(
        [
            "mvn",
            "-q",
            "-B",
            "-f",
            str(POM),
            "dependency:copy-dependencies",
            "-DincludeScope=runtime",
            f"-DoutputDirectory={fresh / 'libs'}",
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    if done.returncode != 0 or not list(fresh.glob(f"libs/kafka_*-{version()}.jar")):
        why = next(
            (line for line in done.stdout.splitlines() if "ERROR" in line),
            done.stderr.strip()[:200] or "no reason given",
        )
        raise NotServed(f"Apache Kafka {version()} was not run: no registry in reach serves it ({why[:300]})")
    shutil.rmtree(folder, ignore_errors=True)
    fresh.rename(folder)
    shutil.copyfile(POM, stamp)
    return folder / "libs"


class KafkaCluster:
    """Brokers that are also controllers. Data survives `kill` and `stop`; `start` starts those that do not run."""

    def __init__(
        self,
        directory: Path,
        brokers: int = 1,
        *,
        ports: list[int] | None = None,
        seen_at: Sequence[int] = (),
        secured: Mapping[str, str] | None = None,
        terminal: Terminal | None = None,
    ) -> None:
        """Of a directory, a number of brokers and where they listen.

        `seen_at`: the ports that clients are told of, where something stands between them and the brokers. `secured`: properties of Kafka for a listener of clients that speaks TLS, such as its
        keystore; else it is open.
        """
        self._home = directory
        self._secured = secured
        self._terminal = terminal or Terminal(quiet=True)
        self._libs = Path()
        self._ports = list(ports or [])
        while len(self._ports) < brokers:
            self._ports.append(free_port(set(self._ports)))
        self._seen_at = list(seen_at or self._ports)
        self._controllers: list[int] = []
        while len(self._controllers) < brokers:
            self._controllers.append(free_port({*self._ports, *self._controllers}))
        names = ["broker"] if brokers == 1 else [f"broker-{i + 1}" for i in range(brokers)]
        self.children = [Child(name, directory, self._terminal) for name in names]

    @property
    def bootstrap(self) -> str:
        """Comma separated host:port of every broker."""
        return ",".join(f"{LOOPBACK}:{port}" for port in self._ports)

    @property
    def settings(self) -> dict[str, str]:
        """Environment of the components: everything Kafka can do is on."""
        return {
            "FORETELL_BROKER_IDEMPOTENCE": "true",
            "FORETELL_BROKER_FETCH_WAIT_MS": "100",
            "FORETELL_CONSUMER_ASSIGNMENT": "all",
            "FORETELL_TOPIC_REPLICATION": str(len(self._ports)),
        }

    def start(self, *, timeout_s: float = 60.0) -> None:
        """All brokers serve when this returns."""
        self._libs = fetch(self._terminal)
        for index in range(len(self.children)):
            self._start_one(index)
        for index, child in enumerate(self.children):
            self._await(index, child, timeout_s)

    def start_one(self, index: int, *, timeout_s: float = 60.0) -> None:
        """Start a broker that was killed."""
        self._start_one(index)
        self._await(index, self.children[index], timeout_s)

    def stop(self) -> None:
        """Shutdown of every broker at once: the last one of a cluster would wait in vain for the others."""
        for child in self.children:
            child.ask()
        for child in self.children:
            child.stop(timeout_s=10)

    def kill(self, index: int) -> None:
        """End a broker by SIGKILL; its data stays."""
        self.children[index].kill()

    def _start_one(self, index: int) -> None:
        child = self.children[index]
        if child.pid is not None:
            return
        require_free(child.name, self._ports[index])
        folder = self._home / "kafka" / str(index)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "log4j2.properties").write_text(_LOG4J, encoding="ascii")
        properties = folder / "server.properties"
        properties.write_text(self._properties(index, folder / "data"), encoding="utf-8")
        if not (folder / "data" / "meta.properties").exists():
            argv = self._java("kafka.tools.StorageTool", folder, heap="128m")
            done = subprocess.run(
                [*argv, "format", f"--cluster-id={self._cluster_id()}", "-c", str(properties)],
                capture_output=True,
                text=True,
                check=False,
                env=_environment(),
            )
            if done.returncode != 0:
                raise StartFailed(
                    f"Apache Kafka could not format {folder / 'data'}: {(done.stderr or done.stdout).strip()[-300:]}"
                )
        child.start([*self._java("kafka.Kafka", folder, heap="512m"), str(properties)], env=_environment(), cwd=folder)

    def _await(self, index: int, child: Child, timeout_s: float) -> None:
        answers = _answers if self._secured is None else _shakes_hands

        def settled() -> bool:
            return child.exit_status is not None or answers(self._ports[index])

        if not wait_until(settled, timeout_s=timeout_s, every_s=0.1) or child.exit_status is not None:
            said = child.tail(3).strip().replace("\n", " / ")
            raise StartFailed(
                f"Apache Kafka's {child.name} did not start: {said or 'it said nothing'} (log: {child.log_file})"
            )

    def _cluster_id(self) -> str:
        """Made once per state folder, as Kafka's own tool would: a UUID in base64."""
        note = self._home / "kafka" / "cluster-id"
        if not note.exists():
            note.write_text(urlsafe_b64encode(uuid.uuid4().bytes).decode("ascii").rstrip("="), encoding="ascii")
        return note.read_text(encoding="ascii").strip()

    def _java(self, main: str, folder: Path, *, heap: str) -> list[str]:
        return [
            "java", f"-Xmx{heap}", "-Xms128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto",
            f"-Dlog4j2.configurationFile={folder / 'log4j2.properties'}", "-Djava.awt.headless=true",
            "-cp", str(self._libs / "*"), main,
        ]  # fmt: skip

    def _properties(self, index: int, data: Path) -> str:
        voters = ",".join(f"{i + 1}@{LOOPBACK}:{port}" for i, port in enumerate(self._controllers))
        copies = len(self._ports)
        protocol = "PLAINTEXT" if self._secured is None else "SSL"
        listener = f"{protocol}://{LOOPBACK}:{self._ports[index]}"
        secured = [f"{name}={value}" for name, value in (self._secured or {}).items()]
        return "\n".join(
            [
                f"node.id={index + 1}",
                "process.roles=broker,controller",
                f"controller.quorum.voters={voters}",
                "controller.listener.names=CONTROLLER",
                f"listeners={listener},CONTROLLER://{LOOPBACK}:{self._controllers[index]}",
                f"advertised.listeners={protocol}://{LOOPBACK}:{self._seen_at[index]}",
                f"listener.security.protocol.map={protocol}:{protocol},CONTROLLER:PLAINTEXT",
                f"inter.broker.listener.name={protocol}",
                *secured,
                f"log.dirs={data}",
                # A topic must be created as the code wants it, never by a first write.
                "auto.create.topics.enable=false",
                f"default.replication.factor={copies}",
                f"min.insync.replicas={max(1, copies - 1)}",
                f"offsets.topic.replication.factor={copies}",
                f"transaction.state.log.replication.factor={copies}",
                f"transaction.state.log.min.isr={max(1, copies - 1)}",
                f"share.coordinator.state.topic.replication.factor={copies}",
                f"share.coordinator.state.topic.min.isr={max(1, copies - 1)}",
                "offsets.topic.num.partitions=4",
                "transaction.state.log.num.partitions=4",
                "share.coordinator.state.topic.num.partitions=4",
                "group.initial.rebalance.delay.ms=0",
                # How long a killed broker is believed alive, and so how long its restart waits.
                "broker.session.timeout.ms=3000",
                "broker.heartbeat.interval.ms=500",
                "num.network.threads=2",
                "num.io.threads=4",
                "log.cleaner.dedupe.buffer.size=16777216",
                "controlled.shutdown.enable=true",
                "",
            ]
        )


def _answers(port: int) -> bool:
    """Whether a broker answers Kafka's ApiVersions request: an open port alone does not serve yet."""
    request = struct.pack(">hhih", 18, 0, 1, -1)
    try:
        with socket.create_connection((LOOPBACK, port), timeout=2) as connection:
            connection.sendall(struct.pack(">i", len(request)) + request)
            return len(connection.recv(8)) > 0
    except OSError:
        return False


def _shakes_hands(port: int) -> bool:
    """Whether a TLS listener is there; who is allowed in is not asked."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with socket.create_connection((LOOPBACK, port), timeout=2) as plain, context.wrap_socket(plain):
            return True
    except OSError:
        return False


def _environment() -> dict[str, str]:
    return {name: os.environ[name] for name in ("PATH", "HOME", "JAVA_HOME", "LANG") if name in os.environ}
