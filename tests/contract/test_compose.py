"""deploy/compose.yaml says what the code says, and gives away no more than it must."""

import re
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy import compose_secrets
from deploy.documents import COMPONENTS
from deploy.local import kafka, postgres
from deploy.local.components import database

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
FILE = DEPLOY / "compose.yaml"
NAMES = [component.name for component in COMPONENTS]
NOT_OURS = {"OPENBLAS_NUM_THREADS"}


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(FILE.read_text())["services"]
    return found


def test_there_is_each_component_its_migration_and_what_they_need(services: dict[str, Any]) -> None:
    assert set(services) == {
        *NAMES, *(f"{name}-migrate" for name in NAMES), "postgres", "kafka", "prometheus", "grafana",
    }  # fmt: skip
    for component in COMPONENTS:
        assert services[component.name]["command"] == ["python", "-m", component.package, "run"]
        assert services[f"{component.name}-migrate"]["command"] == ["python", "-m", component.package, "migrate"]


def test_every_setting_is_one_that_the_component_reads(services: dict[str, Any]) -> None:
    for component in COMPONENTS:
        known = {f"FORETELL_{name.upper()}" for name in component.settings.model_fields} | NOT_OURS
        for name in (component.name, f"{component.name}-migrate"):
            environment = services[name]["environment"]
            assert set(environment) <= known, name
            for other in NAMES:
                assert environment[f"FORETELL_{other.upper()}_URL"] == f"http://{other}:8080"
            assert environment["FORETELL_DATABASE_URL"].endswith(f"@postgres:5432/{database(component.name)}")
            assert postgres.APP in environment["FORETELL_DATABASE_URL"]
        assert "FORETELL_OWNER_DATABASE_URL" not in services[component.name]["environment"], (
            "only migrations are the owner"
        )
    assert "FORETELL_SECRETS_KEY" in services["gateway"]["environment"]
    assert [name for name in services if "FORETELL_SECRETS_KEY" in services[name].get("environment", {})] == ["gateway"]


def test_components_run_as_the_image_allows_and_may_do_no_more_than_they_need(services: dict[str, Any]) -> None:
    image = (DEPLOY / "Dockerfile").read_text()
    assert "FORETELL_PORT=8080" in image
    for name in [*NAMES, *(f"{name}-migrate" for name in NAMES)]:
        service = services[name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["build"] == {"context": "..", "dockerfile": "deploy/Dockerfile"}
    for name in NAMES:
        assert "/readyz" in services[name]["healthcheck"]["test"][-1]
        assert services[name]["depends_on"][f"{name}-migrate"] == {"condition": "service_completed_successfully"}


def test_only_the_door_and_grafana_are_published_and_on_this_machine_alone(services: dict[str, Any]) -> None:
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert set(published) == {"gateway", "grafana"}
    assert all(port.startswith("127.0.0.1:") for ports in published.values() for port in ports)


def test_what_is_referred_to_is_there(services: dict[str, Any]) -> None:
    whole = yaml.safe_load(FILE.read_text())
    for name, service in services.items():
        for other in service.get("depends_on", {}):
            assert other in services, name
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert (DEPLOY / source).exists() if source.startswith(".") else source in whole["volumes"], volume
        assert set(service["networks"]) <= set(whole["networks"])
        condition = {other for other, how in _needed(service) if how == "service_healthy"}
        assert all("healthcheck" in services[other] for other in condition)


def _needed(service: dict[str, Any]) -> list[tuple[str, str]]:
    needs = service.get("depends_on", {})
    return [(name, how["condition"]) for name, how in needs.items()] if isinstance(needs, dict) else []


def test_every_secret_is_made_and_none_stands_in_the_file(services: dict[str, Any]) -> None:
    text = FILE.read_text()
    asked = set(re.findall(r"\$\{([A-Z_]+)\}", text))
    assert asked == set(compose_secrets.secrets_of())
    assert not re.search(r"(?i)(password|key|secret)\s*[:=]\s*[\"']?[A-Za-z0-9+/=_-]{12,}", text)
    assert "'" not in "".join(compose_secrets.secrets_of().values()), "each stands in such quotes"
    assert services["postgres"]["environment"].keys() <= asked


def test_kafka_is_the_version_that_is_tested_and_makes_no_topic_by_itself(services: dict[str, Any]) -> None:
    assert services["kafka"]["image"] == f"apache/kafka:{kafka.version()}"
    assert services["kafka"]["environment"]["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"
    assert services["postgres"]["image"] == f"postgres:{postgres.MAJOR}"


def test_databases_and_roles_are_those_of_one_machine() -> None:
    script = DEPLOY / "compose/databases.sh"
    text = script.read_text()
    (listed,) = re.findall(r"^for name in (.+); do$", text, re.MULTILINE)
    assert listed.split() == NAMES
    assert f"CREATE ROLE {postgres.OWNER} LOGIN" in text
    assert f"CREATE ROLE {postgres.APP} LOGIN" in text
    assert script.stat().st_mode & stat.S_IXUSR


def test_prometheus_looks_at_every_component_by_the_label_that_rules_go_by() -> None:
    config = yaml.safe_load((DEPLOY / "prometheus/prometheus.yaml").read_text())
    (job,) = config["scrape_configs"]
    assert {each["labels"]["component"]: each["targets"] for each in job["static_configs"]} == {
        name: [f"{name}:8080"] for name in NAMES
    }
    assert config["rule_files"] == ["/etc/prometheus/rules.yaml"]
