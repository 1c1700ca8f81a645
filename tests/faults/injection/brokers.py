"""What happens to the broker and to what it holds."""

import asyncio
import shutil
import signal
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from libs.common.messaging.topics import CONSUMERS, DEAL_EVENTS, TOPICS
from tests.faults.injection.inputs import set_aside
from tests.faults.injection.links import Condition
from tests.faults.injection.registry import Scene, fault
from tests.faults.injection.system import COMPONENTS, EMBEDDED, KAFKA, System

ON_EMBEDDED, ON_KAFKA = frozenset({EMBEDDED}), frozenset({KAFKA})
ONE_PROCESS = "it is a single process"
NO_GROUPS = "components take all partitions there and join no group"
KEEPS = "Apache Kafka keeps on disk what it acknowledged"


@fault()
def broker_killed(scene: Scene) -> Iterator[str]:
    """kill -9 of a broker: the embedded one comes back without topics under another cluster id, of Apache Kafka's three one is lost."""
    name = scene.draw.choice(scene.system.stack.broker.children).name
    scene.system.kill(name)
    yield name
    scene.system.start_servers()


@fault()
def broker_stopped_in_order(scene: Scene) -> Iterator[str]:
    """A broker is stopped in order and started again."""
    child = scene.draw.choice(scene.system.stack.broker.children)
    child.stop(timeout_s=30)
    yield child.name
    scene.system.start_servers()


@fault()
def broker_frozen(scene: Scene) -> Iterator[str]:
    """SIGSTOP of a broker; it then goes on as if no time had passed."""
    child = scene.draw.choice(scene.system.stack.broker.children)
    child.ask(signal.SIGSTOP)
    yield child.name
    child.ask(signal.SIGCONT)


@fault(on=ON_EMBEDDED, why_not=KEEPS)
def broker_emptied_again_and_again(scene: Scene) -> Iterator[str]:
    """kill -9 of the broker three times, each time before all that was lost has been sent again."""
    (child,) = scene.system.stack.broker.children
    for _ in range(3):
        scene.system.kill(child.name)
        scene.system.start_servers()
        scene.wait(0.3, 1.5)
    yield child.name


@fault(on=ON_EMBEDDED, why_not=KEEPS)
def broker_emptied_while_services_are_apart(scene: Scene) -> Iterator[str]:
    """The broker comes back empty while no component can ask another how far it has come."""
    (child,) = scene.system.stack.broker.children
    for name in COMPONENTS:
        for caller in COMPONENTS:
            scene.system.network.links[name].put(Condition.CUT, caller)
    scene.system.kill(child.name)
    scene.system.start_servers()
    yield child.name
    for name in COMPONENTS:
        scene.system.network.links[name].heal()


@fault(on=ON_EMBEDDED, why_not=KEEPS)
def broker_emptied_while_consumers_are_down(scene: Scene) -> Iterator[str]:
    """The consumers of deals are killed, the broker comes back empty, then they do."""
    (child,) = scene.system.stack.broker.children
    for name in ("forecast", "leads", "pricing"):
        scene.system.kill(name)
    scene.system.kill(child.name)
    scene.system.start_servers()
    yield "forecast, leads, pricing"
    for name in ("forecast", "leads", "pricing"):
        scene.system.start(name, wait=False)


@fault()
def topics_deleted(scene: Scene) -> Iterator[str]:
    """Somebody deletes one of the topics while it is written to and read."""
    topic = scene.draw.choice(TOPICS).name
    _asked(scene.system, lambda admin: admin.delete_topics([topic]))
    yield topic


@fault(on=ON_KAFKA, why_not=NO_GROUPS)
def groups_deleted(scene: Scene) -> Iterator[str]:
    """Every consumer group is deleted with its offsets while its members are away."""
    names = ("leads", "deals", "pricing", "forecast")
    for name in names:
        scene.system.stop(name)
    _asked(scene.system, lambda admin: admin.delete_consumer_groups([f"foretell-{name}" for name in names]))
    yield ", ".join(names)
    for name in names:
        scene.system.start(name, wait=False)


@fault(on=ON_KAFKA, why_not=ONE_PROCESS)
def leader_of_a_partition_lost(scene: Scene) -> Iterator[str]:
    """kill -9 of the broker that leads a partition of deal-events: another one leads from then on."""

    async def leader(admin: Any) -> int:
        (found,) = await admin.describe_topics([DEAL_EVENTS.name])
        return int(found["partitions"][scene.draw.randrange(DEAL_EVENTS.partitions)]["leader"])

    child = scene.system.cluster().children[_asked(scene.system, leader) - 1]
    scene.system.kill(child.name)
    yield child.name
    scene.system.start_servers()


@fault(on=ON_KAFKA, why_not=ONE_PROCESS)
def two_of_three_brokers_lost(scene: Scene) -> Iterator[str]:
    """kill -9 of two brokers: what is left may acknowledge nothing."""
    children = scene.draw.sample(scene.system.cluster().children, 2)
    for child in children:
        scene.system.kill(child.name)
    yield ", ".join(child.name for child in children)
    scene.system.start_servers()


@fault(on=ON_KAFKA, why_not=ONE_PROCESS)
def brokers_restarted_one_after_the_other(scene: Scene) -> Iterator[str]:
    """Each broker is stopped in order and started again, as an upgrade does it."""
    for child in scene.system.cluster().children:
        child.stop(timeout_s=30)
        scene.system.start_servers()
    yield "all brokers"


@fault(on=ON_KAFKA, why_not="it comes back empty after every kill")
def cluster_replaced_by_an_empty_one(scene: Scene) -> Iterator[str]:
    """All brokers are killed and their disks lost; a new cluster takes their place."""
    cluster = scene.system.cluster()
    for child in cluster.children:
        scene.system.kill(child.name)
    shutil.rmtree(scene.system.stack.home / "kafka")
    yield "all brokers"
    scene.system.start_servers()


@fault(on=ON_KAFKA, why_not=NO_GROUPS)
def rebalance_storm(scene: Scene) -> Iterator[str]:
    """Workers join a group, leave it in order and are killed, so that partitions move again and again."""
    name = scene.draw.choice(("deals", "forecast", "leads"))
    for number in range(4):
        child = scene.system.second(name, "worker")
        scene.wait(0.2, 1.0)
        child.kill() if number % 2 else child.stop()
        scene.system.seconds.remove(child)
    yield name


@fault()
def foreign_records(scene: Scene) -> Iterator[str]:
    """Somebody writes records of another kind into a topic: without headers, without key, too large for an event."""
    topic = scene.draw.choice(TOPICS)

    async def write() -> None:
        producer = AIOKafkaProducer(bootstrap_servers=scene.system.stack.broker.bootstrap, max_request_size=2_000_000)
        await producer.start()
        try:
            for value in (b"", b"not JSON", bytes(900_000)):
                await producer.send_and_wait(topic.name, value, partition=scene.draw.randrange(topic.partitions))
        finally:
            await producer.stop()

    asyncio.run(write())
    yield topic.name
    set_aside(scene.system, CONSUMERS[topic.name], 3)


def _asked(system: System, work: Callable[[Any], Awaitable[Any]]) -> Any:
    """What the broker's administration answers."""

    async def ask() -> Any:
        admin = AIOKafkaAdminClient(bootstrap_servers=system.stack.broker.bootstrap)
        await admin.start()
        try:
            return await work(admin)
        finally:
            await admin.close()

    return asyncio.run(ask())
