"""Following up what customers promised: opened when they accept, asked of the seller, answered or moved; nothing is ever changed."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.calendar import local_date
from libs.common.ids import new_id
from libs.common.messaging import outbox
from libs.common.web.auth import Principal, require
from libs.common.web.errors import Invalid, NotFound
from libs.common.web.idempotency import sent
from services.pricing.config import business_day, settings_of
from services.pricing.promises import repository
from services.pricing.promises.models import DUE, Followed, Part
from services.pricing.promises.schemas import AnswerIn
from services.pricing.promises.standing import Record, record

READERS = ("seller", "manager", "sales_ops", "finance", "cso", "ceo")
WRITERS = ("seller", "manager", "sales_ops", "cso")
_SYSTEM = Principal.system("pricing")


class PartNotFound(NotFound):
    """No such promised part within the principal's scope, or it is not owed any more."""


class MovedToThePast(Invalid):
    """A part is asked for on a day to come."""


async def open_parts(
    session: AsyncSession,
    quote_id: UUID,
    revision: int,
    pairs: Sequence[Mapping[str, Any]],
    *,
    currency: str,
    at: datetime,
    principal: Principal,
) -> None:
    """Keep what a customer promised by accepting a revision that the caller has found; once, however often it is called."""
    require(principal, *WRITERS)
    agreed_on = local_date(at, settings_of(session).org_timezone)
    recorded_at = await outbox.stamp(session)
    await repository.add(
        session,
        [
            Part(
                new_id(), quote_id, revision, position, each["given"], each["given_note"], each["got"],
                each["got_note"],
                None if each["value"] is None else Decimal(each["value"]), currency, agreed_on + DUE[each["got"]], at, recorded_at,
            )
            for position, each in enumerate(pairs, 1)
        ],
    )  # fmt: skip


async def answer(
    session: AsyncSession, part_id: UUID, wanted: AnswerIn, *, idempotency_key: str | None, principal: Principal
) -> Followed:
    """Say whether a part was kept, or ask later. Raises PartNotFound, MovedToThePast, IdempotencyKeyReused."""
    require(principal, *WRITERS)
    await _one(session, part_id, principal=principal)
    today = business_day(session)
    if wanted.due is not None and wanted.due < today:
        raise MovedToThePast(f"due: {wanted.due} has passed; choose today, {today}, or a later day.")
    request = sent(
        "promised part answer", f"{part_id} {wanted.model_dump_json()}", idempotency_key, principal=principal
    )
    if not request.was_taken(await repository.digest_of(session, request.id)):
        said = {"entry_id": request.id, "part_id": part_id, "author": principal.subject, **wanted.model_dump()}
        kept = {"request_digest": request.digest, "recorded_at": await outbox.stamp(session)}
        await repository.say(session, said | kept)
    return await _one(session, part_id, principal=principal)


async def listed(
    session: AsyncSession, *, quote_id: UUID | None = None, account_id: UUID | None = None, principal: Principal
) -> list[Followed]:
    """Parts that are owed within the principal's scope: overdue, then not known yet, by their day, then answered."""
    require(principal, *READERS)
    today = business_day(session)
    rows = await repository.followed(
        session, today=today, quote_id=quote_id, account_id=account_id, principal=principal
    )
    return sorted(rows, key=_turn)


async def records(
    session: AsyncSession, *, kinds: Sequence[str] | None = None, principal: Principal
) -> list[tuple[str, Record]]:
    """How often each kind of promise was kept in the whole company: numbers alone, so whatever the principal may see."""
    require(principal, *READERS)
    rows = await repository.followed(session, today=business_day(session), kinds=kinds, principal=_SYSTEM)
    kinds = sorted({row.part.got for row in rows})
    return [(kind, record(row.standing for row in rows if row.part.got == kind)) for kind in kinds]


async def _one(session: AsyncSession, part_id: UUID, *, principal: Principal) -> Followed:
    rows = await repository.followed(session, today=business_day(session), part_id=part_id, principal=principal)
    if not rows:
        raise PartNotFound(f"There is no promised part {part_id} that is owed, among those you may see.")
    return rows[0]


def _turn(row: Followed) -> tuple[bool, bool, date, UUID]:
    return not row.standing.is_overdue, row.standing.state != "not_known", row.standing.due, row.part.part_id
