"""Competitors: who else offers in a deal, what became of that, and how often we win against them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.organisation import scope_parameters
from libs.common.web.auth import ROLES, Principal, require
from libs.common.web.errors import Conflict
from libs.common.web.idempotency import sent
from services.deals.competitors import repository
from services.deals.competitors.odds import odds
from services.deals.competitors.schemas import (
    AgainstOut,
    CompetitorIn,
    CompetitorOut,
    CompetitorsOut,
    NamedOut,
    NamedPage,
    SaidOut,
)
from services.deals.statements import service as statements
from services.deals.statements.models import Held, Statement, Wanted

MOST: Final = 500


class DoesNotFitTheDeal(Conflict):
    """What is said of a competitor does not go together with how the deal stands."""


async def read(
    session: AsyncSession,
    deal_id: UUID,
    *,
    as_of: datetime | None = None,
    known_at: datetime | None = None,
    principal: Principal,
) -> CompetitorsOut:
    """Who else offers in a deal, each with the record against them. Raises NoSuchDeal."""
    deal = await statements.one(session, deal_id, principal=principal)
    now = clock.now()
    told = await _standing(session, deal_id, as_of=as_of, known_at=known_at, principal=principal)
    records = await _records(session, [each.subject for each in told], principal=principal)
    history = await statements.history(session, deal_id, ["competitor"], known_at=known_at, principal=principal)
    return CompetitorsOut(
        deal_id=deal_id,
        version=await statements.version_of(session, deal_id, principal=principal),
        as_of=as_of or now,
        known_at=min(known_at or now, now),
        loss_reason=deal.loss_reason,
        items=[
            CompetitorOut.model_validate(
                {**each.said, "at": each.at, "author": each.author, "against": records.get(each.subject, _against({}))}
            )
            for each in told
        ],
        said=[
            SaidOut.model_validate({**each.said, **{name: getattr(each, name) for name in _KEPT}}) for each in history
        ],
    )


_KEPT: Final = ("entry_id", "version", "at", "author", "recorded_at")


async def say(
    session: AsyncSession,
    deal_id: UUID,
    wanted: CompetitorIn,
    *,
    idempotency_key: str | None,
    principal: Principal,
) -> CompetitorsOut:
    """Name a competitor, or say what became of one. Raises NoSuchDeal, DoesNotFitTheDeal, NotYet, IdempotencyKeyReused."""
    require(principal, *statements.WRITERS)
    deal = await statements.one(session, deal_id, principal=principal)
    check(deal, wanted)
    request = sent("competitor", f"{deal_id} {wanted.model_dump_json()}", idempotency_key, principal=principal)
    await statements.keep(session, [kept(request, deal_id, wanted)], principal=principal)
    return await read(session, deal_id, principal=principal)


def kept(request: Any, deal_id: UUID, wanted: CompetitorIn) -> Wanted:
    """The statement by which a competitor is kept."""
    said = wanted.model_dump(mode="json", include={"competitor", "state", "source"})
    return Wanted(request, deal_id, "competitor", said, subject=wanted.key, at=wanted.at)


def check(deal: Held, wanted: CompetitorIn) -> None:
    """Raise DoesNotFitTheDeal for a deal that is lost to somebody without being lost, or that displaced somebody without being won."""
    if wanted.state == "lost_to" and deal.state != "lost":
        raise DoesNotFitTheDeal(
            f"state: {deal.name or 'the deal'} is {deal.state}, not lost; lose it in the CRM first."
        )
    if wanted.state == "displaced" and deal.state != "won":
        raise DoesNotFitTheDeal(f"state: {deal.name or 'the deal'} is {deal.state}, not won; nobody is displaced yet.")


async def named(session: AsyncSession, *, principal: Principal) -> NamedPage:
    """Everybody who was named in deals within scope, those named most often first, at most 500."""
    require(principal, *ROLES)
    now = clock.now()
    rows = await repository.against(session, None, scope_parameters(principal), as_of=now, limit=MOST)
    items = [NamedOut(competitor=row["competitor"], against=_against(row)) for row in rows]
    return NamedPage(as_of=now, items=items)


async def _standing(
    session: AsyncSession, deal_id: UUID, *, as_of: datetime | None, known_at: datetime | None, principal: Principal
) -> list[Statement]:
    found = await statements.standing(
        session, [deal_id], ["competitor"], as_of=as_of, known_at=known_at, principal=principal
    )
    return [each for each in found if each.said["state"] != "withdrawn"]


async def _records(session: AsyncSession, subjects: list[str], *, principal: Principal) -> dict[str, AgainstOut]:
    if not subjects:
        return {}
    rows = await repository.against(
        session, subjects, scope_parameters(principal), as_of=clock.now(), limit=len(subjects)
    )
    return {row["subject"]: _against(row) for row in rows}


def _against(row: Mapping[Any, Any]) -> AgainstOut:
    found = odds(row.get("won", 0), row.get("lost", 0))
    return AgainstOut(
        won=found.won,
        closed=found.closed,
        lost_to=row.get("lost_to", 0),
        open=row.get("open", 0),
        rate=found.rate,
        low=found.low,
        high=found.high,
    )
