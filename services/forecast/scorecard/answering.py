"""Questions about lines of signed scorecards, and answers: appended, and bound to the version that they are about."""

from typing import Any

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.messaging import outbox
from libs.common.web.auth import Principal
from libs.common.web.errors import Invalid
from libs.common.web.idempotency import sent
from services.forecast.scorecard import repository, service
from services.forecast.scorecard.schemas import NoteIn, NoteOut
from services.forecast.scorecard.service import note_out


class NoSuchLine(Invalid):
    """The document has no line of this name, or the note that is answered is of another one."""


async def ask(
    session: AsyncSession, key: str, version: int, wanted: NoteIn, *, idempotency_key: str | None, principal: Principal
) -> NoteOut:
    """Ask about a line of one version, or answer. It stays with that version.

    Raises NoSuchCard, NoSuchLine, IdempotencyKeyReused.
    """
    card = await service.signed(session, key, version, principal=principal)
    request = sent(
        "scorecard-note", f"{card['position']}:{wanted.model_dump_json()}", idempotency_key, principal=principal
    )
    known = await repository.note(session, request.id)
    if known is not None and request.was_taken(known["request_digest"]):
        return note_out(known)
    contents = orjson.loads(card["document"])["contents"]
    if wanted.line not in _lines(contents):
        raise NoSuchLine(f"line: version {version} of {contents['label']} has no line {wanted.line!r}.")
    if wanted.answers is not None:
        asked = await repository.note(session, wanted.answers)
        if asked is None or (asked["card_position"], asked["line"]) != (card["position"], wanted.line):
            raise NoSuchLine(f"answers: {wanted.answers} is no question on {wanted.line!r} of this version.")
    row = {
        "note_id": request.id,
        "card_position": card["position"],
        "line": wanted.line,
        "answers": wanted.answers,
        "body": wanted.body,
        "written_by": principal.subject,
        "written_at": await outbox.stamp(session),
        "request_digest": request.digest,
    }
    await repository.append_note(session, row)
    return note_out(row)


def _lines(part: Any) -> set[str]:
    """The names of all lines, wherever they stand."""
    if isinstance(part, list):
        return set().union(*(_lines(each) for each in part)) if part else set()
    if isinstance(part, dict):
        own = {part["line"]} if isinstance(part.get("line"), str) else set()
        return own.union(*(_lines(each) for each in part.values()))
    return set()
