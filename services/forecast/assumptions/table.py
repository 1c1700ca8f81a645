"""Assumptions as CSV: each line is read or refused by itself. Pure.

A node is named by `path`, labels from the root with " / " between them, or by `node_id`.
"""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

NEEDED: Final = ("metric", "expected", "tolerance")
KNOWN: Final = (
    *("path", "node_id", "metric", "unit", "expected", "tolerance", "criticality", "from_cases", "state"),
    *("value", "low", "high", "cases", "weeks", "due_at", "broken_since"),
)
"""Columns of an export; what was seen is not taken back."""


class UnreadableTable(ValueError):
    """The file as a whole is no such table; the message says why."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line by its number in the file; `reason` when its cells cannot be told apart."""

    number: int
    cells: Mapping[str, str]
    reason: str | None = None


def read(body: bytes) -> list[Line]:
    """The lines of a file after its header. Raises UnreadableTable."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableTable(f"The file is not UTF-8: byte {error.start} cannot be read.") from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        return list(_lines(reader))
    except csv.Error as error:
        raise UnreadableTable(f"Line {reader.line_num} cannot be read: {error}.") from None


def _lines(reader: "csv.Reader") -> Iterator[Line]:  # type: ignore[name-defined]
    header = [name.strip() for name in next(reader, [])]
    missing = [name for name in NEEDED if name not in header]
    strange = [name for name in header if name not in KNOWN]
    if missing or strange or len(set(header)) < len(header) or not {"path", "node_id"} & set(header):
        raise UnreadableTable(
            "The header must have metric, expected, tolerance, and path or node_id, each once."
            + (f" Missing: {', '.join(missing)}." if missing else "")
            + (f" Unknown: {', '.join(strange)}." if strange else "")
        )
    for cells in reader:
        if not any(cell.strip() for cell in cells):
            continue
        reason = None if len(cells) == len(header) else f"{len(cells)} cells instead of {len(header)}"
        yield Line(reader.line_num, dict(zip(header, (cell.strip() for cell in cells), strict=False)), reason)
