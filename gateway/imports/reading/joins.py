"""Files that others are joined with, held in memory."""

from collections.abc import Mapping, Sequence

from gateway.imports.reading.document import Join
from gateway.imports.reading.expressions import Cells, Columns, Read, column_of, compile_value
from gateway.imports.reading.files import SourceFile
from gateway.imports.reading.load import MappingProblem
from gateway.imports.reading.refusal import Refused


class Table:
    """The rows of a joined file by their key. Raises MappingProblem when two rows share it."""

    def __init__(self, files: Sequence[SourceFile], key: Sequence[str], *, place: str) -> None:
        self.file = files[0].name
        self.header: list[str] = []
        self.rows: dict[tuple[str, ...], list[str]] = {}
        for file in files:
            self._load(file, key, place)

    def _load(self, file: SourceFile, key: Sequence[str], place: str) -> None:
        positions: list[int] | None = None
        for line, cells in file.rows():
            if isinstance(cells, Refused):
                raise MappingProblem(f"{file.name} line {line}: {cells.reason}; {place} cannot use it.")
            if positions is None:
                names = [name.strip() for name in cells]
                columns = Columns(file.name, {name: index for index, name in enumerate(names)})
                positions = [columns.position(name, place=f"{place}.on") for name in key]
                if self.header and names != self.header:
                    raise MappingProblem(f"{file.name} has other columns than {self.file}; {place} needs the same.")
                self.header = names
                continue
            found = tuple(cells[position].strip() for position in positions)
            if found in self.rows:
                raise MappingProblem(
                    f"{file.name} line {line}: {', '.join(found)!r} occurs twice; {place} needs it once."
                )
            self.rows[found] = cells


class Joined:
    """A table as one record uses it: a row's matching cells, or blanks."""

    def __init__(self, join: Join, table: Table, columns: Columns, *, place: str) -> None:
        self._table = table
        self._on: list[tuple[Read, str]] = [
            (compile_value(value, columns, place=f"{place}.on.{name}"), column_of(value))
            for name, value in join.on.items()
        ]
        self._refuses = join.missing == "refuse"
        self._blank = [""] * len(table.header)

    def match(self, cells: Cells) -> list[str]:
        """Raises Refused for a key that the joined file does not have."""
        key = []
        for read, _ in self._on:
            text = read(cells)
            if text is None:
                return self._blank
            key.append(text)
        row = self._table.rows.get(tuple(key))
        if row is None:
            if self._refuses:
                raise Refused(f"is not in {self._table.file}", column=self._on[0][1], value=", ".join(key))
            return self._blank
        return row


def with_joined(columns: Columns, tables: Mapping[str, Table]) -> Columns:
    """The columns of a row after its joins, in the order of `tables`."""
    index = dict(columns.index)
    width = len(index)
    for alias, table in tables.items():
        for offset, name in enumerate(table.header):
            index[f"{alias}.{name}"] = width + offset
        width += len(table.header)
    return Columns(columns.file, index)
