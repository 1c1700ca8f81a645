"""CSV files as streams of rows: which files play which role, compression, encoding, line numbers."""

import csv
import gzip
import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import BinaryIO

from gateway.imports.reading.document import MappingDocument, Source
from gateway.imports.reading.load import MappingProblem
from gateway.imports.reading.refusal import Refused

GZIP = b"\x1f\x8b"
LONGEST_CELL = 1_000_000


class SourceFile:
    """One CSV file, plain or gzip (told by its content). Read once from front to back."""

    def __init__(self, path: Path, source: Source) -> None:
        self.path = path
        self.source = source
        self.size = path.stat().st_size
        self._raw: BinaryIO | None = None

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def position(self) -> int:
        """Bytes of the file that have been read; for progress."""
        return self.size if self._raw is None or self._raw.closed else self._raw.tell()

    def rows(self) -> Iterator[tuple[int, list[str] | Refused]]:
        """The header first, then each row, with the line it begins on. A row that is not CSV comes as its refusal.

        Raises MappingProblem when the file ends in the middle of its compression or its encoding is unknown.
        """
        csv.field_size_limit(LONGEST_CELL)
        with self.path.open("rb") as raw:
            self._raw = raw
            packed = raw.read(2) == GZIP
            raw.seek(0)
            unpacked = gzip.GzipFile(fileobj=raw) if packed else raw
            try:
                encoding = "utf-8-sig" if self.source.encoding.lower() in ("utf-8", "utf8") else self.source.encoding
                text = io.TextIOWrapper(unpacked, encoding=encoding, errors="surrogateescape", newline="")
                yield from self._parse(text)
            except (EOFError, gzip.BadGzipFile, LookupError, OSError) as error:
                raise MappingProblem(f"{self.path} cannot be read to its end: {error}") from error

    def _parse(self, text: io.TextIOWrapper) -> Iterator[tuple[int, list[str] | Refused]]:
        reader = csv.reader(text, delimiter=self.source.delimiter)
        width = 0
        while True:
            line = reader.line_num + 1
            try:
                cells = next(reader, None)
            except csv.Error as error:
                yield line, Refused(f"not CSV: {error}")
                continue
            if cells is None:
                return
            if not cells:
                continue
            width = width or len(cells)
            yield line, self._checked(cells, width)

    def _checked(self, cells: list[str], width: int) -> list[str] | Refused:
        if len(cells) != width:
            return Refused(f"has {len(cells)} values where the header has {width} columns")
        try:
            "".join(cells).encode()
        except UnicodeEncodeError:
            return Refused(f"is not text in {self.source.encoding}")
        return cells


@dataclass(frozen=True)
class Files:
    """The files of one import by role."""

    by_role: Mapping[str, Sequence[SourceFile]]

    def of(self, role: str) -> Sequence[SourceFile]:
        return self.by_role[role]

    def names(self) -> list[str]:
        return sorted({file.name for files in self.by_role.values() for file in files})

    def digest(self) -> str:
        """SHA-256 over every role's bytes; the names of files do not matter."""
        total = hashlib.sha256()
        for role in sorted(self.by_role):
            for file in self.by_role[role]:
                with file.path.open("rb") as raw:
                    total.update(f"{role}:{hashlib.file_digest(raw, 'sha256').hexdigest()};".encode())
        return total.hexdigest()


def locate(target: Path, mapping: MappingDocument) -> Files:
    """The files of each role: all in a folder, or one file and those it is joined with beside it.

    With a single role in the mapping the given file plays it whatever its name. Raises MappingProblem.
    """
    if not target.exists():
        raise MappingProblem(f"There is no file or folder {target}.")
    folder = target if target.is_dir() else target.parent
    present = sorted(path for path in folder.iterdir() if path.is_file())
    found: dict[str, list[SourceFile]] = {}
    for role, source in mapping.files.items():
        paths = [path for path in present if fnmatch(path.name, source.match)]
        if target.is_file() and (len(mapping.files) == 1 or target in paths):
            paths = [target]
        if not paths:
            raise MappingProblem(f"{folder} has no file named like {source.match!r}, which the mapping calls {role!r}.")
        found[role] = [SourceFile(path, source) for path in paths]
    if target.is_file() and not any(file.path == target for files in found.values() for file in files):
        patterns = ", ".join(repr(source.match) for source in mapping.files.values())
        raise MappingProblem(f"{target.name} is none of the files the mapping {mapping.name!r} reads: {patterns}.")
    return Files(found)
