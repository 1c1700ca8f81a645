"""Books from and to CSV: each line is taken or refused by itself, with its number, column and value."""

import csv
import io
from collections.abc import Sequence
from datetime import date
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.web.auth import Principal, require
from libs.common.web.errors import Invalid
from services.pricing.books import repository, service
from services.pricing.books.holding import PriceStatement
from services.pricing.books.models import WantedEntry
from services.pricing.books.schemas import ImportOut, RefusedLine, RowIn

COLUMNS = ("product", "kind", "market", "segment", "currency", "amount", "holds_from")
NEEDED = ("product", "currency", "amount", "holds_from")
MOST = 20_000


class UnreadableBook(Invalid):
    """The file as a whole is no such table."""


async def take(session: AsyncSession, body: bytes, *, dry_run: bool, principal: Principal) -> ImportOut:
    """Make the statements of a file; a line that cannot be is named and the others are made. The same file again changes nothing.

    Raises UnreadableBook.
    """
    require(principal, *service.KEEPERS)
    lines = _lines(body)
    codes = await repository.by_code(session, (line["product"].strip() for _, line in lines))
    refused: list[RefusedLine] = []
    wanted: list[WantedEntry] = []
    for number, line in lines:
        found = _entry(number, line, codes)
        if isinstance(found, RefusedLine):
            refused.append(found)
        else:
            wanted.append(found)
    made = await service.keep(session, wanted, principal=principal) if wanted and not dry_run else []
    accepted = len(wanted) if dry_run else len(made)
    return ImportOut(dry_run=dry_run, rows=len(lines), accepted=accepted, known=len(wanted) - accepted, refused=refused)


def written(rows: Sequence[PriceStatement], codes: dict[UUID, str]) -> str:
    """What stands in the books as a file that can be taken again."""
    out = io.StringIO(newline="")
    table = csv.writer(out)
    table.writerow(COLUMNS)
    for row in sorted(rows, key=lambda each: (codes.get(each.product_id, ""), each.kind, each.currency)):
        table.writerow(
            [
                codes.get(row.product_id, str(row.product_id)),
                row.kind,
                row.market or "",
                row.segment or "",
                row.currency,
                None if row.amount is None else f"{row.amount:f}",
                row.holds_from.isoformat(),
            ]
        )
    return out.getvalue()


def _lines(body: bytes) -> list[tuple[int, dict[str, str]]]:
    try:
        reader = csv.DictReader(io.StringIO(body.decode("utf-8-sig"), newline=""), restval="", strict=True)
        header = reader.fieldnames or []
        missing, strange = [n for n in NEEDED if n not in header], [n for n in header if n not in COLUMNS]
        if missing or strange or len(set(header)) < len(header):
            raise UnreadableBook(
                f"The header must have {', '.join(NEEDED)}, each once; there may be {', '.join(COLUMNS)}."
                + (f" Missing: {', '.join(missing)}." if missing else "")
                + (f" Unknown: {', '.join(strange)}." if strange else "")
            )
        lines = [(reader.line_num, row) for row in reader]
    except UnicodeDecodeError as error:
        raise UnreadableBook(f"The file is not UTF-8: byte {error.start} cannot be read.") from None
    except csv.Error as error:
        raise UnreadableBook(f"The file cannot be read as CSV: {error}.") from None
    if len(lines) > MOST:
        raise UnreadableBook(f"The file has {len(lines)} lines; send at most {MOST} at once.")
    return lines


def _entry(number: int, line: dict[str, str], codes: dict[str, UUID]) -> WantedEntry | RefusedLine:
    if None in line:
        return RefusedLine(line=number, column=None, value=None, reason="The line has more cells than the header.")
    given = {column: cell.strip() for column, cell in line.items() if cell.strip()}
    try:
        row = RowIn.model_validate({"amount": None, **given})
    except ValidationError as error:
        first = error.errors()[0]
        column = str(first["loc"][0]) if first["loc"] else None
        return RefusedLine(line=number, column=column, value=line.get(column or ""), reason=first["msg"])
    product_id = codes.get(row.product.lower())
    if product_id is None:
        reason = f"There is no product with the code {row.product!r}; add it first."
        return RefusedLine(line=number, column="product", value=row.product, reason=reason)
    if row.holds_from < date(1970, 1, 1):
        return RefusedLine(
            line=number, column="holds_from", value=given["holds_from"], reason="The day lies before 1970."
        )
    return row.of(product_id)
