"""The manifests say what the code says: topics, rights at the broker, settings, ports, metrics, runbooks."""

import re
from pathlib import Path

from prometheus_client import REGISTRY

from deploy import cluster_secrets
from deploy.documents import COMPONENTS
from deploy.local.watching.asking import all_queries
from deploy.observing.document import DASHBOARDS
from gateway.pages import nudges
from libs.common.config import CommonSettings
from libs.common.messaging.topics import FORECAST_EVENTS, TOPICS
from libs.common.runtime import ROLES
from tests.contract.conftest import OVERLAYS, Objects, of_kind, overlay, pods

ROOT = Path(__file__).resolve().parents[2]
NOT_OURS = {"OPENBLAS_NUM_THREADS", "PYTHONUNBUFFERED"}
FUNCTIONS = {"histogram_quantile", "avg_over_time"}


def test_topics_are_those_of_the_code() -> None:
    for name, replicas in zip(OVERLAYS, (1, 3), strict=True):
        found = {each["metadata"]["name"]: each["spec"] for each in of_kind(overlay(name), "KafkaTopic")}
        assert found == {
            topic.name: {
                "partitions": topic.partitions,
                "replicas": replicas,
                "config": {
                    "retention.ms": str(int(topic.retention.total_seconds() * 1000)),
                    "min.insync.replicas": str(max(1, replicas - 1)),
                },
            }
            for topic in TOPICS
        }


def test_rights_at_the_broker_are_what_the_code_does_and_no_more(objects: Objects) -> None:
    assert nudges.FORECAST_EVENTS is FORECAST_EVENTS, "what the gateway follows for live pages"
    users = {each["metadata"]["name"]: each["spec"]["authorization"]["acls"] for each in of_kind(objects, "KafkaUser")}
    assert users.keys() == {f"foretell-{component.name}" for component in COMPONENTS}
    for component in COMPONENTS:
        assert component.publishes is not None
        wanted = {("topic", component.publishes.name): {"Describe", "Write"}}
        followed = (FORECAST_EVENTS,) if component.name == "gateway" else ()
        for topic in (*component.consumes, *followed):
            wanted["topic", topic.name] = {"Describe", "Read"}
        if component.consumes:
            wanted["group", f"foretell-{component.name}"] = {"Describe", "Read"}
        found = users[f"foretell-{component.name}"]
        assert {
            (rule["resource"]["type"], rule["resource"]["name"]): set(rule["operations"]) for rule in found
        } == wanted
        assert {rule["resource"]["patternType"] for rule in found} == {"literal"}


def test_every_component_runs_every_role_with_its_own_command_and_secrets(objects: Objects) -> None:
    running: dict[str, list[str]] = {}
    for owner, spec in pods(objects):
        (container,) = spec["containers"]
        name = owner["metadata"]["labels"]["app.kubernetes.io/name"]
        component = next(each for each in COMPONENTS if each.name == name)
        assert container["command"] == ["python", "-m", component.package]
        secrets = [source["secretRef"]["name"] for source in container["envFrom"] if "secretRef" in source]
        assert f"{name}-database" in secrets
        assert (f"{name}-database-owner" in secrets) == (owner["kind"] == "Job"), "only migrations are the owner"
        assert ("gateway-secrets-key" in secrets) == (name == "gateway" and owner["kind"] == "Deployment")
        if owner["kind"] == "Deployment":
            running.setdefault(name, []).extend(container["args"][1:])
            assert container["args"][0] == "run"
            assert f"foretell-{name}" in str(spec["volumes"])
        else:
            assert container["args"] == ["migrate"]
    assert {name: sorted(roles) for name, roles in running.items()} == {
        component.name: sorted(ROLES) for component in COMPONENTS
    }


def test_every_setting_is_one_that_a_component_reads(objects: Objects) -> None:
    known = {f"FORETELL_{name.upper()}" for component in COMPONENTS for name in component.settings.model_fields}
    settings = next(each for each in of_kind(objects, "ConfigMap") if "FORETELL_PORT" in each["data"])
    assert settings["data"].keys() - known == NOT_OURS
    common = {f"FORETELL_{name.upper()}" for name in CommonSettings.model_fields}
    services = {each["metadata"]["name"]: each["spec"]["ports"][0]["port"] for each in of_kind(objects, "Service")}
    for component in COMPONENTS:
        assert f"FORETELL_{component.name.upper()}_URL" in common
        expected = f"http://{component.name}-api:{services[f'{component.name}-api']}"
        assert settings["data"][f"FORETELL_{component.name.upper()}_URL"] == expected
    for _, spec in pods(objects):
        for port in spec["containers"][0].get("ports", []):
            assert str(port["containerPort"]) == settings["data"]["FORETELL_PORT"]
    mounted = {"ca.crt", "user.crt", "user.key"}
    files = {settings["data"][f"FORETELL_BROKER_{kind}_FILE"] for kind in ("CA", "CERT", "KEY")}
    assert files == {f"/etc/foretell/broker/{name}" for name in mounted}


