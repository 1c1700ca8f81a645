"""What is applied to a cluster is valid, hardened, whole, and refers to nothing that is not there."""

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest

from tests.contract.conftest import OVERLAYS, SUBSETS, Objects, of_kind, overlay, pods

KUBERNETES = "1.34"
BUILT_IN = ("v1", "apps/v1", "batch/v1", "policy/v1", "autoscaling/v2", "networking.k8s.io/v1")
FROM_ELSEWHERE = {
    "foretell-kafka-cluster-ca-cert": "Strimzi makes it for the cluster `foretell`",
    **{
        f"foretell-{name}": "Strimzi makes it for the KafkaUser"
        for name in ("gateway", "leads", "deals", "pricing", "forecast")
    },
}


@pytest.mark.parametrize("names", SUBSETS, ids="+".join)
def test_every_combination_of_components_builds(
    with_components: Callable[[Sequence[str]], Objects], names: Sequence[str]
) -> None:
    found = with_components(names)
    scaled = {
        each["spec"]["scaleTargetRef"]["name"] for each in of_kind(found, "HorizontalPodAutoscaler", "ScaledObject")
    }
    for each in of_kind(found, "Deployment"):
        # Who scales a Deployment owns its number of replicas; what nobody scales names its own.
        assert ("replicas" in each["spec"]) == (each["metadata"]["name"] not in scaled)
    assert bool(scaled) == ("autoscaling" in names)


@pytest.mark.parametrize("name", OVERLAYS)
def test_objects_of_kubernetes_have_no_field_that_it_does_not_know(name: str) -> None:
    checked = 0
    for each in overlay(name):
        if each["apiVersion"] in BUILT_IN:
            kubernetes_validate.validate(each, KUBERNETES, strict=True)
            checked += 1
    assert checked > 60


@pytest.mark.parametrize("name", OVERLAYS)
def test_custom_resources_have_no_field_that_their_definition_does_not_know(name: str, shared_schemas: Path) -> None:
    checked = 0
    for each in overlay(name):
        if each["apiVersion"] in BUILT_IN:
            continue
        group, version = each["apiVersion"].split("/")
        schema = json.loads((shared_schemas / group / f"{each['kind'].lower()}_{version}.json").read_text())
        jsonschema.Draft202012Validator(closed(schema)).validate(each)
        checked += 1
    assert checked > 15


