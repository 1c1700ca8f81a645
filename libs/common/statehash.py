"""A fingerprint of what a component knows: equal in two systems that were told the same, in whatever order and however often.

Per table the sum, modulo 2^256, of SHA-256 over the canonical JSON of each row's natural key and business columns. A sum does
not depend on the order of rows, so tables are read as they lie. What differs between systems that agree is left out: ids drawn
at random, numbers of versions, times at which something was stored.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

Level = Literal["state", "history"]
LEVELS: tuple[Level, ...] = ("state", "history")
"""What stands now; and what stood at each instant since, or was said by whom."""

_MODULUS = 1 << 256
_AT_ONCE = 5_000
_OURS = frozenset({"received_at", "recorded_at"})
"""Within documents: when something came here."""


@dataclass(frozen=True)
class Hashed:
    """A table, its natural key and its business columns.

    `newest`: of rows with one key only the one with the greatest `version` counts, as corrections are appended.
    `query`: rows in place of the table's, for what is only equal when it is summed up.
    """

    table: str
    level: Level
    key: tuple[str, ...]
    columns: tuple[str, ...] = ()
    newest: bool = False
    where: str = "true"
    query: str = ""

    def statement(self) -> str:
        """The rows, key first."""
        if self.query:
            return self.query
        shown = ", ".join(f'"{name}"' for name in (*self.key, *self.columns))
        keys = ", ".join(f'"{name}"' for name in self.key)
        first, last = (f"DISTINCT ON ({keys}) ", f" ORDER BY {keys}, version DESC") if self.newest else ("", "")
        return f'SELECT {first}{shown} FROM "{self.table}" WHERE {self.where}{last}'  # noqa: S608 - names of the code


@dataclass(frozen=True)
class Sum:
    """Of some rows; sums of parts add up to the sum of the whole."""

    rows: int = 0
    value: int = 0

    def plus(self, row: Mapping[str, Any]) -> "Sum":
        """With one row more."""
        return Sum(
            self.rows + 1, (self.value + int.from_bytes(hashlib.sha256(canonical(row)).digest(), "big")) % _MODULUS
        )

    def shown(self) -> dict[str, Any]:
        return {"rows": self.rows, "hash": f"{self.value:064x}"}


def canonical(row: Mapping[str, Any]) -> bytes:
    """The same bytes for the same row: sorted names, amounts without trailing zeros, instants in UTC."""
    return json.dumps(row, default=_plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _plain(value: object) -> Any:
    if isinstance(value, Decimal):
        return f"{value.normalize():f}" if value else "0"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if isinstance(value, (date, UUID)):
        return str(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if isinstance(value, (bytes, memoryview)):
        return bytes(value).hex()
    raise TypeError(f"{type(value).__name__} has no canonical form")


async def of_table(session: AsyncSession, hashed: Hashed) -> Sum:
    """The sum of a table's rows, which pass by and are not kept."""
    found = Sum()
    stream = await session.stream(text(hashed.statement()), execution_options={"yield_per": _AT_ONCE})
    async for row in stream.mappings():
        found = found.plus({name: _told(value) for name, value in row.items()} | {"": hashed.table})
    return found


def _told(value: Any) -> Any:
    """A document without what this system added to it."""
    return {name: each for name, each in value.items() if name not in _OURS} if isinstance(value, dict) else value


async def of_component(session: AsyncSession, tables: Sequence[Hashed]) -> dict[str, Any]:
    """Per level the sum of its tables and each of them, of one snapshot."""
    answer: dict[str, Any] = {}
    for level in LEVELS:
        sums = {each.table: await of_table(session, each) for each in tables if each.level == level}
        whole = Sum(sum(each.rows for each in sums.values()), sum(each.value for each in sums.values()) % _MODULUS)
        answer[level] = {**whole.shown(), "tables": {name: each.shown() for name, each in sorted(sums.items())}}
    return answer
