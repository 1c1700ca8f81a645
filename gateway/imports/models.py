"""What the database remembers of an import."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Import:
    """One import. `import_id` is the SHA-256 of its files, mapping and limit, so the same import has the same id."""

    import_id: str
    mapping_name: str
    mapping_version: int
    files: Sequence[str]
    row_limit: int | None
    rows_per_batch: int
    started_at: datetime
    finished_at: datetime | None
    counts: dict[str, Any]
    business_date: date | None