def closed(schema: Any) -> Any:
    """Objects whose fields are listed take no others, unless the definition keeps what it does not know."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: closed(each) for name, each in schema.items()}
    if "properties" in schema and not schema.get("x-kubernetes-preserve-unknown-fields"):
        found.setdefault("additionalProperties", False)
    return found


def test_pods_may_do_no_more_than_they_need(objects: Objects) -> None:
    namespace = next(of_kind(objects, "Namespace"))
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    for owner, spec in pods(objects):
        name = owner["metadata"]["name"]
        assert spec["automountServiceAccountToken"] is False, name
        assert spec["enableServiceLinks"] is False, name
        assert spec["serviceAccountName"] == name, "an account of its own"
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        for container in spec["containers"]:
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"] is True, name
            assert context["allowPrivilegeEscalation"] is False, name
            assert context["capabilities"] == {"drop": ["ALL"]}, name
            assert {"cpu", "memory"} <= container["resources"]["requests"].keys(), name
            assert container["resources"]["limits"].keys() == {"memory"}, (
                f"{name}: a limit of cpu holds transactions up"
            )


def test_pods_say_how_they_are_and_stop_in_order(objects: Objects) -> None:
    for owner, spec in pods(objects):
        if owner["kind"] == "Job":
            continue
        (container,) = spec["containers"]
        assert container["livenessProbe"]["httpGet"]["path"] == "/healthz", (
            "it asks nothing: a lost database is no reason"
        )
        assert container["startupProbe"]["httpGet"]["path"] == "/healthz"
        assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
        waits = container["lifecycle"]["preStop"]["sleep"]["seconds"]
        assert waits + 3 < spec["terminationGracePeriodSeconds"]
        assert {each["topologyKey"] for each in spec["topologySpreadConstraints"]} == {
            "topology.kubernetes.io/zone",
            "kubernetes.io/hostname",
        }
        budget = next(
            each
            for each in of_kind(objects, "PodDisruptionBudget")
            if each["metadata"]["name"] == owner["metadata"]["name"]
        )
        assert budget["spec"]["selector"] == owner["spec"]["selector"]
        if owner["metadata"]["labels"]["app.kubernetes.io/component"] == "api":
            assert owner["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


def test_every_selector_finds_the_pods_of_one_deployment(objects: Objects) -> None:
    labels = {
        each["metadata"]["name"]: each["spec"]["template"]["metadata"]["labels"]
        for each in of_kind(objects, "Deployment")
    }
    assert len(labels) == 15

    def found(selector: dict[str, str]) -> list[str]:
        return [name for name, own in labels.items() if selector.items() <= own.items()]

    for each in of_kind(objects, "Deployment"):
        assert found(each["spec"]["selector"]["matchLabels"]) == [each["metadata"]["name"]]
    for each in of_kind(objects, "Service"):
        assert found(each["spec"]["selector"]) == [each["metadata"]["name"]]


def test_what_is_referred_to_is_there(objects: Objects) -> None:
    is_made = {each["metadata"]["name"] for each in of_kind(objects, "ExternalSecret", "Secret")}
    settings = {each["metadata"]["name"] for each in of_kind(objects, "ConfigMap")}
    accounts = {each["metadata"]["name"] for each in of_kind(objects, "ServiceAccount")}
    asked: set[str] = set()
    for _, spec in pods(objects):
        assert spec["serviceAccountName"] in accounts
        for source in spec["containers"][0]["envFrom"]:
            if "configMapRef" in source:
                assert source["configMapRef"]["name"] in settings
            else:
                asked.add(source["secretRef"]["name"])
        for volume in spec["volumes"]:
            asked |= {each["secret"]["name"] for each in volume.get("projected", {}).get("sources", [])}
    for each in of_kind(objects, "Cluster"):
        asked |= {each["spec"]["bootstrap"]["initdb"]["secret"]["name"]}
        asked |= {role["passwordSecret"]["name"] for role in each["spec"]["managed"]["roles"]}
    expected = asked - FROM_ELSEWHERE.keys()
    assert len(expected) == 2 + 4 * 5
    assert is_made in (expected, set()), "all of them by the store, or none: then deploy.cluster_secrets makes them"


def test_production_names_images_by_digest_and_keeps_no_secret() -> None:
    objects = overlay("production")
    for _, spec in pods(objects):
        assert re.fullmatch(r"\S+@sha256:[0-9a-f]{64}", spec["containers"][0]["image"])
    assert not list(of_kind(objects, "Secret"))
    for each in of_kind(objects, "Cluster"):
        assert each["spec"]["postgresql"]["synchronous"] == {"method": "any", "number": 1, "dataDurability": "required"}
    (kafka,) = of_kind(objects, "Kafka")
    assert kafka["spec"]["kafka"]["config"]["min.insync.replicas"] == 2
    assert kafka["spec"]["kafka"]["config"]["unclean.leader.election.enable"] is False


def test_in_production_nothing_talks_but_by_a_rule() -> None:
    policies = {each["metadata"]["name"]: each["spec"] for each in of_kind(overlay("production"), "NetworkPolicy")}
    assert policies["deny-all"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    for name, spec in policies.items():
        for rule in spec.get("egress", []):
            assert rule.get("to") or {port["port"] for port in rule["ports"]} == {443, 6443}, f"{name}: to anywhere"
        for rule in spec.get("ingress", []):
            assert rule.get("from"), f"{name}: from anywhere"
    (inside,) = policies["crms"]["egress"][0]["to"]
    assert {"10.0.0.0/8", "169.254.0.0/16"} <= set(inside["ipBlock"]["except"])
