"""Why a projection moved since an instant: the terms of a node, and the deals that moved it most."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import money
from libs.common.web.auth import Principal
from services.forecast.config import settings_of
from services.forecast.history.columns import day_number, last_import
from services.forecast.history.service import UnknownDeal
from services.forecast.movement.schemas import EndOut
from services.forecast.movement.service import BackwardMovement
from services.forecast.outlook import service, shown
from services.forecast.outlook.reasons import (
    DealEndOut,
    DealMovedOut,
    DealMovedReading,
    DealReasonOut,
    MovedReading,
    OthersMovedOut,
    ReasonOut,
    Term,
)
from services.forecast.outlook.schemas import PartsOut
from services.forecast.outlook.service import Projected
from services.forecast.past import service as past
from services.forecast.projection import moving
from services.forecast.projection.moving import NEW, TERMS, Look, Moved, Side
from services.forecast.projection.steps import Floats, Index
from services.forecast.readings.asked import Question
from services.forecast.readings.figures import WON
from services.forecast.readings.service import envelope, period_out

METRIC: Final = "projection-moved-2"
"""Changes whenever a term's definition does."""
USUAL: Final = timedelta(days=7)
ROUNDED: Final = 3
"""Minor units that the rounding of parts may leave; more is a defect."""


@dataclass(frozen=True, slots=True)
class Since:
    """The start: as valid then (a week before the end, if None) and as known then (at `at`, if None)."""

    at: datetime | None = None
    known_at: datetime | None = None


@dataclass(frozen=True)
class Explained:
    """Two projections of one part and period, and what moved between them."""

    then: Projected
    now: Projected
    imported_at: datetime | None
    moved: Moved


async def read(
    session: AsyncSession, question: Question, since: Since, *, limit: int, principal: Principal
) -> MovedReading:
    """The terms of a node and the deals that moved most. Raises BackwardMovement, and what readings raise."""
    found = await _explained(session, question, since, principal=principal)
    currency = found.now.asked.rates.base
    then, now = (_parts(each) for each in (found.then, found.now))
    due = [_due(each) for each in (found.then, found.now)]
    was, now_is = _of_deals(then) - due[0], _of_deals(now) - due[1]
    change = now_is - was
    moved = found.moved
    sums = [float(moved.worth[name].sum()) for name in TERMS]
    amounts, residual = to_the_cent(was, sums, now_is, currency)
    new, left = to_the_cent(then.not_created, [moved.new[name] for name in NEW], now.not_created, currency)
    counts = [int(np.count_nonzero(moved.worth[name])) for name in TERMS]
    by_deal = moved.now.adds - moved.then.adds
    order = np.argsort(-np.abs(by_deal), kind="stable")
    items = await _deals(session, found, order[by_deal[order] != 0][:limit])
    return MovedReading(
        **await _head(session, found),
        then=then,
        now=now,
        change=now.projection - then.projection,
        terms=[
            *(_reason(name, amount, deals) for name, amount, deals in zip(TERMS, amounts, counts, strict=True)),
            *(_reason(name, amount, None) for name, amount in zip(NEW, new, strict=True)),
            _reason("due", due[1] - due[0], None),
            _reason("blend", now.blend - then.blend, None),
        ],
        residual=residual + left,
        deals=items,
        others=OthersMovedOut(
            deals=int(np.count_nonzero(by_deal)) - len(items),
            change=change - sum((each.change for each in items), Decimal()),
        ),
    )


async def of_deal(
    session: AsyncSession, question: Question, since: Since, deal_id: UUID, *, principal: Principal
) -> DealMovedReading:
    """Why one deal moved. Raises UnknownDeal when it adds nothing at either end, BackwardMovement, and what readings raise."""
    found = await _explained(session, question, since, principal=principal)
    places = np.flatnonzero(found.moved.deal == found.now.learnt.columns.code("deal", str(deal_id)))
    if not len(places):
        raise UnknownDeal(f"Deal {deal_id} is in neither projection, or you may not see it.")
    return DealMovedReading(**await _head(session, found), deal=(await _deals(session, found, places))[0])


def to_the_cent(begin: Decimal, moves: Sequence[float], end: Decimal, currency: str) -> tuple[list[Decimal], Decimal]:
    """Moves in minor units, so that they lead from `begin` to `end`, and what they leave.

    The levels between them are rounded, not they themselves; what the rounding of the ends leaves goes to the greatest.
    """
    levels = [begin, *(begin + shown.amount(each, currency) for each in np.cumsum(moves).tolist())]
    found = [after - before for before, after in pairwise(levels)]
    left = end - levels[-1]
    if moves and abs(left) <= ROUNDED * Decimal(1).scaleb(-money.exponent(currency)):
        found[int(np.argmax(np.abs(moves)))] += left
        left = Decimal()
    return found, left


async def _explained(session: AsyncSession, question: Question, since: Since, *, principal: Principal) -> Explained:
    now = await service.projected(session, question, target=None, principal=principal)
    until = now.asked
    imported_at = last_import(await past.columns(session), until.known_at)
    at = since.at or _usual(now, settings_of(session).org_timezone)
    # What was imported without its times of recording was known to nobody before; such a start is as known when it came.
    known_at = since.known_at or min(max(at, imported_at or at), until.known_at)
    # Of a business date that is looked back on it is today's organisation at both ends.
    organisation = question.organisation or ("is" if question.day and not question.as_of else None)
    wanted = replace(
        question, as_of=at, known_at=known_at, period=until.period.key, day=None, organisation=organisation
    )
    then = await service.projected(session, wanted, target=None, principal=principal)
    if then.asked.as_of > until.as_of or then.asked.known_at > until.known_at or _today(then) > _today(now):
        raise BackwardMovement(
            f"since ({at.isoformat()}, known {known_at.isoformat()}) must not be later than the end."
        )
    start, end = day_number(until.period.start), day_number(until.period.end)

    def explained() -> Moved:
        return moving.explain(_look(then), _look(now), start, end)

    return Explained(then, now, imported_at, await asyncio.to_thread(explained))


