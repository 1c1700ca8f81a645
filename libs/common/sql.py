"""Statements of the event path, sent through the driver itself within SQLAlchemy's transaction.

A statement through SQLAlchemy's session costs about twice the processor time of the same one through asyncpg, and at tens of
changes a second that time is what a change waits for. So the hot path keeps its SQL in `Query` objects; everything else uses
the session as usual, on the same connection and in the same transaction.
"""

import re
from collections import namedtuple
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

_DRIVER = "foretell.driver"
_NAME = re.compile(r"(?<![:\w]):([a-z_]\w*)")
_BEGIN = text("SELECT 1")

Within = AsyncSession | AsyncConnection


class Query:
    """One statement with `:names` for its values. Values are sent as they are: cast them in the SQL where it is not plain.

    Raises asyncpg's errors, whose `sqlstate` is PostgreSQL's.
    """

    def __init__(self, statement: str) -> None:
        names: list[str] = []

        def number(match: re.Match[str]) -> str:
            if match[1] not in names:
                names.append(match[1])
            return f"${names.index(match[1]) + 1}"

        self.text = statement
        self.sent = _NAME.sub(number, statement)
        self.names = tuple(names)
        self._row: Any = None

    async def rows(self, within: Within, values: Mapping[str, Any] | None = None) -> list[Any]:
        """All rows, as named tuples in the order of the columns."""
        driver = await driver_of(within)
        found = await driver.fetch(self.sent, *self._given(values))
        if not found:
            return []
        if self._row is None or self._row._fields != tuple(found[0].keys()):
            self._row = namedtuple("Row", list(found[0].keys()))  # type: ignore[misc]
        return [self._row._make(record) for record in found]

    async def row(self, within: Within, values: Mapping[str, Any] | None = None) -> Any:
        """The one row there is. Raises LookupError for none or several."""
        found = await self.rows(within, values)
        if len(found) != 1:
            raise LookupError(f"{len(found)} rows instead of one")
        return found[0]

    async def column(self, within: Within, values: Mapping[str, Any] | None = None) -> list[Any]:
        """The first column of all rows."""
        driver = await driver_of(within)
        return [record[0] for record in await driver.fetch(self.sent, *self._given(values))]

    async def run(self, within: Within, values: Mapping[str, Any] | None = None) -> int:
        """Run a statement that changes rows; how many it changed."""
        driver = await driver_of(within)
        status: str = await driver.execute(self.sent, *self._given(values))
        count = status.rpartition(" ")[2]
        return int(count) if count.isdigit() else 0

    def _given(self, values: Mapping[str, Any] | None) -> Sequence[Any]:
        return [values[name] for name in self.names] if values is not None else ()


async def driver_of(within: Within) -> Any:
    """The asyncpg connection below, inside the transaction of `within`."""
    if isinstance(within, AsyncConnection):
        if not within.in_transaction():
            await within.execute(_BEGIN)
        return (await within.get_raw_connection()).driver_connection
    known = within.info.get(_DRIVER)
    if known is None:
        connection = await within.connection()
        # SQLAlchemy begins its transaction with the first statement that it sees itself, and finds a dead connection by it.
        await connection.execute(_BEGIN)
        known = within.info[_DRIVER] = (await connection.get_raw_connection()).driver_connection
    return known


def keep_driver(session: AsyncSession, driver: Any) -> None:
    """The connection of a transaction that the driver has begun itself."""
    session.info[_DRIVER] = driver
