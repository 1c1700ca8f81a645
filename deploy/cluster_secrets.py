"""Fresh secrets for a cluster without a secret store: `python -m deploy.cluster_secrets | kubectl apply -f -`, once.

Prints Kubernetes Secrets under the names that deploy/k8s refers to. Keep what it prints where you keep secrets: applying
it again with other values locks every component out of its database and makes stored secrets of connections unreadable.
"""

import sys
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from deploy.local import state
from deploy.local.components import PACKAGES, database
from deploy.local.postgres import APP, OWNER

NAMESPACE = "foretell"


def secrets_of(namespace: str) -> Iterator[Mapping[str, Any]]:
    """Every Secret that pods, databases and their roles read, with new keys and passwords."""
    made = state.make({})
    keys = {"FORETELL_INTERNAL_VERIFY_KEYS": made.verify_keys, "FORETELL_INTERNAL_SIGNING_KEY": made.private_key}
    yield _secret(namespace, "foretell-keys", keys)
    yield _secret(namespace, "gateway-secrets-key", {"FORETELL_SECRETS_KEY": made.secrets_key})
    for component in PACKAGES:
        own = state.make({})
        host = f"{component}-postgres-rw:5432/{database(component)}"
        app = {"FORETELL_DATABASE_URL": f"postgresql+asyncpg://{APP}:{own.app_password}@{host}"}
        owner = {"FORETELL_OWNER_DATABASE_URL": f"postgresql+asyncpg://{OWNER}:{own.owner_password}@{host}"}
        yield _secret(namespace, f"{component}-database", app)
        yield _secret(namespace, f"{component}-database-owner", owner)
        yield _login(namespace, f"{component}-app-login", APP, own.app_password)
        yield _login(namespace, f"{component}-owner-login", OWNER, own.owner_password)


def _secret(namespace: str, name: str, values: Mapping[str, str], kind: str = "Opaque") -> Mapping[str, Any]:
    metadata = {"name": name, "namespace": namespace, "labels": {"app.kubernetes.io/part-of": "foretell"}}
    return {"apiVersion": "v1", "kind": "Secret", "type": kind, "metadata": metadata, "stringData": dict(values)}


def _login(namespace: str, name: str, role: str, password: str) -> Mapping[str, Any]:
    return _secret(namespace, name, {"username": role, "password": password}, "kubernetes.io/basic-auth")


if __name__ == "__main__":
    yaml.safe_dump_all(secrets_of(NAMESPACE), sys.stdout, sort_keys=False)
