"""Queries on connections."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncSession


async def all_rows(session: AsyncSession) -> Sequence[RowMapping]:
    """Every connection, by key, secrets still sealed."""
    return (await session.execute(text("SELECT * FROM connection ORDER BY key"))).mappings().all()


async def last_changes(session: AsyncSession) -> dict[str, datetime]:
    """When each connection was last changed."""
    return {row.key: row.updated_at for row in await session.execute(text("SELECT key, updated_at FROM connection"))}


async def row(session: AsyncSession, key: str) -> RowMapping | None:
    found = await session.execute(text("SELECT * FROM connection WHERE key = :key"), {"key": key})
    return found.mappings().first()


async def row_for_update(session: AsyncSession, key: str) -> RowMapping | None:
    found = await session.execute(text("SELECT * FROM connection WHERE key = :key FOR UPDATE"), {"key": key})
    return found.mappings().first()


_UPSERT = text(
    """
    INSERT INTO connection (key, provider, name, state, secrets, settings, mapping, mapping_version, remapped_to)
    VALUES (:key, :provider, :name, :state, :secrets, cast(:settings AS jsonb), cast(:mapping AS jsonb), :mapping_version,
            :mapping_version)
    ON CONFLICT (key) DO UPDATE SET
        name = excluded.name, state = excluded.state, secrets = excluded.secrets, settings = excluded.settings,
        mapping = excluded.mapping, mapping_version = excluded.mapping_version, updated_at = clock_timestamp()
    """
)


async def upsert(session: AsyncSession, values: Mapping[str, Any]) -> None:
    await session.execute(
        _UPSERT,
        dict(values)
        | {"settings": orjson.dumps(values["settings"]).decode(), "mapping": orjson.dumps(values["mapping"]).decode()},
    )


@dataclass(frozen=True, slots=True)
class ToBeRemapped:
    """Connections of whose mapping a version is in use that not all records were mapped by, with that version.

    Transactions below `running` are finished; those below `begun` began before this was read.
    """

    versions: dict[str, int]
    running: int
    begun: int


async def sealed_for_update(session: AsyncSession) -> Sequence[RowMapping]:
    """Key and sealed secrets of every connection, locked in the order of keys."""
    return (await session.execute(text("SELECT key, secrets FROM connection ORDER BY key FOR UPDATE"))).mappings().all()


async def seal(session: AsyncSession, sealed: Mapping[str, bytes]) -> None:
    """Put other bytes in the place of sealed secrets."""
    await session.execute(
        text(
            """
            UPDATE connection c SET secrets = n.secrets
            FROM unnest(cast(:keys AS text[]), cast(:secrets AS bytea[])) AS n (key, secrets) WHERE c.key = n.key
            """
        ),
        {"keys": list(sealed), "secrets": list(sealed.values())},
    )


async def to_be_remapped(session: AsyncSession) -> ToBeRemapped:
    snapshot = await session.execute(
        text(
            "SELECT pg_snapshot_xmin(now)::text::bigint AS running, pg_snapshot_xmax(now)::text::bigint AS begun"
            " FROM pg_current_snapshot() AS now"
        )
    )
    running, begun = snapshot.one()
    found = await session.execute(
        text("SELECT key, mapping_version FROM connection WHERE remapped_to < mapping_version ORDER BY key")
    )
    return ToBeRemapped({row.key: row.mapping_version for row in found}, running, begun)


async def note_remapped(session: AsyncSession, key: str, version: int) -> None:
    await session.execute(
        text("UPDATE connection SET remapped_to = greatest(remapped_to, :version) WHERE key = :key"),
        {"key": key, "version": version},
    )


_FORGET_REFUSALS = text("DELETE FROM reading_refused WHERE connection = :key RETURNING object_type")
_ASK_AGAIN = text(
    """
    UPDATE fetch_signal SET due_at = clock_timestamp()
    WHERE connection = :key AND object_type = ANY(cast(:types AS text[])) AND due_at > clock_timestamp()
    """
)


async def ask_again(session: AsyncSession, key: str) -> None:
    """A connection was changed, perhaps given another credential: what its CRM refused to tell is asked for at once."""
    if types := list((await session.scalars(_FORGET_REFUSALS, {"key": key})).all()):
        await session.execute(_ASK_AGAIN, {"key": key, "types": types})
