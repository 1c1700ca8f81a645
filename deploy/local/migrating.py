"""Migrations of all components, and none where nothing changed since the last start."""

import hashlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from alembic.util import CommandError
from sqlalchemy.exc import SQLAlchemyError

from deploy.local import components
from deploy.local.errors import StartFailed
from libs.common import migrations


def migrate(home: Path, owner_urls: Mapping[str, str]) -> list[str]:
    """Bring the databases to their newest revision; names of those whose migrations had to run.

    What `python -m <package> migrate` does, but in this process: five more interpreters would take longer than the work.
    A component whose migration files are those of the last start is skipped. Should its database differ all the same,
    its /readyz, which asks for the revision, says so.
    """
    ran = []
    # In a thread of its own, because the caller may be inside an event loop.
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="migrate") as worker:
        for name, package in components.PACKAGES.items():
            mark, digest = home / "migrated" / name, _digest(package)
            if mark.is_file() and mark.read_text(encoding="ascii") == digest:
                continue
            try:
                worker.submit(migrations.upgrade_blocking, package, owner_urls[name]).result()
            except (SQLAlchemyError, CommandError, OSError) as error:
                raise StartFailed(f"The migration of {name} failed: {str(error).splitlines()[0]}") from error
            mark.parent.mkdir(exist_ok=True)
            mark.write_text(digest, encoding="ascii")
            ran.append(name)
    return ran


def _digest(package: str) -> str:
    """Changes with every file that a migration may execute."""
    digest = hashlib.sha256()
    own = components.ROOT.joinpath(*package.split(".")) / "migrations"
    for path in sorted([*own.rglob("*.py"), *(components.ROOT / "libs").rglob("*.py")]):
        digest.update(path.read_bytes())
    return digest.hexdigest()
