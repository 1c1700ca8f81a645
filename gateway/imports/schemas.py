"""What the API tells of imports."""

from datetime import date, datetime
from typing import Any, Literal

from gateway.imports.models import Import
from libs.common.web.schemas import Out


class ImportOut(Out):
    """`business_date` is the day of the newest change of a deal in the files; null until the import is finished."""

    import_id: str
    mapping_name: str
    mapping_version: int
    files: list[str]
    row_limit: int | None
    state: Literal["unfinished", "finished"]
    started_at: datetime
    finished_at: datetime | None
    counts: dict[str, Any]
    business_date: date | None

    @classmethod
    def of(cls, found: Import) -> "ImportOut":
        return cls(
            import_id=found.import_id,
            mapping_name=found.mapping_name,
            mapping_version=found.mapping_version,
            files=list(found.files),
            row_limit=found.row_limit,
            state="finished" if found.finished_at else "unfinished",
            started_at=found.started_at,
            finished_at=found.finished_at,
            counts=found.counts,
            business_date=found.business_date,
        )


class ImportList(Out):
    imports: list[ImportOut]
    next_cursor: str | None
