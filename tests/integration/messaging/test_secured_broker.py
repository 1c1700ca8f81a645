"""Apache Kafka that lets in whom it knows: each component does its work with the rights of its manifest, and no other's."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAuthorizationFailedError
from aiokafka.helpers import create_ssl_context
from aiokafka.protocol.admin import CreateAclsRequest
from pydantic import SecretStr, ValidationError

from deploy.documents import COMPONENTS
from deploy.local.kafka import KafkaCluster
from libs.common.config import CommonSettings
from libs.common.messaging import kafka
from libs.common.messaging.topics import TOPICS
from libs.common.runtime import Component
from tests.contract.conftest import of_kind, overlay
from tests.support.authority import Authority
from tests.support.brokers import on_apache_kafka

DATABASE = SecretStr("postgresql+asyncpg://nobody@127.0.0.1/none")
TYPES = {"topic": 2, "group": 3}
OPERATIONS = {"Read": 3, "Write": 4, "Describe": 8}
ALLOW, LITERAL = 3, 3


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def secured(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaCluster]:
    """A broker that asks everybody for a certificate, with the topics and rights that the manifests of production grant."""
    admin = authority.proof_of("admin")
    cluster = KafkaCluster(
        tmp_path_factory.mktemp("kafka"),
        secured={
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(authority.proof_of("broker").both),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(authority.certificate),
            "ssl.client.auth": "required",
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            # The broker speaks to itself as CN=broker, and as nobody where its controller listens in the clear.
            "super.users": "User:CN=admin;User:CN=broker;User:ANONYMOUS",
        },
    )
    cluster.start()
    try:
        context = create_ssl_context(
            cafile=str(authority.certificate), certfile=str(admin.certificate), keyfile=str(admin.key)
        )
        asyncio.run(grant(cluster.bootstrap, context))
        yield cluster
    finally:
        cluster.stop()


async def grant(bootstrap: str, context: object) -> None:
    """What Strimzi does with the KafkaTopics and KafkaUsers of the manifests, on one broker."""
    client = AIOKafkaAdminClient(bootstrap_servers=bootstrap, security_protocol="SSL", ssl_context=context)
    await client.start()
    try:
        answer = await client.create_topics([NewTopic(topic.name, topic.partitions, 1) for topic in TOPICS])
        assert [code for _, code, *_ in answer.topic_errors] == [0] * len(TOPICS)
        rules = [
            (TYPES[rule["resource"]["type"]], rule["resource"]["name"], LITERAL, who, "*", OPERATIONS[operation], ALLOW)
            for user in of_kind(overlay("production"), "KafkaUser")
            for who in [f"User:CN={user['metadata']['name']}"]
            for rule in user["spec"]["authorization"]["acls"]
            for operation in rule["operations"]
        ]
        for rule in rules:
            granted = await client._client.send(client._client.get_random_node(), CreateAclsRequest(*rule))
            assert [each[0] for each in granted.creation_responses] == [0]
    finally:
        await client.close()


def settings_of(name: str, cluster: KafkaCluster, authority: Authority) -> CommonSettings:
    proof = authority.proof_of(name)
    return CommonSettings(
        database_url=DATABASE,
        broker_url=cluster.bootstrap,
        broker_ca_file=authority.certificate,
        broker_cert_file=proof.certificate,
        broker_key_file=proof.key,
        broker_request_timeout_ms=5_000,
    )


@on_apache_kafka
@pytest.mark.parametrize("component", COMPONENTS, ids=lambda each: each.name)
async def test_a_component_writes_its_topic_reads_what_it_consumes_and_nothing_else(
    component: Component, secured: KafkaCluster, authority: Authority
) -> None:
    settings = settings_of(f"foretell-{component.name}", secured, authority)
    assert component.publishes is not None
    await kafka.ensure_topics(settings, [component.publishes, *component.consumes])
    producer = kafka.producer(settings)
    await producer.start()
    try:
        for topic in TOPICS:
            if topic is component.publishes:
                await producer.send_and_wait(topic.name, b"said", key=component.name.encode())
            else:
                with pytest.raises(TopicAuthorizationFailedError):
                    await producer.send_and_wait(topic.name, b"forged", key=b"x")
    finally:
        await kafka.stop(producer)
    if component.consumes:
        client = kafka.consumer(settings, group=f"foretell-{component.name}")
        client.subscribe([topic.name for topic in component.consumes])
        await client.start()
        try:
            assert {partition.topic for partition in await taken(client)} == {
                topic.name for topic in component.consumes
            }
        finally:
            await kafka.stop(client)


async def taken(client: kafka.AIOKafkaConsumer) -> set[kafka.TopicPartition]:
    for _ in range(100):
        if client.assignment():
            break
        await asyncio.sleep(0.1)
    return set(client.assignment())


@on_apache_kafka
async def test_who_is_not_known_or_shows_nothing_is_not_let_in(
    secured: KafkaCluster, authority: Authority, tmp_path: Path
) -> None:
    """Certificates of another authority, none at all, and a broker whose certificate we do not trust."""
    known = settings_of("foretell-deals", secured, authority)
    other = Authority(tmp_path, "others")
    stranger = other.proof_of("foretell-deals")
    for changes in (
        {"broker_cert_file": stranger.certificate, "broker_key_file": stranger.key},
        {"broker_cert_file": None, "broker_key_file": None},
        {"broker_ca_file": other.certificate},
        {"broker_ca_file": None, "broker_cert_file": None, "broker_key_file": None},
    ):
        refused = kafka.producer(known.model_copy(update=changes))
        with pytest.raises(KafkaError):
            await refused.start()
        await kafka.stop(refused)


def test_credentials_are_whole_and_never_sent_in_the_clear() -> None:
    for wrong, says in (
        ({"broker_cert_file": Path("a")}, "set together"),
        ({"broker_user": "a"}, "set together"),
        ({"broker_user": "a", "broker_password": SecretStr("b")}, "FORETELL_BROKER_CA_FILE is not set"),
    ):
        with pytest.raises(ValidationError, match=says):
            CommonSettings.model_validate({"database_url": DATABASE, **wrong})
