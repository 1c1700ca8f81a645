"""A table that leaves as a file: columns with what they hold, and lines of values. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["text", "count", "money", "share", "number", "flag", "day", "instant"]
"""`money` and `share` are decimals, `number` is a float. Every value may be None."""


@dataclass(frozen=True, slots=True)
class Table:
    """A file's name without its ending, its columns in order, and its lines."""

    name: str
    columns: Mapping[str, Kind]
    lines: Sequence[Sequence[Any]]
