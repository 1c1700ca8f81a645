"""Statements in a CSV file: lines that speak of the same thing, together. Pure."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from libs.common.web.errors import Invalid

MOST_LINES: Final = 5000


class UnreadableTable(Invalid):
    """The file as a whole is no such table."""


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of a file with the same `key`, in its order. `line`: the number of the first, counted from 1 with the header."""

    line: int
    key: tuple[str, ...]
    rows: Sequence[Mapping[str, str]]


def grouped(body: bytes, columns: Sequence[str], *, by: Sequence[str]) -> list[Lines]:
    """The lines of a file with the header `columns`, by what they speak of. Raises UnreadableTable."""
    found: dict[tuple[str, ...], tuple[int, list[Mapping[str, str]]]] = {}
    try:
        rows = csv.DictReader(io.StringIO(body.decode("utf-8-sig")), strict=True, restval="")
        if rows.fieldnames is None or set(rows.fieldnames) != set(columns):
            raise UnreadableTable(f"The first line has to name the columns {', '.join(columns)}.")
        for row in rows:
            if rows.line_num > MOST_LINES + 1:
                raise UnreadableTable(f"The file has more than {MOST_LINES} lines; send it in parts.")
            plain = {name: str(row[name]).strip() for name in columns}
            found.setdefault(tuple(plain[name] for name in by), (rows.line_num, []))[1].append(plain)
    except (UnicodeDecodeError, csv.Error) as error:
        raise UnreadableTable(f"This is no CSV in UTF-8: {error}.") from None
    return [Lines(line, key, told) for key, (line, told) in found.items()]
