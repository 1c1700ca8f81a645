"""The schema revisions in the source tree, read without loading the migration tool: processes ask at every start."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_NAME = re.compile(r"^(\d{4})_\w+\.py$")


def folder_of(package: str) -> Path:
    """Where the revisions of a component stand, e.g. of `services.deals`."""
    return ROOT.joinpath(*package.split("."), "migrations", "versions")


def newest(package: str) -> str:
    """The newest revision of a component: the highest number its files begin with. Raises RuntimeError without any."""
    found = [match[1] for path in folder_of(package).glob("*.py") if (match := _NAME.match(path.name))]
    if not found:
        raise RuntimeError(f"{package} has no migrations in {folder_of(package)}")
    return max(found)
