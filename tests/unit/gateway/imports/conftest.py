"""Mappings and CSV files small enough to see at one glance."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.imports.reading.changes import Change
from gateway.imports.reading.files import locate
from gateway.imports.reading.load import parse_mapping
from gateway.imports.reading.refusal import Refusal
from gateway.imports.reading.stream import Stream

IMPORTED_AT = datetime(2026, 1, 15, 9, tzinfo=UTC)


class Outcome:
    """Everything that one reading of some files gave."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.batches = list(stream.batches())
        self.changes: list[Change] = [change for batch in self.batches for change in batch.changes]
        self.refusals: list[Refusal] = [refusal for batch in self.batches for refusal in batch.refusals]
        self.events: list[Any] = [change.event for change in self.changes]


ReadFiles = Callable[..., Outcome]


@pytest.fixture
def read_files(tmp_path: Path) -> ReadFiles:
    def read(mapping: str, files: dict[str, str | bytes], **options: Any) -> Outcome:
        for name, content in files.items():
            (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        document = parse_mapping(mapping, where="mapping.yaml")
        return Outcome(Stream(document, locate(tmp_path, document), received_at=IMPORTED_AT, **options))

    return read
