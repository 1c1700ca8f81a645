"""A metric of a period: decided like every reading, found in history, cut by one dimension, down to its deals."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import money
from libs.common.web.auth import Principal
from libs.common.web.errors import Invalid, NotFound
from libs.common.web.paging import UnreadableCursor, decode_cursor, encode_cursor
from services.forecast.closeplans import service as closeplans
from services.forecast.config import Settings, settings_of
from services.forecast.history import service as versions
from services.forecast.history.columns import Index, day_number
from services.forecast.metrics.contract import Contract
from services.forecast.metrics.contracts import CONTRACTS
from services.forecast.metrics.formulas.items import Items
from services.forecast.metrics.formulas.scene import DAY, Scene
from services.forecast.metrics.found import Found, find, rows, total
from services.forecast.metrics.schemas import (
    By,
    ContractsOut,
    MetricDealOut,
    MetricDealsReading,
    MetricOut,
    MetricReading,
    OverviewReading,
)
from services.forecast.metrics.shown import RENEWAL, contract_out, cuts, number
from services.forecast.quoted import service as quoted
from services.forecast.readings.asked import Asked, Question
from services.forecast.readings.service import decide, envelope, period_out

_LAST: Final = int(np.iinfo(np.int64).min) + 1
"""The rank of an unknown amount."""


class UnknownMetric(NotFound):
    """There is no metric of this name."""


class UnknownPart(NotFound):
    """The metric has no such part."""


class UnsuitableCut(Invalid):
    """The metric cannot be cut by this."""


class UnreadableTarget(Invalid):
    """The target is below zero, or the metric takes none."""


@dataclass(frozen=True, slots=True)
class Asking:
    """The raw request. `renewals`: with them, where the metric leaves them out by default. `target` in the reading's currency."""

    question: Question
    by: By = "none"
    renewals: bool = False
    target: Decimal | None = None


def contracts() -> ContractsOut:
    """All metrics there are."""
    return ContractsOut(items=[contract_out(each) for each in CONTRACTS.values()])


async def read(session: AsyncSession, name: str, asking: Asking, *, principal: Principal) -> MetricReading:
    """The metric and its parts. Raises UnknownMetric, UnsuitableCut, UnreadableTarget, and what readings raise."""
    found = await _found(session, name, asking, principal=principal)
    metric = await asyncio.to_thread(_metric, found)
    return MetricReading(**await _head(session, found.asked) | dict(metric))


async def overview(session: AsyncSession, asking: Asking, *, principal: Principal) -> OverviewReading:
    """All metrics of one population at one instant; those of stages and warnings are cut by them, the others are whole.

    The target (not below 0) is for those that take one. Raises what readings raise.
    """
    asked = await decide(session, asking.question, principal=principal, from_history=True)
    configured = settings_of(session)
    others = await _others(session, asked, principal=principal)

    @cache
    def scene(*left_out: str) -> Scene:
        return _scene(asked, configured, left_out, asking.target, others)

    def worked_out() -> list[MetricOut]:
        wanted = ((contract, _left_out(contract, asking)) for contract in CONTRACTS.values())
        return [
            _metric(find(asked, contract, contract.slot or "none", left_out, scene(*left_out)))
            for contract, left_out in wanted
        ]

    return OverviewReading(**await _head(session, asked), items=await asyncio.to_thread(worked_out))


async def deals(
    session: AsyncSession,
    name: str,
    asking: Asking,
    *,
    part: str | None,
    cursor: str | None,
    limit: int,
    principal: Principal,
) -> MetricDealsReading:
    """The deals behind a part (`part` is the key of a row, empty for the one without), or behind the total without it.

    Raises UnknownPart, UnreadableCursor, and what `read` raises.
    """
    found = await _found(session, name, asking, principal=principal)
    shown, items, chosen = total(found), found.items, np.arange(len(found.items))
    if part is not None:
        index = next((at for at, (key, _, _) in enumerate(found.parts) if (key or "") == part), None)
        if index is None:
            raise UnknownPart(f"part: {found.contract.name} by {found.by} has no part {part!r} here.")
        shown, items, chosen = rows(found)[index], found.cut, np.flatnonzero(found.part == index)
    page = await asyncio.to_thread(_page, found, items, chosen, _after(cursor), limit + 1)
    at = found.scene.population.rows[items.at[page[:limit]]]
    columns = found.scene.columns
    entries = [
        (UUID(deal), version)
        for deal, version in zip(columns.texts("deal", at), columns.version[at].tolist(), strict=True)
    ]
    stored = await versions.entries(session, entries)
    described = [_deal(found, items, at, stored[entry]) for at, entry in zip(page[:limit], entries, strict=True)]
    return MetricDealsReading(
        **await _head(session, found.asked) | _which(found),
        part=shown,
        count=len(chosen),
        items=described,
        next_cursor=encode_cursor(*_rank(found, items, page[limit - 1])) if len(page) > limit else None,
    )


