"""Reads the versions of deals from the database into columns, and keeps them up to date."""

import asyncio
import tempfile
from dataclasses import replace
from typing import IO, Any
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv
from pydantic import TypeAdapter
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.pool import Pool

from libs.common.events.splits import SplitEntry
from libs.common.sql import driver_of
from services.forecast.credit.columns import Splits, Told
from services.forecast.history.columns import (
    AMOUNT_SCALE,
    ARRAYS,
    DAYS,
    FLAGS,
    NO_AMOUNT,
    NO_DAY,
    NO_TIME,
    OPTIONAL_TIMES,
    TIMES,
    WORDS,
    Columns,
    empty,
    merged,
    micros,
    type_of,
)

_FOUND = {
    "gone": "(removed OR absorbed_into IS NOT NULL)",
    "lacks_next_step": "(next_step_known AND next_step IS NULL)",
    "threads_known": "(threads_until IS NOT NULL)",
    "second_thread_until": "threads_until[2]",
    "quiet_since": "CASE WHEN activity_known THEN greatest(last_activity_at, created_at) END",
}
"""Columns that are made of others."""
_SELECT = ", ".join(
    [
        *(
            f"{name}_id AS {name}" if name in ("deal", "owner", "account") else name
            for name in WORDS
            if name != "probability"
        ),
        "stage_probability AS probability",
        *(f"{name} AT TIME ZONE 'UTC' AS {name}" for name in TIMES),
        *(f"({_FOUND.get(name, name)}) AT TIME ZONE 'UTC' AS {name}" for name in OPTIONAL_TIMES),
        *DAYS,
        *(f"{_FOUND.get(name, name)} AS {name}" for name in FLAGS),
        *("version", "pushes", "coalesce(term_months, 0) AS term"),
        f"round(amount, {AMOUNT_SCALE}) AS amount",
    ]
)
_TYPES: dict[str, Any] = {
    **dict.fromkeys(WORDS, pa.dictionary(pa.int32(), pa.string())),
    **dict.fromkeys((*TIMES, *OPTIONAL_TIMES), pa.timestamp("us")),
    **dict.fromkeys(DAYS, pa.date32()),
    **dict.fromkeys(FLAGS, pa.bool_()),
    **dict.fromkeys(("version", "pushes", "term"), pa.int32()),
    "amount": pa.decimal128(30, AMOUNT_SCALE),
}
_SPLITS = TypeAdapter(list[SplitEntry])
_READ = pa.csv.ReadOptions(block_size=16 << 20)
_PARSE = pa.csv.ParseOptions(newlines_in_values=True)
_CONVERT = pa.csv.ConvertOptions(
    column_types=_TYPES,
    true_values=["t"],
    false_values=["f"],
    null_values=[""],
    strings_can_be_null=True,
    quoted_strings_can_be_null=False,
)


class Ledger:
    """The columns of one database in this process: all versions that some snapshot of the database saw.

    Versions are only ever appended, so the next reading asks for what that snapshot did not see. Those are not simply the
    ones recorded later: a version that was set aside and repaired arrives with its old time of recording.
    """

    def __init__(self) -> None:
        self.columns: Columns = empty()
        self._told: list[Told] = []
        self._seen: str | None = None
        self._order: tuple[int, int, int] = (0, 0, 0)
        self._reading = asyncio.Lock()

    async def up_to_date(self, session: AsyncSession) -> Columns:
        """The columns with every version that this session's snapshot sees, and perhaps later ones.

        A session that writes sees more with each statement: what came after the first is left for the next reading, which
        would find it a second time.
        """
        snapshot: str = (await session.execute(text("SELECT pg_current_snapshot()::text"))).scalar_one()
        async with self._reading:
            if _order(snapshot) > self._order:
                with tempfile.TemporaryFile() as copied:
                    await _copy(session, copied, self._seen, snapshot)
                    self.columns = await asyncio.to_thread(_merged, self.columns, copied)
                if told := await _told(session, self.columns, self._seen, snapshot):
                    self._told += told
                    self.columns = replace(self.columns, splits=Splits.of(self._told))
                self._seen, self._order = snapshot, _order(snapshot)
            return self.columns


