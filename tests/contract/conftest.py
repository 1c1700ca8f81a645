"""The manifests of deploy/k8s as kustomize renders them."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import chain, combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

K8S = Path(__file__).resolve().parents[2] / "deploy" / "k8s"
OVERLAYS = ("local", "production")
COMPONENTS = tuple(sorted(each.name for each in (K8S / "components").iterdir()))
KUBECTL = Path(sys.executable).with_name("kubectl")

Objects = Sequence[dict[str, Any]]


@cache
def rendered(folder: Path) -> Objects:
    """Every object of a kustomization, as `kubectl apply -k` would send it."""
    done = subprocess.run([KUBECTL, "kustomize", str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def overlay(name: str) -> Objects:
    return rendered(K8S / "overlays" / name)


def of_kind(objects: Objects, *kinds: str) -> Iterator[dict[str, Any]]:
    return (each for each in objects if each["kind"] in kinds)


def pods(objects: Objects) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """(the object that makes pods, their specification)."""
    for each in of_kind(objects, "Deployment", "Job"):
        yield each, each["spec"]["template"]["spec"]


@pytest.fixture(params=[*OVERLAYS])
def objects(request: pytest.FixtureRequest) -> Objects:
    return overlay(request.param)


@pytest.fixture
def with_components(tmp_path: Path) -> Callable[[Sequence[str]], Objects]:
    """The base with any of the components laid over it."""

    def build(names: Sequence[str]) -> Objects:
        root = os.path.relpath(K8S, tmp_path)
        wanted = {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "namespace": "foretell",
            "resources": [f"{root}/base"],
            "components": [f"{root}/components/{name}" for name in names],
        }
        (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(wanted))
        rendered.cache_clear()
        return rendered(tmp_path)

    return build


SUBSETS = list(chain.from_iterable(combinations(COMPONENTS, size) for size in range(len(COMPONENTS) + 1)))