def test_secrets_that_a_cluster_without_a_store_gets_are_those_of_the_store() -> None:
    made = {each["metadata"]["name"]: set(each["stringData"]) for each in cluster_secrets.secrets_of("foretell")}
    stored = {
        each["metadata"]["name"]: {one["secretKey"] for one in each["spec"]["data"]}
        for each in of_kind(overlay("production"), "ExternalSecret")
    }
    assert made == stored
    known = {f"FORETELL_{name.upper()}" for component in COMPONENTS for name in component.settings.model_fields}
    assert {key for keys in made.values() for key in keys} - {"username", "password"} <= known


def test_workers_are_scaled_by_the_lag_of_what_they_consume_up_to_the_partitions() -> None:
    scaled = {each["metadata"]["name"]: each["spec"] for each in of_kind(overlay("production"), "ScaledObject")}
    consuming = [component for component in COMPONENTS if component.consumes]
    assert scaled.keys() == {f"{component.name}-worker" for component in consuming}
    for component in consuming:
        spec = scaled[f"{component.name}-worker"]
        assert spec["maxReplicaCount"] <= min(topic.partitions for topic in component.consumes)
        triggers = [each["metadata"] for each in spec["triggers"] if each["type"] == "kafka"]
        assert {each["topic"] for each in triggers} == {topic.name for topic in component.consumes}
        assert {each["consumerGroup"] for each in triggers} == {f"foretell-{component.name}"}
        for each in triggers:  # a free map to its definition: a wrong key would be passed over in silence
            assert each.keys() == {
                "bootstrapServers", "consumerGroup", "topic", "lagThreshold", "activationLagThreshold",
                "offsetResetPolicy", "limitToPartitionsWithLag", "tls",
            }  # fmt: skip


def test_dashboards_and_rules_ask_for_metrics_that_the_code_makes() -> None:
    known = {sample.name for family in REGISTRY.collect() for sample in family.samples} | {
        f"{family.name}{suffix}"
        for family in REGISTRY.collect()
        for suffix in ("", "_total", "_bucket", "_sum", "_count")
    }
    for name, expr in all_queries().items():
        bare = re.sub(r"\{[^}]*\}|\b(by|on) \([a-z_, ]+\)|\[[^]]*\]|\"[^\"]*\"", "", expr)
        asked = set(re.findall(r"\b[a-z]+_[a-z_]+\b", bare)) - FUNCTIONS
        assert asked <= known, f"{name}: {asked - known}"


def test_every_alert_has_a_runbook_and_every_section_an_alert() -> None:
    runbook = (ROOT / "docs/runbooks/alerts.md").read_text()
    sections = {line.removeprefix("## ") for line in runbook.splitlines() if line.startswith("## ")}
    (rules,) = of_kind(overlay("production"), "PrometheusRule")
    alerts = {rule["alert"]: rule for group in rules["spec"]["groups"] for rule in group["rules"] if "alert" in rule}
    assert alerts.keys() == sections
    for name, rule in alerts.items():
        assert rule["annotations"]["runbook"] == f"docs/runbooks/alerts.md#{name.lower()}"
        assert rule["labels"]["severity"] in ("warning", "critical")


def test_dashboards_reach_grafana_in_a_cluster_as_they_are_committed() -> None:
    (found,) = (
        each
        for each in of_kind(overlay("production"), "ConfigMap")
        if each["metadata"]["name"] == "foretell-dashboards"
    )
    assert found["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert found["data"] == {
        f"{each.uid}.json": (ROOT / f"deploy/grafana/{each.uid}.json").read_text() for each in DASHBOARDS
    }


def test_the_image_holds_what_runs_and_nothing_that_only_builds_or_tests() -> None:
    text = (ROOT / "deploy/Dockerfile").read_text()
    copied = set(re.findall(r"^COPY (\w+) ", text, re.MULTILINE))
    assert copied == {component.package.split(".")[0] for component in COMPONENTS} | {"libs"}
    kept = {
        line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")
    }
    assert kept == copied | {"requirements-server.lock"}
    (uid,) = set(re.findall(r"--uid (\d+)", text))
    assert f"USER {uid}:{uid}" in text
    for _, spec in pods(overlay("production")):
        assert spec["securityContext"]["runAsUser"] == int(uid)


def test_the_image_installs_the_versions_that_are_tested() -> None:
    def versions(lock: str) -> dict[str, str]:
        return dict(re.findall(r"^([a-z0-9][\w.-]*)(?:\[[^]]*\])?==([^\s;]+)", (ROOT / lock).read_text(), re.MULTILINE))

    server, tested = versions("requirements-server.lock"), versions("requirements-dev.lock")
    assert len(server) > 40
    assert {name: tested[name] for name in server} == server
