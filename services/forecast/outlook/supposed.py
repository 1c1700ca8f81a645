"""What if, by HTTP: what a projection becomes with what is supposed of it."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from math import ceil
from typing import Any

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.web.auth import Principal
from libs.common.web.errors import Invalid
from services.forecast.history.columns import day_number
from services.forecast.outlook import service, shown, written
from services.forecast.outlook.schemas import (
    DealOut,
    EffectOut,
    LandingOut,
    NeededDealOut,
    NeededReading,
    SupposedReading,
)
from services.forecast.outlook.service import Projected
from services.forecast.outlook.written import Word
from services.forecast.projection import supposing
from services.forecast.projection.supposing import Supposition, World
from services.forecast.readings.asked import Question
from services.forecast.readings.service import envelope, period_out


class NothingToSuppose(Invalid):
    """The period is over."""


@dataclass(frozen=True, slots=True)
class Written:
    """A supposition as it was written, the number of its deal, if it is of one, and what it means to the engine."""

    word: Word
    deal: int | None
    means: Supposition


async def read(
    session: AsyncSession,
    question: Question,
    texts: Sequence[str],
    *,
    target: Decimal | None,
    principal: Principal,
) -> SupposedReading:
    """The projection as it is, and after each supposition, in their order.

    Raises UnreadableSupposition, NothingToSuppose, and what the projection raises.
    """
    words = written.read(texts)
    found = await open_period(session, question, target=target, principal=principal)
    means = _open_deals(words, found)
    landings = await asyncio.to_thread(lands, found, means, target)
    effects = await changes(session, found, means, landings)
    return SupposedReading(
        **{**await envelope(session, found.asked), "metric_version": service.METRIC},
        period=period_out(found.asked.period, found.asked.business_date.day),
        as_is=landings[0],
        supposed=landings[-1],
        effects=effects,
    )


async def checked(
    session: AsyncSession, question: Question, words: Sequence[Word], *, principal: Principal
) -> Projected:
    """The projection of which something is supposed. Raises what `read` raises."""
    found = await open_period(session, question, target=None, principal=principal)
    _open_deals(words, found)
    return found


def lands(found: Projected, means: Sequence[Written], target: Decimal | None) -> list[LandingOut]:
    """The projection as it is, and after each supposition."""
    worlds = supposing.suppose(_asked(found), [each.means for each in means])
    return [_landing(world, found, target) for world in worlds]


async def changes(
    session: AsyncSession, found: Projected, means: Sequence[Written], landings: Sequence[LandingOut]
) -> list[EffectOut]:
    """What each supposition changes, from the landings before and after it."""
    numbers = [each.parts.projection for each in landings]
    deals = np.array([each.deal for each in means if each.deal is not None], dtype=np.intp)
    named = iter(await service.entries(session, found.learnt, deals))
    return [
        EffectOut(
            suppose=each.word.text,
            deal=None if each.deal is None else deal_out(next(named)),
            change=after - before,
            projection=after,
        )
        for each, before, after in zip(means, numbers, numbers[1:], strict=False)
    ]


async def needed(
    session: AsyncSession, question: Question, *, target: Decimal, wanted: float, principal: Principal
) -> NeededReading:
    """What alone would make a target so likely. Raises NothingToSuppose, and what the projection raises."""
    found = await open_period(session, question, target=target, principal=principal)
    told = await asyncio.to_thread(supposing.needed, _asked(found), float(target), wanted)
    entries = await service.entries(
        session, found.learnt, np.array([number for number, _ in told.deals], dtype=np.intp)
    )
    return NeededReading(
        **{**await envelope(session, found.asked), "metric_version": service.METRIC},
        period=period_out(found.asked.period, found.asked.business_date.day),
        target=target,
        wanted=wanted,
        probability=round(told.now, 6),
        deals=[
            NeededDealOut(deal=deal_out(entry), probability=round(likely, 6))
            for entry, (_, likely) in zip(entries, told.deals, strict=True)
        ],
        deals_suffice=told.deals_suffice,
        pace=_up(told.pace),
        creation=_up(told.creation),
        most=supposing.MOST,
    )


async def open_period(
    session: AsyncSession, question: Question, *, target: Decimal | None, principal: Principal
) -> Projected:
    """The projection of a period that is not over. Raises NothingToSuppose, and what the projection raises."""
    found = await service.projected(session, question, target=target, principal=principal)
    if found.outlook is None:
        raise NothingToSuppose(f"period: {found.asked.period.label} is over; what was closed is known.")
    return found


def _asked(found: Projected) -> supposing.Asked:
    period = found.asked.period
    return supposing.Asked(
        found.learnt.model,
        day_number(period.end),
        start=day_number(period.start),
        part=found.part,
        closed=float(found.closed),
        blend=found.blend,
        stretch=found.wide.scale,
    )


def _up(factor: float | None) -> float | None:
    """To four places, never to less than is needed."""
    return None if factor is None else ceil(factor * 10_000) / 10_000


def deal_out(entry: Mapping[str, Any]) -> DealOut:
    return DealOut.model_validate({name: entry[name] for name in DealOut.model_fields})


def _landing(world: World, found: Projected, target: Decimal | None) -> LandingOut:
    outlook, currency = world.outlook(), found.asked.rates.base
    landing = supposing.landing_of(outlook, world.asked)
    told = shown.distribution(landing, found.wide, currency)
    return LandingOut(
        parts=shown.parts(found.closed, outlook, world.asked.blend, currency),
        bands=told["bands"],
        target=shown.target(landing, target),
    )


def taken(word: Word, found: Projected) -> Written | None:
    """What a word means of a projection; None if it is of a deal that is not open there."""
    number = None
    if word.deal is not None:
        number = found.learnt.number(word.deal)
        if number is None or found.outlook is None or not (found.outlook.standing.deal == number).any():
            return None
    return Written(word, number, _means(word, number))


def _means(word: Word, deal: int | None) -> Supposition:
    amount = None if word.amount is None else float(word.amount)
    match word:
        case Word(kind="won") if deal is not None:
            return supposing.Won(deal, amount)
        case Word(kind="lost") if deal is not None:
            return supposing.Lost(deal)
        case Word(kind="moved", day=date() as day) if deal is not None:
            return supposing.Moved(deal, float(day_number(day)))
        case Word(kind="added") if amount is not None:
            return supposing.Added(amount, chance=None if word.chance is None else float(word.chance))
        case Word(kind="without", count=int(count)):
            return supposing.WithoutLargest(count)
        case Word(kind="pace", factor=Decimal() as factor):
            return supposing.Pace(float(factor))
        case Word(kind="creation", factor=Decimal() as factor):
            return supposing.Creation(float(factor))
    raise ValueError(f"{word.text!r} lacks what its kind has")


def _open_deals(words: Sequence[Word], found: Projected) -> list[Written]:
    """What the words mean. Raises UnreadableSupposition for a deal that is not open in what was asked for."""
    every = []
    for word in words:
        means = taken(word, found)
        if means is None:
            raise written.wrong(
                word.text, str(word.deal), f"an open deal of {found.asked.org.name} as it was asked for"
            )
        every.append(means)
    return every