def _order(snapshot: str) -> tuple[int, int, int]:
    """Of two snapshots of one server the later is the greater, or they are equal and saw the same."""
    oldest, following, running = snapshot.split(":")
    return int(following), int(oldest), -len(running.split(",")) if running else 0


_ledgers: WeakKeyDictionary[Pool, Ledger] = WeakKeyDictionary()


def ledger_of(session: AsyncSession) -> Ledger:
    """The ledger of the database that a session reads, one for the whole process."""
    return _ledgers.setdefault(session.get_bind().pool, Ledger())  # type: ignore[union-attr]


async def _copy(session: AsyncSession, into: IO[bytes], seen: str | None, now: str) -> None:
    """Write the rows that the snapshot `now` sees and `seen` did not."""
    connection = await session.connection()
    driver: Any = (await connection.get_raw_connection()).driver_connection
    given = _unseen(f"SELECT {_SELECT} FROM deal_version", seen, now)  # noqa: S608 - constants
    await driver.copy_from_query(*given, output=into, format="csv", header=True)


def _unseen(query: str, seen: str | None, now: str) -> tuple[str, ...]:
    """The query of what the snapshot `now` sees and `seen` did not, with its parameters."""
    query += " WHERE pg_visible_in_snapshot(arrived_in, $1::text::pg_snapshot)"
    unseen = " AND arrived_in >= pg_snapshot_xmin($2::text::pg_snapshot) AND NOT pg_visible_in_snapshot(arrived_in, $2::text::pg_snapshot)"
    return (query, now) if seen is None else (query + unseen, now, seen)


async def _told(session: AsyncSession, columns: Columns, seen: str | None, now: str) -> list[Told]:
    """The versions of splits that the snapshot `now` sees and `seen` did not."""
    driver = await driver_of(session)
    query = "SELECT deal_id::text, version, recorded_at, revenue::text FROM split_version"
    found = await driver.fetch(*_unseen(query, seen, now))
    told = [(row[0], row[1], row[2], _SPLITS.validate_json(row[3])) for row in found]
    deals = columns.words["deal"].encode([deal for deal, *_ in told]).tolist()
    return [
        Told(code, version, micros(recorded_at), [(micros(each.at), _shares(columns, each)) for each in entries])
        for code, (_, version, recorded_at, entries) in zip(deals, told, strict=True)
    ]


def _shares(columns: Columns, entry: SplitEntry) -> list[tuple[int, int]]:
    ordered = sorted(entry.shares, key=lambda each: (-each.share, each.person_id))
    people = columns.words["owner"].encode([str(each.person_id) for each in ordered]).tolist()
    return list(zip(people, (int(each.share.scaleb(6)) for each in ordered), strict=True))


def _merged(known: Columns, copied: IO[bytes]) -> Columns:
    copied.seek(0)
    batches: dict[str, list[npt.NDArray[Any]]] = {name: [] for name in ARRAYS}
    with pa.csv.open_csv(copied, read_options=_READ, parse_options=_PARSE, convert_options=_CONVERT) as reader:
        for batch in reader:
            for name in ARRAYS:
                batches[name].append(_array(known, name, batch.column(name)))
    if not batches["deal"]:
        return known
    return merged(known, {name: np.concatenate(parts) for name, parts in batches.items()})


def _array(known: Columns, name: str, values: Any) -> npt.NDArray[Any]:
    if name in WORDS:
        codes = known.words[name].encode(values.dictionary.to_pylist())
        indices = values.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        coded: npt.NDArray[Any] = np.append(codes, np.int32(0))[indices]
        return coded
    if name == "amount":
        # The low halves of 128-bit numbers: amounts are below 10^14.
        halves = np.frombuffer(values.buffers()[1], dtype="<i8").reshape(-1, 2)
        low = halves[values.offset : values.offset + len(values), 0]
        return np.where(values.is_valid().to_numpy(zero_copy_only=False), low, NO_AMOUNT)
    if name in DAYS:
        return values.cast(pa.int32()).fill_null(NO_DAY).to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]
    if name in OPTIONAL_TIMES:
        return values.cast(pa.int64()).fill_null(NO_TIME).to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]
    if name in TIMES:
        return values.cast(pa.int64()).to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]
    plain: npt.NDArray[Any] = values.to_numpy(zero_copy_only=False).astype(type_of(name))
    return plain