async def _found(session: AsyncSession, name: str, asking: Asking, *, principal: Principal) -> Found:
    contract = CONTRACTS.get(name)
    if contract is None:
        raise UnknownMetric(f"There is no metric {name!r}; there are {', '.join(CONTRACTS)}.")
    if asking.by not in cuts(contract):
        raise UnsuitableCut(f"by: {contract.name} is cut by {', '.join(cuts(contract))}, not by {asking.by}.")
    if asking.target is not None and (not contract.takes_target or asking.target < 0):
        raise UnreadableTarget(
            f"target: {asking.target} is below 0." if contract.takes_target else f"target: {contract.name} takes none."
        )
    asked = await decide(session, asking.question, principal=principal, from_history=True)
    left_out = _left_out(contract, asking)
    others = await _others(session, asked, principal=principal)
    scene = _scene(asked, settings_of(session), left_out, asking.target, others)
    return await asyncio.to_thread(find, asked, contract, asking.by, left_out, scene)


@dataclass(frozen=True, slots=True)
class Others:
    """What other services tell of deals, by deal: the day on which its close plan ends, whether its price is below the floor."""

    plan_ends: Mapping[str, int]
    below_floor: Mapping[str, bool]


async def _others(session: AsyncSession, asked: Asked, *, principal: Principal) -> Others:
    day = asked.business_date.day
    plans = await closeplans.ends(session, day=day, known_at=asked.known_at, principal=principal)
    quotes = await quoted.of_open(session, as_of=asked.as_of, known_at=asked.known_at, principal=principal)
    return Others(
        {str(deal): day_number(ends) for deal, ends in plans.items()},
        {str(deal): each.below_floor > 0 for deal, each in quotes.items() if each.below_floor is not None},
    )


def _scene(
    asked: Asked, configured: Settings, left_out: Sequence[str], target: Decimal | None, others: Others
) -> Scene:
    if asked.past is None:
        raise ValueError("a metric is read from history")
    population = asked.past.population
    if left_out:
        population = population.where(~population.columns.is_in("deal_type", left_out, population.rows))
    wanted = None if target is None else money.quantise(target, asked.rates.base)
    return Scene(
        population,
        asked.as_of,
        asked.known_at,
        asked.period,
        asked.business_date.day,
        configured.calendar,
        ZoneInfo(configured.org_timezone),
        None if wanted is None else int(wanted.scaleb(money.exponent(asked.rates.base))),
        others.plan_ends,
        others.below_floor,
    )


def _left_out(contract: Contract, asking: Asking) -> list[str]:
    is_default = contract.leaves_out_renewals and not asking.renewals and asking.question.filters.deal_type is None
    return [RENEWAL] if is_default else []


async def _head(session: AsyncSession, asked: Asked) -> dict[str, Any]:
    return {**await envelope(session, asked), "period": period_out(asked.period, asked.business_date.day)}


def _which(found: Found) -> dict[str, Any]:
    return {
        "metric_version": found.contract.label,
        "metric": found.contract.name,
        "contract": contract_out(found.contract),
        "by": found.by,
        "left_out": found.left_out,
    }


def _metric(found: Found) -> MetricOut:
    return MetricOut(**_which(found), adds=found.adds, rows=rows(found), total=total(found))


def _page(found: Found, items: Items, chosen: Index, after: tuple[Any, ...] | None, size: int) -> list[int]:
    """The next `size` of the chosen items: greatest amount first, unknown ones last, then by deal, role and slot."""
    ranks = np.where(items.priced[chosen], items.amount[chosen], _LAST)
    order = np.argsort(-ranks, kind="stable")
    skipped = 0
    if after is not None:
        order = order[ranks[order] <= -after[0]]
        skipped = int(np.count_nonzero(ranks == -after[0]))
    # Only as many as can be on the page are put into their full order, and all that are worth as much as its last.
    if len(order) > size + skipped:
        order = order[: int(np.searchsorted(-ranks[order], -ranks[order[size + skipped]], side="right"))]
    exact = sorted((_rank(found, items, at), at) for at in chosen[order].tolist())
    return [at for rank, at in exact if after is None or rank > after][:size]


def _rank(found: Found, items: Items, at: int) -> tuple[int, str, int, int]:
    deal = found.scene.columns.texts("deal", found.scene.population.rows[items.at[at : at + 1]])[0] or ""
    rank = -int(items.amount[at]) if items.priced[at] else -_LAST
    return rank, deal, int(items.role[at]), int(items.slot[at])


def _after(cursor: str | None) -> tuple[Any, ...] | None:
    values = decode_cursor(cursor, 4)
    if values is None:
        return None
    if [type(value) for value in values] != [int, str, int, int]:
        raise UnreadableCursor("The cursor is not one that this list gave; start without a cursor.")
    return tuple(values)


def _deal(found: Found, items: Items, at: int, stored: Mapping[str, Any]) -> MetricDealOut:
    role = items.roles[items.role[at]]
    given = {name: stored[name] for name in MetricDealOut.model_fields if name in stored}
    return MetricDealOut.model_validate(
        {
            **given,
            "role": role.name,
            "in_numerator": role.in_numerator,
            "in_denominator": role.in_denominator,
            "slot": items.slots[items.slot[at]] or None,
            "actor_id": items.actors[items.slot[at]] if items.actors else None,
            "amount": number(int(items.amount[at]), "money", found.asked.rates.base) if items.priced[at] else None,
            "span_days": int(items.span[at]) / DAY if items.timed[at] else None,
        }
    )
