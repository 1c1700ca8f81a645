"""The whole import as a stream of batches: bounded memory, the same batches at every reading of the same files."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from gateway.imports.reading.changes import Change
from gateway.imports.reading.document import MappingDocument, Record
from gateway.imports.reading.expressions import Columns
from gateway.imports.reading.files import Files, SourceFile
from gateway.imports.reading.joins import Joined, Table, with_joined
from gateway.imports.reading.load import MappingProblem
from gateway.imports.reading.memory import Ignored, Memory
from gateway.imports.reading.records import RecordReader
from gateway.imports.reading.refusal import Refusal, Refused
from gateway.imports.reading.tally import Tally

ROWS_PER_BATCH = 1000


@dataclass(frozen=True, slots=True)
class Batch:
    """Changes of consecutive rows. `number` is the same at every reading, so a batch can be claimed by it."""

    number: int
    changes: Sequence[Change]
    refusals: Sequence[Refusal]


@dataclass
class _Open:
    """The batch being filled."""

    number: int = 0
    rows: int = 0
    changes: list[Change] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)

    def close(self) -> Batch:
        batch = Batch(self.number, self.changes, self.refusals)
        self.number, self.rows, self.changes, self.refusals = self.number + 1, 0, [], []
        return batch


class Stream:
    """Reads the records of a mapping in their order, each over all its files. To be iterated once."""

    def __init__(
        self,
        mapping: MappingDocument,
        files: Files,
        *,
        received_at: datetime,
        limit: int | None = None,
        rows_per_batch: int = ROWS_PER_BATCH,
    ) -> None:
        """`limit` is the most rows read for each record of the mapping."""
        self.mapping, self.files = mapping, files
        self.tally = Tally(ZoneInfo(mapping.timezone))
        self.total_bytes = sum(file.size for record in mapping.records for file in files.of(record.file))
        self._received_at, self._limit, self._rows_per_batch = received_at, limit, rows_per_batch
        self._finished_bytes = 0
        self._current: SourceFile | None = None
        self._tables: dict[tuple[str, tuple[str, ...]], Table] = {}

    @property
    def bytes_read(self) -> int:
        """Of `total_bytes`; a file that several records read counts for each."""
        return self._finished_bytes + (self._current.position if self._current else 0)

    def batches(self) -> Iterator[Batch]:
        """Raises MappingProblem when a file lacks what the mapping names, before any row of it is used."""
        filling = _Open()
        for number, record in enumerate(self.mapping.records):
            memory = Memory()
            left = self._limit
            for file in self.files.of(record.file):
                self._current = file
                for line, cells, reader in self._rows(number, record, file, memory):
                    if left is not None and left <= 0:
                        break
                    left = None if left is None else left - 1
                    self._take(filling, record, file, line, cells, reader)
                    if filling.rows >= self._rows_per_batch:
                        yield filling.close()
                self._finished_bytes += file.size
                self._current = None
        if filling.rows:
            yield filling.close()

    def _rows(
        self, number: int, record: Record, file: SourceFile, memory: Memory
    ) -> Iterator[tuple[int, list[str] | Refused, RecordReader]]:
        reader: RecordReader | None = None
        for line, cells in file.rows():
            if reader is None:
                reader = self._reader(number, record, file, cells, memory)
            else:
                yield line, cells, reader
        if reader is None:
            raise MappingProblem(f"{file.path} is empty: it has not even a header.")

    def _reader(
        self, number: int, record: Record, file: SourceFile, header: list[str] | Refused, memory: Memory
    ) -> RecordReader:
        if isinstance(header, Refused):
            raise MappingProblem(f"The header of {file.path} {header.reason}.")
        place = f"records.{number}"
        columns = columns_of(file, header)
        tables = {
            alias: self._table(join.file, tuple(join.on), f"{place}.joins.{alias}")
            for alias, join in record.joins.items()
        }
        joins = [
            Joined(join, tables[alias], with_joined(columns, _before(tables, alias)), place=f"{place}.joins.{alias}")
            for alias, join in record.joins.items()
        ]
        return RecordReader(
            self.mapping,
            record,
            with_joined(columns, tables),
            joins,
            memory,
            place=place,
            received_at=self._received_at,
        )

    def _table(self, role: str, key: tuple[str, ...], place: str) -> Table:
        if (role, key) not in self._tables:
            self._tables[role, key] = Table(self.files.of(role), key, place=place)
        return self._tables[role, key]

    def _take(
        self,
        filling: _Open,
        record: Record,
        file: SourceFile,
        line: int,
        cells: list[str] | Refused,
        reader: RecordReader,
    ) -> None:
        self.tally.rows += 1
        filling.rows += 1
        try:
            if isinstance(cells, Refused):
                raise cells
            changes = reader.read(cells)
        except Ignored as ignored:
            self.tally.ignored[str(ignored)] += 1
        except Refused as refused:
            self.tally.refused[refused.column, refused.reason] += 1
            filling.refusals.append(
                Refusal(file.name, line, record.object, refused.column, refused.value or "", refused.reason)
            )
        else:
            if changes is None:
                self.tally.not_selected += 1
                return
            for change in changes:
                self.tally.count(record.object, change.event)
            filling.changes += changes


def columns_of(file: SourceFile, header: Sequence[str]) -> Columns:
    """Raises MappingProblem when a name occurs twice."""
    index: dict[str, int] = {}
    for position, name in enumerate(header):
        if name.strip() in index:
            raise MappingProblem(f"{file.name} has the column {name.strip()!r} twice.")
        index[name.strip()] = position
    return Columns(file.name, index)


def _before(tables: dict[str, Table], alias: str) -> dict[str, Table]:
    """The tables that are joined before `alias`, whose columns its keys may use."""
    names = list(tables)
    return {name: tables[name] for name in names[: names.index(alias)]}
