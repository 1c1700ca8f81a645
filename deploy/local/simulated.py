"""The simulated CRM beside the system: its configuration, its connections in the gateway, its history by the import path."""

import hashlib
import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deploy.local import components
from deploy.local.errors import StartFailed
from deploy.local.state import State, write_secret

if TYPE_CHECKING:
    from deploy.local.stack import Stack

SEED = 7
DEALS = 3000
RATE_PER_S = 2


def config_of(home: Path) -> Path:
    """Where its configuration stands."""
    return home / "simulator.json"


def configuration(state: State, *, deals: int = DEALS, rate_per_s: float = RATE_PER_S) -> dict[str, Any]:
    """What the simulated CRM is, and the secrets it shares with the gateway."""
    secret = state.simulator
    return {
        "seed": SEED,
        "deals": deals,
        "gateway": components.url(state, "gateway"),
        "port": state.ports["simulator"],
        "rate_per_s": rate_per_s,
        "write_back": True,
        "connections": {
            "hubspot": {
                "key": "sim-hubspot",
                "client_secret": secret["hubspot_client_secret"],
                "api_token": secret["hubspot_api_token"],
                "portal_id": "62515",
            },
            "salesforce": {
                "key": "sim-salesforce",
                "path_secret": secret["salesforce_path_secret"],
                "organization_id": "00D7F00000107XsUAI",
                "api_token": secret["salesforce_api_token"],
            },
            "pipedrive": {
                "key": "sim-pipedrive",
                "username": "foretell",
                "password": secret["pipedrive_password"],
                "api_token": secret["pipedrive_api_token"],
            },
            "standard": {"key": "sim-standard", "secret": secret["standard_secret"]},
        },
    }


def write_configuration(stack: "Stack", **size: Any) -> Path:
    """Write it for this start; the ports may have changed."""
    path = config_of(stack.home)
    write_secret(path, json.dumps(configuration(stack.state, **size), indent=1))
    return path


def put_connections(stack: "Stack") -> bool:
    """Tell the gateway of the simulated CRM's connections; False when it knows exactly these."""
    documents = stack.command("simulator", "connections", str(config_of(stack.home)))
    mark = stack.home / "simulator" / "connections.sha256"
    digest = hashlib.sha256(documents.encode()).hexdigest()
    if mark.is_file() and mark.read_text(encoding="ascii") == digest:
        return False
    stack.command("gateway", "connection-put", "-", stdin=documents)
    mark.parent.mkdir(exist_ok=True)
    mark.write_text(digest, encoding="ascii")
    return True


def history_is_imported(home: Path) -> bool:
    """Whether the history entered in an earlier start."""
    return (home / "simulator" / "imported").exists()


def import_history(stack: "Stack") -> None:
    """Export the simulated company's history and import it, with progress on the terminal; a stopped import goes on next time."""
    folder = stack.home / "simulator" / "history"
    if not (folder / "exported").exists():
        _shown(stack, "simulator", "export", str(config_of(stack.home)), str(folder))
        (folder / "exported").touch()
    _shown(stack, "gateway", "import", str(folder), "--mapping", str(folder / "mapping.yaml"))
    (stack.home / "simulator" / "imported").touch()


def _shown(stack: "Stack", name: str, *arguments: str) -> None:

    argv = components.python(components.PACKAGES.get(name, name), *arguments)
    done = subprocess.run(argv, env=stack.environment(name), cwd=components.ROOT, check=False)
    if done.returncode != 0:
        raise StartFailed(f"{name} {arguments[0]} failed with status {done.returncode}; what it said stands above")
