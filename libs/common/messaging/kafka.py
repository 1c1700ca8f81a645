"""The only module that touches aiokafka: connections, topics, the identity of the log, and tailing."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from datetime import timedelta
from functools import partial
from typing import Any, Final

import aiokafka.client
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code
from aiokafka.helpers import create_ssl_context
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.structs import ConsumerRecord, RecordMetadata

from libs.common import clock
from libs.common.config import CommonSettings
from libs.common.events.base import EventData, Received
from libs.common.messaging import envelope
from libs.common.messaging.topics import Topic

__all__ = [
    "AIOKafkaConsumer",
    "AIOKafkaProducer",
    "ConsumerRebalanceListener",
    "ConsumerRecord",
    "KafkaError",
    "RecordMetadata",
    "TopicPartition",
    "cluster_id",
    "consumer",
    "ensure_topics",
    "highwater",
    "let_wait",
    "producer",
    "stop",
    "tail",
]

MAX_MESSAGE_BYTES = 1024 * 1024

# A client that asks for the metadata of a missing topic would otherwise have the broker create it with the broker's
# own defaults. Topics are created by `ensure_topics` alone, with the partitions that topics.py declares.
aiokafka.client.MetadataRequest = partial(MetadataRequest, allow_auto_topic_creation=False)


def producer(settings: CommonSettings) -> AIOKafkaProducer:
    """A producer that waits for all replicas; idempotent where the broker can."""
    return AIOKafkaProducer(
        bootstrap_servers=settings.broker_url,
        acks="all",
        enable_idempotence=settings.broker_idempotence,
        linger_ms=0,
        max_request_size=MAX_MESSAGE_BYTES,
        metadata_max_age_ms=10_000,
        request_timeout_ms=settings.broker_request_timeout_ms,
        **_secured(settings),
    )


def consumer(settings: CommonSettings, *, group: str | None) -> AIOKafkaConsumer:
    """A consumer that never commits by itself and starts at the beginning of what it does not know."""
    return AIOKafkaConsumer(
        bootstrap_servers=settings.broker_url,
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=settings.broker_fetch_wait_ms,
        metadata_max_age_ms=10_000,
        request_timeout_ms=settings.broker_request_timeout_ms,
        max_poll_interval_ms=300_000,
        session_timeout_ms=10_000,
        check_crcs=True,
        **_secured(settings),
    )


def _secured(settings: CommonSettings) -> dict[str, Any]:
    """How a client proves who it is and encrypts: by a certificate or by a name, both over TLS; in a closed network neither."""
    if settings.broker_ca_file is None:
        return {}
    context = create_ssl_context(
        cafile=str(settings.broker_ca_file),
        certfile=str(settings.broker_cert_file) if settings.broker_cert_file else None,
        keyfile=str(settings.broker_key_file) if settings.broker_key_file else None,
    )
    if settings.broker_user is None or settings.broker_password is None:
        return {"security_protocol": "SSL", "ssl_context": context}
    return {
        "security_protocol": "SASL_SSL",
        "ssl_context": context,
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": settings.broker_user,
        "sasl_plain_password": settings.broker_password.get_secret_value(),
    }


def let_wait(client: AIOKafkaConsumer, wait_ms: int) -> None:
    """How long the broker may hold this started consumer's fetches from now on."""
    client._fetcher._fetch_max_wait_ms = wait_ms


def highwater(client: AIOKafkaConsumer, place: tuple[str, int]) -> int | None:
    """The offset that the next record of a topic's partition will get; None while unknown, or when the group took it away."""
    partition = TopicPartition(*place)
    return client.highwater(partition) if partition in client.assignment() else None


async def stop(client: AIOKafkaConsumer | AIOKafkaProducer) -> None:
    """Close a client; that its broker is gone already is no error."""
    try:
        await client.stop()
    except (KafkaError, OSError, TimeoutError, asyncio.CancelledError) as error:
        # A fetch of the client's own that it cancels while closing ends its stop() too; only our own cancelling counts.
        task = asyncio.current_task()
        if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
            raise
        # It gave up half-way; what is left are its sockets.
        inner = client.client if isinstance(client, AIOKafkaProducer) else client._client
        with contextlib.suppress(KafkaError, OSError, TimeoutError):
            await inner.close()


async def cluster_id(client: aiokafka.client.AIOKafkaClient) -> str:
    """The broker's cluster id, asked now. Raises KafkaError when no broker answers within 5 s."""
    node = client.get_random_node()
    if node is None:
        raise KafkaError("no broker is known")
    answer = await asyncio.wait_for(client.send(node, MetadataRequest([], allow_auto_topic_creation=False)), timeout=5)
    return str(answer.cluster_id)


async def ensure_topics(settings: CommonSettings, topics: Iterable[Topic]) -> None:
    """Create the topics that are missing, as declared. Raises KafkaError if one exists with other partitions."""
    admin = AIOKafkaAdminClient(
        bootstrap_servers=settings.broker_url,
        request_timeout_ms=settings.broker_request_timeout_ms,
        **_secured(settings),
    )
    await admin.start()
    try:
        wanted = {topic.name: topic for topic in topics}
        present = set(await admin.list_topics())
        missing = [topic for name, topic in wanted.items() if name not in present]
        if missing:
            await _create(admin, missing, settings.topic_replication)
        for described in await admin.describe_topics(list(wanted)):
            count = len(described["partitions"])
            if described.get("error_code") == 0 and count != wanted[described["topic"]].partitions:
                raise KafkaError(
                    f"topic {described['topic']} has {count} partitions, {wanted[described['topic']].partitions} are "
                    "declared; the number is fixed at creation: drain it into a new topic"
                )
    finally:
        await admin.close()


async def _create(admin: AIOKafkaAdminClient, topics: list[Topic], replication: int) -> None:
    answer = await admin.create_topics(
        [
            NewTopic(
                topic.name,
                num_partitions=topic.partitions,
                replication_factor=replication,
                topic_configs={
                    "retention.ms": str(int(topic.retention.total_seconds() * 1000)),
                    "min.insync.replicas": str(max(1, replication - 1)),
                },
            )
            for topic in topics
        ]
    )
    for name, code, *_ in answer.topic_errors:
        error = for_code(code)
        if code != 0 and error is not TopicAlreadyExistsError:
            raise error(f"topic {name} could not be created")


AT_WORK: Final = timedelta(minutes=1)
"""An event is stamped when its transaction begins to tell, and comes when that has committed: at most about so much later."""


async def tail(settings: CommonSettings, topic: Topic) -> AsyncIterator[list[Received[EventData]]]:
    """Events of `topic` that come from now on, from all partitions, for live pages; a few of the last minute may be among them.

    Nothing is remembered between calls and events may be missed while the broker is away: only for nudging a page to
    read again. Ends by KafkaError when the connection is lost; the caller starts again.
    """
    since = clock.now() - AT_WORK
    client = consumer(settings, group=None)
    await client.start()
    try:
        partitions = [TopicPartition(topic.name, number) for number in range(topic.partitions)]
        client.assign(partitions)
        # The embedded broker answers too low an end; older events are then passed over by their time.
        for partition, end in (await client.end_offsets(partitions)).items():
            client.seek(partition, max(0, end - 1))
        while True:
            batches = await client.getmany(timeout_ms=1_000, max_records=500)
            events = [
                received
                for records in batches.values()
                for record in records
                if not envelope.is_tick(record)
                and (received := envelope.read(record))
                and received.recorded_at >= since
            ]
            if events:
                yield events
    finally:
        await stop(client)
