"""What CRMs tell of splits, lines and competitors: statements of theirs among those of people, in the same order of instants.

The capabilities beside this one say what a CRM's words come to. What cannot stand is kept with the reason, and shown.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID, uuid5

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.events.base import Received
from libs.common.events.beside import CrmBeside
from libs.common.messaging import outbox
from libs.common.web.auth import ROLES, Principal, require
from services.deals.statements import repository, service
from services.deals.statements.models import Held, Part

Told = Literal["lines", "splits", "competitors"]
AUTHOR: Final = "crm:"
"""The beginning of the author of what a CRM stated; its connection follows."""


class CannotStand(ValueError):
    """What the CRM tells makes no statement; the message says why."""


@dataclass(frozen=True, slots=True)
class Word:
    """What a CRM told last of a part. `told_at`: when it was asked; `at`: from when it holds."""

    told_at: datetime
    mapping_version: int
    at: datetime
    said: Mapping[str, Any]
    problem: str | None


@dataclass(frozen=True, slots=True)
class Said:
    """A statement that follows from what a CRM told."""

    part: Part
    said: Mapping[str, Any]
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Stated:
    """A statement of a CRM that follows from what it told and from what became of the deal."""

    deal_id: UUID
    said: Said
    at: datetime
    author: str


Meaning = Callable[[Mapping[str, Any], Held | None, Mapping[str, Any]], Sequence[Said]]
"""What a CRM's words say of a deal, given what it said before; raises CannotStand. The deal is None where it has not arrived."""


async def hear(
    session: AsyncSession,
    part: Told,
    events: Sequence[Received[Any]],
    meaning: Meaning,
    *,
    principal: Principal,
) -> Mapping[UUID, Word]:
    """Keep what CRMs tell, in any order and repetition; returns the words that are new, by deal.

    What says the same as before makes no statement, and what cannot be understood leaves what stood before.
    """
    require(principal, "system")
    ids = sorted({each.data.deal_id for each in events})
    await repository.lock(session, ids)
    deals = await service.held(session, ids, principal=principal)
    known = await repository.told(session, ids, part)
    numbers = await repository.newest(session, ids)
    rows: list[dict[str, Any]] = []
    changed: dict[UUID, Word] = {}
    for each in sorted(events, key=lambda one: order(one.data)):
        deal_id, before = each.data.deal_id, known.get(each.data.deal_id)
        if before is not None and order(each.data) <= (before.told_at, before.mapping_version):
            continue  # an older word: what it said has been said otherwise since
        word = _word(each.data, deals.get(deal_id))
        said: Sequence[Said] = ()
        if word.problem is not None:
            pass  # what stood before stays
        elif before is None or dict(word.said) != dict(before.said):
            try:
                said = meaning(word.said, deals.get(deal_id), before.said if before and not before.problem else {})
            except CannotStand as reason:
                word = _with_problem(word, str(reason))
        elif before.problem:
            word = _with_problem(word, before.problem)
        known[deal_id] = changed[deal_id] = word
        for one in said:
            numbers[deal_id] = numbers.get(deal_id, 0) + 1
            entry_id = uuid5(each.id, f"{one.part} {one.subject}")
            rows.append(_row(deal_id, entry_id, one, word.at, numbers[deal_id], f"{AUTHOR}{each.data.connection}"))
    if changed:
        recorded_at = await outbox.stamp(session)
        await repository.append(session, [row | {"recorded_at": recorded_at} for row in rows])
        await repository.put_told(session, part, changed)
    return changed


async def state(session: AsyncSession, stated: Sequence[Stated], *, principal: Principal) -> None:
    """Append statements, one after the other, of deals that the caller has locked."""
    require(principal, "system")
    if not stated:
        return
    numbers = dict(await versions(session, {each.deal_id for each in stated}, principal=principal))
    recorded_at = await outbox.stamp(session)
    rows = []
    for each in stated:
        version = numbers[each.deal_id] = numbers.get(each.deal_id, 0) + 1
        entry_id = uuid5(each.deal_id, f"{each.said.part} {version}")
        row = _row(each.deal_id, entry_id, each.said, each.at, version, each.author)
        rows.append(row | {"recorded_at": recorded_at})
    await repository.append(session, rows)


async def versions(session: AsyncSession, deals: Collection[UUID], *, principal: Principal) -> Mapping[UUID, int]:
    """The greatest version of any statement, by deal; deals without one are left out."""
    require(principal, "system")
    return await repository.newest(session, deals)


async def problem_of(session: AsyncSession, deal_id: UUID, part: Told, *, principal: Principal) -> str | None:
    """Why nothing stands by what the CRM tells now of a deal that the caller found within scope; None where all is well."""
    require(principal, *ROLES)
    word = (await repository.told(session, [deal_id], part)).get(deal_id)
    return None if word is None else word.problem


def is_of_a_crm(author: str) -> bool:
    return author.startswith(AUTHOR)


def order(data: CrmBeside) -> tuple[datetime, int]:
    """Of several words of a CRM on one deal the greatest is the newest."""
    return data.clock.crm_time, data.clock.mapping_version


def _word(data: CrmBeside, deal: Held | None) -> Word:
    """A closed deal is corrected from its closing on, not from today."""
    at = holds_from(data)
    if deal is not None:
        at = service.booked_until(deal, at)
    envelope = {*CrmBeside.model_fields, "problem"}
    said = data.model_dump(mode="json", exclude=envelope)
    return Word(data.clock.crm_time, data.clock.mapping_version, at, said, data.problem)


def holds_from(data: CrmBeside) -> datetime:
    """From when a word holds of an open deal."""
    return min(data.since or data.clock.crm_time, clock.now())


def _with_problem(word: Word, problem: str) -> Word:
    return Word(word.told_at, word.mapping_version, word.at, word.said, problem)


def _row(deal_id: UUID, entry_id: UUID, said: Said, at: datetime, version: int, author: str) -> dict[str, Any]:
    return {
        "entry_id": entry_id,
        "deal_id": deal_id,
        "version": version,
        "part": said.part,
        "subject": said.subject,
        "said": said.said,
        "at": at,
        "author": author,
        "request_digest": "",
    }


def subjects(said: Mapping[str, Any], name: str) -> Collection[str]:
    """The words of a list that a CRM told, each in the form that tells it from others."""
    return {str(each).casefold() for each in said.get(name, ())}
