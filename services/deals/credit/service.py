"""Splits: who is credited with a deal, by which versions, and what that comes to by person."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.organisation import scope_parameters
from libs.common.web.auth import ROLES, Principal, require
from libs.common.web.errors import Invalid
from libs.common.web.idempotency import sent
from services.deals.chronicle import EVER_KNOWN
from services.deals.config import business_zone
from services.deals.credit import repository
from services.deals.credit import told as telling
from services.deals.credit.following import problem_of
from services.deals.credit.schemas import (
    CreditedOut,
    CreditOut,
    PersonOut,
    SaidOut,
    ShareIn,
    SplitIn,
    SplitsOut,
    WholeOut,
)
from services.deals.credit.share import DoesNotAdd, Share, check_people, check_revenue, overlay, revenue
from services.deals.statements import service as statements
from services.deals.statements.models import Part, Statement, Wanted

PARTS: tuple[Part, Part] = ("revenue", "overlay")


class SplitRefused(Invalid):
    """Shares that do not make a whole, or name people who are not there."""


async def read(
    session: AsyncSession,
    deal_id: UUID,
    *,
    as_of: datetime | None = None,
    known_at: datetime | None = None,
    principal: Principal,
) -> SplitsOut:
    """Who is credited with a deal. A closed one is credited as its splits stood at the end of its closing day. Raises NoSuchDeal."""
    deal = await statements.one(session, deal_id, principal=principal)
    now = clock.now()
    at = statements.booked_until(deal, as_of or now)
    found = await statements.standing(session, [deal_id], PARTS, as_of=at, known_at=known_at, principal=principal)
    told = {each.part: shares_of(each.said) for each in found}
    parts = revenue(deal.amount, deal.currency, deal.owner_id, told.get("revenue", ()))
    beside = overlay(deal.amount, deal.currency, told.get("overlay", ()))
    return SplitsOut(
        deal_id=deal_id,
        version=await statements.version_of(session, deal_id, principal=principal),
        as_of=as_of or now,
        known_at=min(known_at or now, now),
        owner_id=deal.owner_id,
        amount=deal.amount,
        currency=deal.currency,
        is_stated=bool(told.get("revenue")),
        revenue=[CreditOut.model_validate(each) for each in parts],
        overlay=[CreditOut.model_validate(each) for each in beside],
        crm_problem=await problem_of(session, deal, principal=principal),
        said=[
            _said(each)
            for each in await statements.history(session, deal_id, PARTS, known_at=known_at, principal=principal)
        ],
    )


async def say(
    session: AsyncSession,
    deal_id: UUID,
    wanted: SplitIn,
    *,
    idempotency_key: str | None,
    if_match: str | None = None,
    principal: Principal,
) -> SplitsOut:
    """Say who is credited. Raises NoSuchDeal, SplitRefused, NotYet, VersionHasMoved, IdempotencyKeyReused."""
    require(principal, *statements.WRITERS)
    await statements.one(session, deal_id, principal=principal)
    check(wanted)
    await require_known(session, [wanted], principal=principal)
    request = sent("split", f"{deal_id} {wanted.model_dump_json()}", idempotency_key, principal=principal)
    said = {"shares": [each.model_dump(mode="json") for each in wanted.shares]}
    kept = Wanted(request, deal_id, wanted.kind, said, at=wanted.at, if_match=if_match)
    await statements.keep(session, [kept], principal=principal)
    await telling.tell(session, [deal_id], principal=principal)
    return await read(session, deal_id, principal=principal)


def check(wanted: SplitIn) -> None:
    """Raise SplitRefused where shares do not make a whole."""
    shares = [Share(each.person_id, each.share) for each in wanted.shares]
    try:
        check_people(shares)
        if wanted.kind == "revenue":
            check_revenue(shares)
    except DoesNotAdd as error:
        raise SplitRefused(f"shares: {error}") from None


async def require_known(session: AsyncSession, wanted: Sequence[SplitIn], *, principal: Principal) -> None:
    """Raise SplitRefused for somebody whom no CRM told of. People of other teams may be credited."""
    require(principal, *statements.WRITERS)
    people = {each.person_id for split in wanted for each in split.shares}
    unknown = people - await repository.known(session, people)
    if unknown:
        raise SplitRefused(f"shares: nobody with the id {min(unknown)} is known; take one of the CRM's users.")


@dataclass(slots=True)
class _Sum:
    deals: set[UUID] = field(default_factory=set)
    whole_deals: int = 0
    own: Decimal = Decimal()
    from_others: Decimal = Decimal()
    unpriced: int = 0
    overlay: Decimal = Decimal()


async def credited(
    session: AsyncSession,
    *,
    state: Literal["open", "won"],
    closes_from: date | None,
    closes_until: date | None,
    as_of: datetime | None = None,
    known_at: datetime | None = None,
    principal: Principal,
) -> CreditedOut:
    """Deals within scope by whom they are credited to; people's amounts and nobody's add to the whole, to the cent."""
    require(principal, *ROLES)
    now = clock.now()
    asked = {"state": state, "closes_from": closes_from, "closes_until": closes_until, "zone": str(business_zone())}
    asked |= {"as_of": as_of or now, "known_at": known_at or EVER_KNOWN} | scope_parameters(principal)
    people: dict[tuple[UUID | None, str | None], _Sum] = {}
    wholes: dict[str | None, WholeOut] = {}
    for row in await repository.whole(session, asked):
        found = people.setdefault((row["owner_id"], row["currency"]), _Sum())
        found.whole_deals += row["deals"]
        found.own += row["amount"]
        found.unpriced += row["unpriced"]
        _count(wholes, row["currency"], row["deals"], row["amount"], row["unpriced"])
    for row in await repository.split(session, asked):
        _credit(people, row)
        _count(wholes, row["currency"], 1, row["amount"] or Decimal(), int(row["amount"] is None))
    return CreditedOut(
        as_of=as_of or now,
        known_at=min(known_at or now, now),
        state=state,
        closes_from=closes_from,
        closes_until=closes_until,
        people=sorted((_person(*who, sums) for who, sums in people.items()), key=_place),
        whole=sorted(wholes.values(), key=lambda each: (each.currency is None, -each.amount, each.currency)),
    )


async def owner_shares(session: AsyncSession, deals: Collection[UUID], *, principal: Principal) -> dict[UUID, Decimal]:
    """What of each deal within scope is credited to its owner, 0 where others have it all; deals without a split are left out."""
    seen = await statements.held(session, deals, principal=principal)
    asked = {deal.deal_id: statements.booked_until(deal, clock.now()) for deal in seen.values()}
    told = {row["deal_id"]: shares_of(row["said"]) for row in await repository.counting(session, asked)}
    return {
        deal_id: sum((each.share for each in shares if each.person_id == seen[deal_id].owner_id), Decimal())
        for deal_id, shares in told.items()
        if shares
    }


def _credit(people: dict[tuple[UUID | None, str | None], _Sum], row: Mapping[Any, Any]) -> None:
    amount, currency, owner = row["amount"], row["currency"], row["owner_id"]
    for part in revenue(amount, currency, owner, shares_of(row["revenue"])):
        found = people.setdefault((part.person_id, currency), _Sum())
        found.deals.add(row["deal_id"])
        found.unpriced += part.amount is None
        if part.person_id == owner:
            found.own += part.amount or 0
        else:
            found.from_others += part.amount or 0
    for part in overlay(amount, currency, shares_of(row["overlay"])):
        found = people.setdefault((part.person_id, currency), _Sum())
        found.overlay += part.amount or 0


def _count(
    wholes: dict[str | None, WholeOut], currency: str | None, deals: int, amount: Decimal, unpriced: int
) -> None:
    known = wholes.get(currency, WholeOut(currency=currency, deals=0, amount=Decimal(), unpriced=0))
    wholes[currency] = WholeOut(
        currency=currency, deals=known.deals + deals, amount=known.amount + amount, unpriced=known.unpriced + unpriced
    )


def _person(person_id: UUID | None, currency: str | None, sums: _Sum) -> PersonOut:
    return PersonOut(
        person_id=person_id,
        currency=currency,
        deals=sums.whole_deals + len(sums.deals),
        amount=sums.own + sums.from_others,
        own=sums.own,
        from_others=sums.from_others,
        unpriced=sums.unpriced,
        overlay=sums.overlay,
    )


def _place(each: PersonOut) -> tuple[bool, str, bool, Decimal, str]:
    return (each.currency is None, each.currency or "", each.person_id is None, -each.amount, str(each.person_id))


def shares_of(said: Mapping[str, Any] | None) -> list[Share]:
    """The shares that a statement holds; none without one."""
    return [Share(UUID(each["person_id"]), Decimal(each["share"])) for each in (said or {}).get("shares", ())]


def _said(each: Statement) -> SaidOut:
    shares = [ShareIn.model_validate(one) for one in each.said["shares"]]
    return SaidOut(
        entry_id=each.entry_id,
        version=each.version,
        kind="overlay" if each.part == "overlay" else "revenue",
        shares=shares,
        at=each.at,
        author=each.author,
        recorded_at=each.recorded_at,
    )
