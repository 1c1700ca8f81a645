"""The five components as processes of one machine: what each is started with."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from deploy.local.ports import LOOPBACK
from deploy.local.state import State

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {
    "gateway": "gateway",
    "leads": "services.leads",
    "deals": "services.deals",
    "pricing": "services.pricing",
    "forecast": "services.forecast",
}

KEEP_BYTECODE = {"PYTHONDONTWRITEBYTECODE": ""}
"""Images often forbid writing compiled modules; every start of a process would then compile six seconds' worth of them."""

ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1"}
"""Matrices are small here: threads of a numerical library wait for each other in a loop, and a busy machine then takes ten times as long."""


def database(name: str) -> str:
    """The database of a component."""
    return f"foretell_{name}"


def url(state: State, name: str) -> str:
    """Base URL of a component or the simulated CRM."""
    return f"http://{LOOPBACK}:{state.ports[name]}"


def python(package: str, *arguments: str) -> list[str]:
    """A command line of this installation's Python."""
    return [sys.executable, "-m", package, *arguments]


def environment(state: State, name: str, *, broker: str, broker_settings: Mapping[str, str]) -> dict[str, str]:
    """The whole environment of a component's process: this one's, with every setting of the installation laid over it."""

    def address(role: str, password: str) -> str:
        return f"postgresql+asyncpg://{role}:{password}@{LOOPBACK}:{state.ports['postgres']}/{database(name)}"

    settings = {
        "FORETELL_DATABASE_URL": address("foretell_app", state.app_password),
        "FORETELL_OWNER_DATABASE_URL": address("foretell_owner", state.owner_password),
        "FORETELL_BROKER_URL": broker,
        **broker_settings,
        "FORETELL_HOST": LOOPBACK,
        "FORETELL_PORT": str(state.ports[name]),
        "FORETELL_INTERNAL_VERIFY_KEYS": state.verify_keys,
        "FORETELL_INTERNAL_SIGNING_KEY": state.private_key,
        **{f"FORETELL_{other.upper()}_URL": url(state, other) for other in PACKAGES},
    }
    if name == "gateway":
        settings["FORETELL_PUBLIC_URL"] = url(state, "gateway")
        settings["FORETELL_SECRETS_KEY"] = state.secrets_key
        allowed = (
            os.environ.get("FORETELL_FETCH_ALLOW", ""),
            LOOPBACK,
        )  # the simulated CRM is asked back on this machine
        settings["FORETELL_FETCH_ALLOW"] = ",".join(each for each in allowed if each)
    defaults = {"FORETELL_LOG_FORMAT": "text", "PYTHONUNBUFFERED": "1", **ONE_THREAD}
    return {**defaults, **os.environ, **KEEP_BYTECODE, **settings}
