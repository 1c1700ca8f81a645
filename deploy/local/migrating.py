"""Migrations of all components at a time, and none where nothing changed since the last start."""

import hashlib
import subprocess
from collections.abc import Mapping
from pathlib import Path

from deploy.local import components
from deploy.local.errors import StartFailed


def migrate(home: Path, environments: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Bring the databases to their newest revision; names of those whose migrations had to run.

    A component whose migration files are those of the last start is skipped. Should its database differ all the same,
    its /readyz, which asks for the revision, says so.
    """
    waiting: dict[str, subprocess.Popen[str]] = {}
    digests = {name: _digest(package) for name, package in components.PACKAGES.items()}
    for name, package in components.PACKAGES.items():
        mark = home / "migrated" / name
        if mark.is_file() and mark.read_text(encoding="ascii") == digests[name]:
            continue
        waiting[name] = subprocess.Popen(
            components.python(package, "migrate"),
            env=dict(environments[name]),
            cwd=components.ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    said = {name: process.communicate(timeout=300)[0] for name, process in waiting.items()}
    for name, process in waiting.items():
        if process.returncode != 0:
            raise StartFailed(
                f"The migration of {name} failed: {(said[name].strip().splitlines() or ['it said nothing'])[-1]}"
            )
        mark = home / "migrated" / name
        mark.parent.mkdir(exist_ok=True)
        mark.write_text(digests[name], encoding="ascii")
    return list(waiting)


def _digest(package: str) -> str:
    """Changes with every file that a migration may execute."""
    digest = hashlib.sha256()
    own = components.ROOT.joinpath(*package.split(".")) / "migrations"
    for path in sorted([*own.rglob("*.py"), *(components.ROOT / "libs").rglob("*.py")]):
        digest.update(path.read_bytes())
    return digest.hexdigest()
