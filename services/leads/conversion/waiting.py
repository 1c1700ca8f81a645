"""Leads that wait, in columns: copied out of the database in one pass, their chances written where they changed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any
from uuid import UUID

import numpy as np
import pyarrow as pa
import pyarrow.csv
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import sql
from services.leads.conversion.facts import WORDS, Facts
from services.leads.conversion.odds.table import Floats, Words

_WAITS = "lead.version > 0 AND lead.verdict = 'pending' AND NOT lead.deleted AND lead.merged_into IS NULL"
_NUMBERS = {
    "employees": "(state ->> 'employees')::float8",
    "touches": "(state ->> 'engagement_count')::float8",
    # date_part gives floats; extract's exact numerics cost more than all the rest of the row.
    "silent_days": "date_part('epoch', $1::timestamptz - (state ->> 'last_activity_at')::timestamptz) / 86400",
    "age_days": "date_part('epoch', $1::timestamptz - first_at) / 86400",
}
_SELECT = ", ".join(
    [
        "lead.lead_id",
        "lead.version",
        *(f"state ->> '{name}' AS {name}" for name in WORDS),
        *(f"{formula} AS {name}" for name, formula in _NUMBERS.items()),
    ]
)
_ALL = f"SELECT {_SELECT} FROM lead WHERE {_WAITS}"  # noqa: S608 - constants
CHANGED = f"""
    SELECT {_SELECT} FROM lead_unscored AS changed
    CROSS JOIN LATERAL (SELECT * FROM lead AS one WHERE one.lead_id = changed.lead_id OFFSET 0) AS lead
    WHERE {_WAITS}
"""  # noqa: S608 - constants
"""OFFSET 0: each lead is looked up by its id, whatever the planner believes of the tables' sizes."""

BLOCK_BYTES = 4 << 20
"""So much of the copy is scored and written at once, some 30,000 leads."""

_PARSE = pa.csv.ParseOptions(newlines_in_values=True)
_CONVERT = pa.csv.ConvertOptions(
    column_types={
        "lead_id": pa.string(),
        "version": pa.int64(),
        **dict.fromkeys(WORDS, pa.dictionary(pa.int32(), pa.string())),
        **dict.fromkeys(_NUMBERS, pa.float64()),
    },
    null_values=[""],
    strings_can_be_null=True,
    quoted_strings_can_be_null=False,
)


@dataclass(frozen=True)
class Waiting:
    """Leads that wait: ids as text and versions, in the order of `facts`."""

    lead_ids: Sequence[str]
    versions: Sequence[int]
    facts: Facts

    def __len__(self) -> int:
        return len(self.lead_ids)


async def copy(session: AsyncSession, into: IO[bytes], *, as_of: datetime, only_changed: bool) -> None:
    """Write the leads that wait into a file, with days counted to `as_of`; only those changed since they were scored, on demand."""
    driver = await sql.driver_of(session)
    await driver.copy_from_query(CHANGED if only_changed else _ALL, as_of, output=into, format="csv", header=True)


def copied(file: IO[bytes]) -> Iterator[Waiting]:
    """What `copy` has written, part by part."""
    file.seek(0)
    reading = pa.csv.ReadOptions(block_size=BLOCK_BYTES)
    with pa.csv.open_csv(file, read_options=reading, parse_options=_PARSE, convert_options=_CONVERT) as reader:
        for batch in reader:
            columns = {name: _numbers(batch.column(name)) for name in _NUMBERS}
            facts = Facts({name: _words(batch.column(name)) for name in WORDS}, **columns)
            yield Waiting(batch.column("lead_id").to_pylist(), batch.column("version").to_pylist(), facts)


def _words(column: Any) -> Words:
    """Each word is one object however many leads have it."""
    known = np.array([*column.dictionary.to_pylist(), None], dtype=object)
    found: Words = known[column.indices.fill_null(-1).to_numpy(zero_copy_only=False)]
    return found


def _numbers(column: Any) -> Floats:
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float64)


_WRITE = sql.Query(
    """
    INSERT INTO lead_score AS known (lead_id, version, model_id, scored_at, chance, prior_share)
    SELECT n.lead_id, n.version, :model_id, :scored_at, n.chance, n.prior_share FROM unnest(
        :lead_ids::uuid[], :versions::bigint[], :chances::float8[], :shares::float8[]
    ) AS n (lead_id, version, chance, prior_share)
    ORDER BY n.lead_id
    ON CONFLICT (lead_id) DO UPDATE
    SET version = excluded.version, model_id = excluded.model_id, scored_at = excluded.scored_at,
        chance = excluded.chance, prior_share = excluded.prior_share
    WHERE known.scored_at <= excluded.scored_at AND (known.version, known.model_id, known.chance, known.prior_share)
        IS DISTINCT FROM (excluded.version, excluded.model_id, excluded.chance, excluded.prior_share)
    """
)


async def write_scores(
    session: AsyncSession,
    leads: Waiting,
    *,
    chances: Floats,
    prior_shares: Floats,
    model_id: UUID,
    scored_at: datetime,
) -> int:
    """Keep the chances that differ from those kept, unless a later scoring was faster; returns how many were written."""
    return await _WRITE.run(
        session,
        {
            "lead_ids": leads.lead_ids,
            "versions": leads.versions,
            "chances": chances.tolist(),
            "shares": prior_shares.tolist(),
            "model_id": model_id,
            "scored_at": scored_at,
        },
    )


_SCORED = sql.Query(
    """
    DELETE FROM lead_unscored AS changed USING unnest(:lead_ids::uuid[], :versions::bigint[]) AS n (lead_id, version)
    WHERE changed.lead_id = n.lead_id AND changed.version <= n.version
    """
)


async def note_scored(session: AsyncSession, leads: Waiting) -> None:
    """These are scored as they stand in `leads`; one that has changed since is still to be scored."""
    await _SCORED.run(session, {"lead_ids": leads.lead_ids, "versions": leads.versions})


_FORGET = text(
    f"""
    WITH gone AS (
        DELETE FROM lead_unscored AS changed
        WHERE EXISTS (
            SELECT FROM lead
            WHERE lead.lead_id = changed.lead_id AND changed.version <= lead.version AND NOT ({_WAITS}) OFFSET 0
        )
        RETURNING changed.lead_id
    )
    DELETE FROM lead_score USING gone WHERE lead_score.lead_id = gone.lead_id
    """  # noqa: S608 - constants
)


async def forget_who_left(session: AsyncSession) -> None:
    """Drop the chances of leads that changed and wait no more."""
    await session.execute(_FORGET)
