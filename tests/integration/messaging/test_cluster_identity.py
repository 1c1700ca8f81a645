"""Apache Kafka as this machine starts it, whatever identity is drawn for the cluster."""

import uuid
from pathlib import Path

import pytest

from deploy.local.kafka import KafkaCluster
from tests.support.brokers import on_apache_kafka


@on_apache_kafka
def test_a_cluster_starts_whose_identity_looks_like_an_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # One identity of 64 begins with a dash in base64, and Kafka's own tool took it for an option of its own.
    monkeypatch.setattr(uuid, "uuid4", lambda: uuid.UUID(bytes=b"\xf8" + bytes(15)))
    cluster = KafkaCluster(tmp_path)
    try:
        cluster.start()
        assert (tmp_path / "kafka" / "cluster-id").read_text(encoding="ascii").startswith("-")
        stored = (tmp_path / "kafka" / "0" / "data" / "meta.properties").read_text(encoding="ascii")
        assert "cluster.id=-AAAA" in stored
    finally:
        cluster.stop()
