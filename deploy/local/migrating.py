"""Migrations of all components, and none where nothing changed since the last start."""

import hashlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from deploy.local import components
from deploy.local.errors import StartFailed


def migrate(home: Path, owner_urls: Mapping[str, str]) -> list[str]:
    """Bring these databases to their newest revision; names of those whose migrations had to run.

    What `python -m <package> migrate` does, but in this process: five more interpreters would take longer than the work.
    A component whose migration files are those of the last start is skipped. Should its database differ all the same,
    its /readyz, which asks for the revision, says so.
    """
    ran = []
    # In a thread of its own, because the caller may be inside an event loop.
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="migrate") as worker:
        for name, owner_url in owner_urls.items():
            package = components.PACKAGES[name]
            mark, digest = home / "migrated" / name, _digest(package)
            if mark.is_file() and mark.read_text(encoding="ascii") == digest:
                continue
            worker.submit(_upgrade, name, package, owner_url).result()
            mark.parent.mkdir(exist_ok=True)
            mark.write_text(digest, encoding="ascii")
            ran.append(name)
    return ran


def is_current(home: Path) -> bool:
    """Whether the last start left nothing to migrate."""
    marks = ((home / "migrated" / name, _digest(package)) for name, package in components.PACKAGES.items())
    return all(mark.is_file() and mark.read_text(encoding="ascii") == digest for mark, digest in marks)


def forget(home: Path, name: str) -> None:
    """Migrate this component's database again at the next `migrate`."""
    (home / "migrated" / name).unlink(missing_ok=True)


def _upgrade(name: str, package: str, owner_url: str) -> None:
    # Loaded here: most starts find nothing to migrate, and these take longer to load than all the rest.
    from alembic.util import CommandError  # noqa: PLC0415
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

    from libs.common import migrations  # noqa: PLC0415

    try:
        migrations.upgrade_blocking(package, owner_url)
    except (SQLAlchemyError, CommandError, OSError) as error:
        raise StartFailed(f"The migration of {name} failed: {str(error).splitlines()[0]}") from error


def _digest(package: str) -> str:
    """Changes with every file that a migration may execute."""
    digest = hashlib.sha256()
    own = components.ROOT.joinpath(*package.split(".")) / "migrations"
    for path in sorted([*own.rglob("*.py"), *(components.ROOT / "libs").rglob("*.py")]):
        digest.update(path.read_bytes())
    return digest.hexdigest()