def _usual(now: Projected, zone: str) -> datetime:
    """A week before the end; where nothing is live the end is the day of the newest imported change."""
    asked = now.asked
    if asked.business_date.basis != "import":
        return asked.as_of - USUAL
    over = datetime.combine(asked.business_date.day + timedelta(days=1), time(), ZoneInfo(zone))
    return min(asked.as_of, over) - USUAL


def _today(found: Projected) -> int:
    return found.learnt.model.today


def _look(found: Projected) -> Look:
    asked, learnt = found.asked, found.learnt
    if asked.past is None:
        raise ValueError("a projection is made from history")
    stood = asked.past.population
    won = stood.where((stood.line == WON) & stood.in_days(asked.period.start, asked.period.end))
    brought = won.amount[0] / 10.0 ** money.exponent(asked.rates.base)
    return Look(learnt.model, learnt.deal, found.part, won.columns.deal[won.rows].astype(np.intp), brought)


def _parts(found: Projected) -> PartsOut:
    return shown.parts(found.closed, found.outlook, found.blend, found.asked.rates.base)


def _of_deals(parts: PartsOut) -> Decimal:
    """What deals that are there add, and contracts that fall due."""
    return parts.closed + parts.open + parts.renewals


def _due(found: Projected) -> Decimal:
    """What contracts add that fall due without a deal."""
    return shown.amount(found.outlook.due.mean if found.outlook else 0.0, found.asked.rates.base)


def _reason(term: str, amount: Decimal, deals: int | None) -> ReasonOut:
    return ReasonOut.model_validate({"term": term, "amount": amount, "deals": deals})


async def _head(session: AsyncSession, found: Explained) -> dict[str, Any]:
    asked = found.now.asked
    return {
        **await envelope(session, asked),
        "metric_version": METRIC,
        "period": period_out(asked.period, asked.business_date.day),
        "since": _end(found.then),
        "until": _end(found.now),
        "imported_at": found.imported_at,
        "settings": found.now.learnt.model.settings.digest,
    }


def _end(found: Projected) -> EndOut:
    asked = found.asked
    return EndOut(as_of=asked.as_of, known_at=asked.known_at, day=asked.business_date.day)


async def _deals(session: AsyncSession, found: Explained, places: Index) -> list[DealMovedOut]:
    codes = found.moved.deal[places]
    then, now = [await _entries(session, each, codes) for each in (found.then, found.now)]
    return [
        _deal(found, int(at), then.get(int(code)), now.get(int(code))) for at, code in zip(places, codes, strict=True)
    ]


async def _entries(session: AsyncSession, found: Projected, codes: Index) -> dict[int, dict[str, Any]]:
    """What was last recorded of deals by their codes, of those that were known."""
    known = found.learnt.deal
    numbers = np.searchsorted(known, codes) if len(known) else np.zeros(len(codes), dtype=np.intp)
    there = numbers < len(known)
    there[there] = known[numbers[there]] == codes[there]
    stored = await service.entries(session, found.learnt, numbers[there])
    return dict(zip(codes[there].tolist(), stored, strict=True))


def _deal(found: Explained, at: int, then: dict[str, Any] | None, now: dict[str, Any] | None) -> DealMovedOut:
    moved, currency = found.moved, found.now.asked.rates.base
    latest = now or then
    if latest is None:
        raise ValueError("a deal that moved is known at one end")
    before, after = (shown.amount(float(side.adds[at]), currency) for side in (moved.then, moved.now))
    amounts, _ = to_the_cent(before, [float(moved.worth[name][at]) for name in TERMS], after, currency)
    chances = [round(float(each), 6) for each in _levels(float(moved.then.chance[at]), moved, at)]
    terms = [
        DealReasonOut.model_validate({"term": name, "amount": amount, "chance": round(chance, 6)})
        for name, amount, chance in zip(TERMS, amounts, np.diff(chances).tolist(), strict=True)
        if amount or chance
    ]
    greatest = max(terms, key=lambda each: (abs(each.amount), abs(each.chance)), default=None)
    term: Term | None = greatest.term if greatest else None
    return DealMovedOut(
        deal_id=latest["deal_id"],
        name=latest["name"],
        change=after - before,
        chance_change=round(chances[-1] - chances[0], 6),
        term=term,
        terms=terms,
        then=_deal_end(moved.then, at, then, currency),
        now=_deal_end(moved.now, at, now, currency),
        changed_at=latest["valid_from"],
        cause_delivery=latest["cause_delivery"],
    )


def _levels(begin: float, moved: Moved, at: int) -> Floats:
    """The chance of a deal before each term, and after the last."""
    moves = [float(moved.chance[name][at]) for name in TERMS]
    levels: Floats = np.cumsum([begin, *moves])
    return levels


def _deal_end(side: Side, at: int, entry: dict[str, Any] | None, currency: str) -> DealEndOut | None:
    if entry is None:
        return None
    return DealEndOut(
        chance=round(float(side.chance[at]), 6),
        brings=shown.amount(float(side.brings[at]), currency),
        adds=shown.amount(float(side.adds[at]), currency),
        stage=entry["stage"],
        amount=entry["amount"],
        close_date=entry["close_date"],
    )
