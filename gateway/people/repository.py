"""Named queries over people whose match keys are not told yet."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


@dataclass(frozen=True, slots=True)
class Untold:
    """A person as known now, all null where erased; `version` is higher than any told before."""

    id: UUID
    version: int
    name: str | None = None
    email: str | None = None
    phone: str | None = None


_NOTE_SECRET = text(
    """
    INSERT INTO match_secret AS known (sole, fingerprint) VALUES (true, :fingerprint)
    ON CONFLICT (sole) DO UPDATE SET fingerprint = excluded.fingerprint WHERE known.fingerprint <> excluded.fingerprint
    RETURNING sole
    """
)


async def note_secret(session: AsyncSession, fingerprint: str) -> None:
    """Remember by which secret keys are made; with another one than before everybody's are to be told again."""
    if await session.scalar(_NOTE_SECRET, {"fingerprint": fingerprint}):
        await session.execute(text("UPDATE person SET keyed_at = NULL WHERE keyed_at IS NOT NULL"))


_ERASED = text(
    """
    DELETE FROM person_erased
    WHERE id IN (SELECT id FROM person_erased ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED)
    RETURNING id, nextval('person_key_version') AS version
    """
)
_CHANGED = text(
    """
    UPDATE person SET keyed_at = updated_at
    WHERE id IN (
        SELECT id FROM person WHERE kind <> 'user' AND keyed_at IS DISTINCT FROM updated_at
        ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED
    )
    RETURNING id, nextval('person_key_version') AS version, name, email, phone
    """
)


async def take_untold(session: AsyncSession, *, limit: int) -> Sequence[Untold]:
    """People that are new, changed or erased since their keys were told; taken as told with this transaction.

    The erased come first: one that a CRM sends again afterwards is told later, with a higher version.
    """
    erased = [Untold(row.id, row.version) for row in await session.execute(_ERASED, {"limit": limit})]
    changed = [Untold(*row) for row in await session.execute(_CHANGED, {"limit": limit})]
    return [*erased, *changed]
