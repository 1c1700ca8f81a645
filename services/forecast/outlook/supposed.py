"""What if, by HTTP: suppositions as they are written in an address, and what a projection becomes with them."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from math import ceil
from typing import Any, Final
from uuid import UUID

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.web.auth import Principal
from libs.common.web.errors import Invalid
from services.forecast.history.columns import day_number
from services.forecast.outlook import service, shown
from services.forecast.outlook.schemas import (
    DealOut,
    EffectOut,
    LandingOut,
    NeededDealOut,
    NeededReading,
    SupposedReading,
)
from services.forecast.outlook.service import Projected
from services.forecast.projection import supposing
from services.forecast.projection.supposing import Supposition, World
from services.forecast.readings.asked import Question
from services.forecast.readings.service import envelope, period_out

MOST: Final = 30
"""Suppositions of one question."""
_FORM: Final = re.compile(r"(?P<kind>[a-z]+):(?P<first>[^:]+)(:(?P<second>[^:]+))?")
_FORMS: Final = (
    "won:<deal>, won:<deal>:<amount>, lost:<deal>, moved:<deal>:<date>, added:<amount>, added:<amount>:<chance>, "
    "without:<number>, pace:<factor>, creation:<factor>"
)


class UnreadableSupposition(Invalid):
    """What is supposed cannot be understood, or not of what was asked for."""


class NothingToSuppose(Invalid):
    """The period is over."""


@dataclass(frozen=True, slots=True)
class Written:
    """A supposition as it was written, the number of its deal, if it is of one, and what it means to the engine."""

    text: str
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
    found = await _open(session, question, target=target, principal=principal)
    if len(texts) > MOST:
        raise UnreadableSupposition(f"suppose: {len(texts)} suppositions; at most {MOST} are taken at once.")
    written = [_written(text, found) for text in texts]

    def worked() -> list[LandingOut]:
        worlds = supposing.suppose(_asked(found), [each.means for each in written])
        return [_landing(world, found, target) for world in worlds]

    landings = await asyncio.to_thread(worked)
    numbers = [each.parts.projection for each in landings]
    entries = await service.entries(
        session, found.learnt, np.array([each.deal for each in written if each.deal is not None], dtype=np.intp)
    )
    named = iter(entries)
    effects = [
        EffectOut(
            suppose=each.text,
            deal=None if each.deal is None else _deal(next(named)),
            change=after - before,
            projection=after,
        )
        for each, before, after in zip(written, numbers, numbers[1:], strict=False)
    ]
    return SupposedReading(
        **{**await envelope(session, found.asked), "metric_version": service.METRIC},
        period=period_out(found.asked.period, found.asked.business_date.day),
        as_is=landings[0],
        supposed=landings[-1],
        effects=effects,
    )


async def needed(
    session: AsyncSession, question: Question, *, target: Decimal, wanted: float, principal: Principal
) -> NeededReading:
    """What alone would make a target so likely. Raises NothingToSuppose, and what the projection raises."""
    found = await _open(session, question, target=target, principal=principal)
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
            NeededDealOut(deal=_deal(entry), probability=round(likely, 6))
            for entry, (_, likely) in zip(entries, told.deals, strict=True)
        ],
        deals_suffice=told.deals_suffice,
        pace=_up(told.pace),
        creation=_up(told.creation),
        most=supposing.MOST,
    )


async def _open(
    session: AsyncSession, question: Question, *, target: Decimal | None, principal: Principal
) -> Projected:
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


def _deal(entry: Mapping[str, Any]) -> DealOut:
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


def _written(text: str, found: Projected) -> Written:
    """What was written. Raises UnreadableSupposition."""
    form = _FORM.fullmatch(text.strip())
    if form is None:
        raise UnreadableSupposition(f"suppose: {text!r} is none of {_FORMS}.")
    kind, first, second = form["kind"], form["first"], form["second"]
    number = _Reader(text)
    match kind, second:
        case "won" | "lost", _ if kind == "won" or second is None:
            deal = number.deal(first, found)
            amount = None if second is None else number.at_least_0(second, "an amount")
            return Written(text, deal, supposing.Won(deal, amount) if kind == "won" else supposing.Lost(deal))
        case "moved", str(day):
            deal = number.deal(first, found)
            return Written(text, deal, supposing.Moved(deal, number.day(day)))
        case "added", _:
            chance = None if second is None else number.share(second)
            return Written(text, None, supposing.Added(number.at_least_0(first, "an amount"), chance=chance))
        case "without", None:
            return Written(text, None, supposing.WithoutLargest(number.count(first)))
        case "pace", None:
            return Written(text, None, supposing.Pace(number.factor(first)))
        case "creation", None:
            return Written(text, None, supposing.Creation(number.factor(first)))
    raise UnreadableSupposition(f"suppose: {text!r} is none of {_FORMS}.")


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads the parts of one supposition; what it cannot read it names together with the whole."""

    text: str

    def deal(self, written: str, found: Projected) -> int:
        try:
            number = found.learnt.number(UUID(written))
        except ValueError:
            raise self._wrong(written, "the id of a deal") from None
        if number is None or found.outlook is None or not (found.outlook.standing.deal == number).any():
            raise self._wrong(written, f"an open deal of {found.asked.org.name} as it was asked for")
        return number

    def at_least_0(self, written: str, what: str) -> float:
        number = self._number(written, what)
        if number < 0:
            raise self._wrong(written, f"{what} of 0 or more")
        return number

    def share(self, written: str) -> float:
        number = self._number(written, "a chance from 0 to 1")
        if not 0 <= number <= 1:
            raise self._wrong(written, "a chance from 0 to 1")
        return number

    def factor(self, written: str) -> float:
        number = self._number(written, f"a factor from 0 to {supposing.MOST:g}")
        if not 0 <= number <= supposing.MOST:
            raise self._wrong(written, f"a factor from 0 to {supposing.MOST:g}")
        return number

    def count(self, written: str) -> int:
        if not (written.isascii() and written.isdigit() and 1 <= int(written) <= 1000):
            raise self._wrong(written, "a number of deals from 1 to 1000")
        return int(written)

    def day(self, written: str) -> float:
        try:
            return float(day_number(date.fromisoformat(written)))
        except ValueError:
            raise self._wrong(written, "a day like 2026-12-31") from None

    def _number(self, written: str, what: str) -> float:
        try:
            number = Decimal(written)
        except InvalidOperation:
            raise self._wrong(written, what) from None
        if not number.is_finite() or abs(number) >= 10**20:
            raise self._wrong(written, what)
        return float(number)

    def _wrong(self, written: str, what: str) -> UnreadableSupposition:
        return UnreadableSupposition(f"suppose: {self.text!r}: {written!r} is not {what}.")
