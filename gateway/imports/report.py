"""What the person at the terminal gets: the file of refused rows and the summary."""

import csv
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from rich.console import Console
from rich.table import Table

from gateway.imports.reading.refusal import Refusal
from gateway.imports.reading.tally import Tally

_HEADER = ("file", "line", "object", "column", "value", "reason")
_LONGEST_VALUE = 200


class RefusalReport:
    """A CSV of every refused row, made when the first one is met; an old one of the same name is replaced."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self._file: IO[str] | None = None
        self._writer: Any = None

    def __enter__(self) -> "RefusalReport":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def discard_old(self) -> None:
        """Remove what an earlier reading left, when this one refused nothing."""
        if self.count == 0:
            self.path.unlink(missing_ok=True)

    def add(self, refusal: Refusal) -> None:
        if self._file is None:
            self._file = self.path.open("w", newline="", encoding="utf-8")
            self._writer = csv.writer(self._file)
            self._writer.writerow(_HEADER)
        self.count += 1
        value = _harmless(refusal.value[:_LONGEST_VALUE])
        self._writer.writerow((refusal.file, refusal.line, refusal.object, refusal.column, value, refusal.reason))


def _harmless(value: str) -> str:
    """A spreadsheet runs a cell that begins like a formula; a quote before it makes it text again."""
    cleaned = value.encode("utf-8", "replace").decode()
    return f"'{cleaned}" if cleaned.startswith(("=", "+", "-", "@", "\t")) else cleaned


def print_summary(console: Console, tally: Tally) -> None:
    """Counts, the span of time, where the deals stand, and refusals by reason."""
    changes = ", ".join(f"{count:,} {name}" for name, count in tally.changes.items()) or "none"
    console.print(f"Rows: {tally.rows:,}. Changes: {changes}.")
    if tally.first_at and tally.last_at:
        first, last = (instant.astimezone(tally.zone).date() for instant in (tally.first_at, tally.last_at))
        console.print(f"Deals changed from {first} to {last}; the last day is the business date.")
    if stages := tally.stages():
        table = Table("stage", "state", "deals", title="Where the deals stand at the end")
        table.columns[2].justify = "right"
        for (stage, state), count in stages.items():
            table.add_row(stage, state, f"{count:,}")
        console.print(table)
    for reason, count in tally.ignored.items():
        console.print(f"Left out: {count:,} rows {reason}.")
    for (column, reason), count in tally.refused.most_common():
        console.print(f"Refused: {count:,} rows, {f'column {column!r}: ' if column else ''}{reason}.", markup=False)
