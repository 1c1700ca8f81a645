"""A file of leads: one lead per row, each row taken or refused for itself."""

import csv
import io
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.web.auth import Principal, require
from libs.common.web.errors import Invalid, Problem
from services.leads.capture import service
from services.leads.capture.schemas import ContactIn, FileOut, LeadIn, Refused, RowOut
from services.leads.register import service as register

MOST_ROWS = 5000
_CONTACT = {f"contact_{name}": name for name in ContactIn.model_fields}
COLUMNS = frozenset(LeadIn.model_fields) - {"contact"} | frozenset(_CONTACT)


class UnreadableFile(Invalid):
    """The file is not CSV with a header of known columns, or too long."""


async def load(session: AsyncSession, content: bytes, *, idempotency_key: str | None, principal: Principal) -> FileOut:
    """Capture each row of a CSV file; a row that is refused says where and why, and the others are taken.

    With a key, the same file again gives the same leads and nothing new. Raises UnreadableFile, and then takes nothing.
    """
    require(principal, *register.WRITERS)
    rows = []
    for number, row in _rows(content):
        key = None if idempotency_key is None else f"{idempotency_key}:{number}"
        try:
            wanted = _lead(row)
            async with session.begin_nested():
                lead = await service.capture_lead(session, wanted, idempotency_key=key, principal=principal)
            rows.append(RowOut(row=number, lead_id=lead.lead_id, refused=[]))
        except ValidationError as wrong:
            refused = [Refused(field=_column(each["loc"]), message=each["msg"]) for each in wrong.errors()]
            rows.append(RowOut(row=number, lead_id=None, refused=refused))
        except Problem as problem:
            rows.append(RowOut(row=number, lead_id=None, refused=[Refused(field="", message=problem.detail)]))
    taken = sum(row.lead_id is not None for row in rows)
    return FileOut(taken=taken, refused=len(rows) - taken, rows=rows)


def _rows(content: bytes) -> Iterator[tuple[int, dict[str, str]]]:
    """(line number as a spreadsheet counts, cells that are filled in)."""
    try:
        reader = csv.DictReader(io.StringIO(content.decode("utf-8-sig")), strict=True)
        unknown = set(reader.fieldnames or ()) - COLUMNS
        if unknown or "company" not in (reader.fieldnames or ()):
            raise UnreadableFile(
                f"Columns {', '.join(sorted(unknown)) or 'without company'}: a file of leads has a column company and any of "
                f"{', '.join(sorted(COLUMNS))}."
            )
        rows = list(reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise UnreadableFile(f"This is not a CSV file in UTF-8: {error}.") from None
    if len(rows) > MOST_ROWS:
        raise UnreadableFile(f"The file has {len(rows)} rows; at most {MOST_ROWS} are taken at once. Send it in parts.")
    for number, row in enumerate(rows, start=2):
        # A row longer than its header has the rest under None, a shorter one has no text in its last cells.
        yield number, {str(name): cell.strip() for name, cell in row.items() if isinstance(cell, str) and cell.strip()}


def _lead(row: dict[str, str]) -> LeadIn:
    contact = {_CONTACT[name]: cell for name, cell in row.items() if name in _CONTACT}
    fields: dict[str, Any] = {name: cell for name, cell in row.items() if name not in _CONTACT}
    return LeadIn.model_validate(fields | ({"contact": contact} if contact else {}))


def _column(place: tuple[int | str, ...]) -> str:
    return "_".join(map(str, place))
