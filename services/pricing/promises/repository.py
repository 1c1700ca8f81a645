"""Named queries over promised parts and what was said of them."""

from collections.abc import Sequence
from dataclasses import asdict, fields
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.organisation import scope_parameters, visible
from libs.common.web.auth import Principal
from services.pricing.promises.models import Followed, Part
from services.pricing.promises.standing import Answered, standing
from services.pricing.quotes.heirs import HEIR, PURSUED, of_heir

_NAMES = [each.name for each in fields(Part)]
_ADD = text(
    f"INSERT INTO promised_part ({', '.join(_NAMES)}) VALUES ({', '.join(f':{name}' for name in _NAMES)}) "  # noqa: S608
    "ON CONFLICT (quote_id, revision, position) DO NOTHING"
)
_SAY = text(
    """
    INSERT INTO promised_part_answer (entry_id, part_id, answer, due, note, author, request_digest, recorded_at)
    VALUES (:entry_id, :part_id, :answer, :due, :note, :author, :request_digest, :recorded_at)
    """
)
_DIGEST = text("SELECT request_digest FROM promised_part_answer WHERE entry_id = :entry_id")

_AGREED = f"quote.status = 'accepted' AND quote.revision = part.revision AND {PURSUED}"
"""A part is owed as long as its quote is what the customer accepted and the deal is not lost."""

_FOLLOWED = text(
    f"""
    SELECT {", ".join(f"part.{name}" for name in _NAMES)}, {of_heir("deal_id")} AS deal_id,
           {of_heir("name")} AS deal
    FROM promised_part part
    JOIN quote USING (quote_id)
    JOIN deal_reference deal USING (deal_id)
    {HEIR}
    WHERE {_AGREED} AND (cast(:quote_id AS uuid) IS NULL OR quote.quote_id = :quote_id)
      AND (cast(:part_id AS uuid) IS NULL OR part.part_id = :part_id)
      AND (cast(:account_id AS uuid) IS NULL OR {of_heir("account_id")} = :account_id)
      AND (cast(:kinds AS text[]) IS NULL OR part.got = ANY(cast(:kinds AS text[])))
      AND {visible(of_heir("owner_id"))}
    ORDER BY part.due, part.part_id
    """  # noqa: S608
)
_SAID = text(
    """
    SELECT part_id, entry_id, recorded_at, answer, due, note, author FROM promised_part_answer
    WHERE part_id = ANY(:parts) ORDER BY recorded_at, entry_id
    """
)


async def add(session: AsyncSession, parts: Sequence[Part]) -> None:
    if parts:
        await session.execute(_ADD, [asdict(each) for each in parts])


async def say(session: AsyncSession, entry: dict[str, Any]) -> None:
    await session.execute(_SAY, entry)


async def digest_of(session: AsyncSession, entry_id: UUID) -> str | None:
    """The digest of the request that made an answer; None if there is none."""
    found: str | None = await session.scalar(_DIGEST, {"entry_id": entry_id})
    return found


async def followed(
    session: AsyncSession,
    *,
    today: date,
    quote_id: UUID | None = None,
    account_id: UUID | None = None,
    part_id: UUID | None = None,
    kinds: Sequence[str] | None = None,
    principal: Principal,
) -> list[Followed]:
    """Parts that are owed, of deals within the principal's scope, by the day they were first due; `kinds`: of what was promised."""
    given = {"quote_id": quote_id, "account_id": account_id, "part_id": part_id, "kinds": kinds}
    rows = (await session.execute(_FOLLOWED, given | scope_parameters(principal))).all()
    said: dict[UUID, list[Any]] = {}
    for row in await session.execute(_SAID, {"parts": [row.part_id for row in rows]}):
        said.setdefault(row.part_id, []).append(row)
    found = []
    for row in rows:
        part, answers = Part(*row[:-2]), said.get(row.part_id, [])
        now = standing(
            part.due,
            [Answered(each.entry_id, each.recorded_at, each.answer, each.due) for each in answers],
            today=today,
        )
        last = answers[-1] if answers else None
        found.append(
            Followed(part, row.deal_id, row.deal, now, last.author if last else None, last.note if last else "")
        )
    return found
