"""The numbers of an asked population: the present from cells, the past from the columns of history."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from decimal import Decimal
from typing import Any, Literal, get_args
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import money
from libs.common.calendar import Period
from services.forecast.config import settings_of
from services.forecast.history import service as versions
from services.forecast.history.columns import NO_AMOUNT, NO_DAY, Flags, Index, day_number, day_of, instant_of
from services.forecast.past import cutting
from services.forecast.past.ageing import Age, ages_by_stage
from services.forecast.past.population import BUCKETS, OPEN, Population
from services.forecast.rates import service as rates
from services.forecast.rates.conversion import deviations
from services.forecast.readings import receipts, repository, won
from services.forecast.readings.asked import Asked
from services.forecast.rollup.cells import Measures

Flag = Literal["overdue", "unpriced", "pushed"]
FLAGS: tuple[Flag, ...] = get_args(Flag)
"""What of an open deal needs care."""

RESTATEMENTS = ("moved_in", "moved_out", "kept")
"""Counted in the period and booked elsewhere, the other way round, and both in it by finance's decision."""

Only = Literal["priced", "no_amount", "rate_missing", "date_confirmed", "date_provisional", "undated"]
"""What is known, or not, of the deals of a number that are listed."""

Rank = tuple[Decimal, UUID]
"""Where a page of deals begins: behind this amount and id. Unknown amounts come last, as minus infinity."""

_UNKNOWN = Decimal("-Infinity")
_NOTHING = {"count": 0, "amount": Decimal(), "weighted": Decimal(), "unpriced_count": 0, "unweighted_count": 0}
WON = BUCKETS.index("closed_won")


async def sums(session: AsyncSession, asked: Asked, by: str, period: Period | None = None) -> list[dict[str, Any]]:
    """Rows `part, bucket, count, amount, weighted, unpriced_count, unweighted_count` of the asked population."""
    past = asked.past
    if past is None:
        return await repository.sums(session, asked, by, period)
    calendar = settings_of(session).calendar

    def summed() -> list[dict[str, Any]]:
        chosen = past.population.where(cutting.in_period(past.population, period or asked.period, asked.quarter.start))
        people = chosen.parts() if chosen.credit and by in cutting.BY_PERSON else None
        parts, part = cutting.cut(
            chosen,
            by,
            organisation=past.organisation,
            org=asked.org.unit_id,
            quarter_start=asked.quarter.start,
            calendar=calendar,
            vacant=True,
            people=people,
        )
        bucket = chosen.buckets(asked.quarter.start)
        return [asdict(each) for each in cutting.summed(chosen, parts, part, bucket, people)]

    return await asyncio.to_thread(summed)


async def flagged(session: AsyncSession, asked: Asked, flag: Flag) -> dict[str, Any]:
    """The sum of the open deals of the period, inside its lines, that need care for one reason."""
    if asked.past is None:
        return await repository.flagged(session, asked, flag)
    chosen = asked.past.population
    return _summed(chosen.where(_has(chosen, asked, flag) & chosen.in_days(asked.period.start, asked.period.end)))


def by_person(asked: Asked, *, buckets: Sequence[str], flag: Flag | None) -> list[dict[str, Any]]:
    """Sums by who is credited of the deals behind a number of the past: rows `part, count, amount, ...`, `part` a person's id."""
    assert asked.past is not None  # noqa: S101 - of the past only
    chosen = _behind(asked, asked.past.population, buckets, flag)
    people = chosen.parts()
    present, part = np.unique(people.owner, return_inverse=True)
    texts = [chosen.columns.words["owner"].texts[code] for code in present.tolist()]
    zeros = np.zeros(len(chosen), dtype=np.int8)
    return [asdict(each) for each in cutting.summed(chosen, texts, part, zeros, people)]


def counted_again(asked: Asked) -> dict[tuple[UUID, str], Measures]:
    """By unit and bucket, and of those overdue, of the period's split deals: people who are credited with each in the unit, less one."""
    assert asked.past is not None  # noqa: S101 - of the past only
    past = asked.past
    chosen = past.population.where(cutting.in_period(past.population, asked.period, asked.quarter.start))
    if chosen.credit is None:
        return {}
    bucket, priced, weighed = chosen.buckets(asked.quarter.start), chosen.amount[1], chosen.weighted[1]
    late = _has(chosen, asked, "overdue")
    texts = chosen.columns.words["owner"].texts
    seen: Counter[tuple[int, UUID]] = Counter()
    mine = chosen.credit.mine
    for row, code in zip(chosen.credit.row[mine].tolist(), chosen.credit.person[mine].tolist(), strict=True):
        unit = past.organisation.unit_of(UUID(text) if (text := texts[code]) else None)
        seen.update((row, above) for above in past.organisation.path(unit))
    found: dict[tuple[UUID, str], Measures] = {}
    for (row, unit), people in seen.items():
        again = people - 1
        more = Measures(again, unpriced=again * (not priced[row]), unweighted=again * (not weighed[row]))
        for name in (BUCKETS[bucket[row]], *(("overdue",) if late[row] else ())):
            found.setdefault((unit, name), Measures()).add(more, 1)
    return found


async def deals(
    session: AsyncSession,
    asked: Asked,
    *,
    buckets: Sequence[str],
    flag: Flag | None,
    only: Only | None,
    after: Rank | None,
    limit: int,
) -> list[dict[str, Any]]:
    """The deals behind a number, greatest amount first, unknown amounts last; each with `bucket`, `is_overdue`, `rank`."""
    past = asked.past
    if past is None:
        found = await repository.deals(session, asked, buckets=buckets, flag=flag, only=only, after=after, limit=limit)
        late = {each.win.deal_id: each.counted.why for each in asked.late}
        return [row | {"counted_why": late.get(row["deal_id"], "booked")} for row in found]
    chosen = _behind(asked, past.population, buckets, flag)
    if only is not None:
        chosen = chosen.where(_known(chosen)[only])
    if chosen.credit:
        chosen = chosen.where(past.view.answers(chosen.columns, chosen.rows))
    page = _page(chosen, after, limit)
    stored = await versions.entries(session, _names(chosen, page))
    return _described(chosen, page, stored, asked)


async def receipt(
    session: AsyncSession, asked: Asked, *, buckets: Sequence[str], flag: Flag | None, only: Only | None
) -> dict[str, Any]:
    """Of how many of the deals behind a number what is known, their newest change, and the sum of those with `only`."""
    if asked.past is None:
        return await receipts.receipt(session, asked, buckets=buckets, flag=flag, only=only)
    chosen = _behind(asked, asked.past.population, buckets, flag)
    known = _known(chosen)
    newest = chosen.columns.valid_from[chosen.rows]
    counts = {name: int(np.count_nonzero(which)) for name, which in known.items()}
    listed = chosen if only is None else chosen.where(known[only])
    return {
        "eligible": len(chosen),
        **counts,
        "last_change_at": instant_of(int(newest.max())) if len(newest) else None,
        **_summed(listed),
    }


async def elsewhere(
    session: AsyncSession, asked: Asked, *, buckets: Sequence[str], flag: Flag | None, only: Only | None
) -> dict[str, Any]:
    """The sum of the deals behind a number whose owners are outside the scope: shares in them are within it."""
    past = asked.past
    if past is None and asked.splits and not asked.scope["sees_everything"]:
        return await receipts.receipt(session, asked, buckets=buckets, flag=flag, only=only, elsewhere=True)
    if past is None or not past.population.credit:
        return dict(_NOTHING)
    chosen = _behind(asked, past.population, buckets, flag)
    chosen = chosen if only is None else chosen.where(_known(chosen)[only])
    return _summed(chosen.where(~past.view.answers(chosen.columns, chosen.rows)))


def _behind(asked: Asked, population: Population, buckets: Sequence[str], flag: Flag | None) -> Population:
    """The deals behind a number."""
    wanted = cutting.in_period(population, asked.period, asked.quarter.start)
    wanted &= np.isin(population.buckets(asked.quarter.start), [BUCKETS.index(bucket) for bucket in buckets])
    if flag is not None:
        wanted &= _has(population, asked, flag)
    return population.where(wanted)


def _known(population: Population) -> dict[str, Flags]:
    """Which deals are known how: the twin of `repository.KNOWN`."""
    columns, rows, priced = population.columns, population.rows, population.amount[1]
    has_amount = columns.amount[rows] != NO_AMOUNT
    dated, provisional = population.booked != NO_DAY, columns.close_date_provisional[rows]
    return {
        "priced": priced,
        "no_amount": ~has_amount,
        "rate_missing": has_amount & ~priced,
        "date_confirmed": dated & ~provisional,
        "date_provisional": dated & provisional,
        "undated": ~dated,
    }


def _summed(population: Population) -> dict[str, Any]:
    """The sum of a population as one row."""
    zeros = np.zeros(len(population), dtype=np.int8)
    found = cutting.summed(population, [None], zeros.astype(np.int64), zeros)
    return asdict(found[0]) if found else dict(_NOTHING)


async def restated(session: AsyncSession, asked: Asked) -> dict[str, dict[str, Any]]:
    """The sums of the wins of the period that came after it was closed, by what finance made of them: see `Restatements`."""
    past = asked.past
    if past is None:
        return {row["part"]: row for row in (await won.restated(session, asked) if asked.late else ())}
    chosen = past.population
    chosen = chosen.where(chosen.restated.places(chosen.rows)[1])
    first, until = day_number(asked.period.start), day_number(asked.period.end)
    was_booked = (chosen.booked >= first) & (chosen.booked < until)
    is_counted = chosen.in_days(asked.period.start, asked.period.end)
    here = was_booked | is_counted
    part = np.select([~was_booked, ~is_counted], [np.intp(0), np.intp(1)], np.intp(2))
    found = cutting.summed(chosen.where(here), RESTATEMENTS, part[here], chosen.line[here])
    return {str(each.part): asdict(each) for each in found}


async def fx(session: AsyncSession, asked: Asked) -> Decimal:
    """By how much closed won of the period is more at the rates of the booking days than at the constant ones."""
    constant, past = replace(asked.rates, at_booking=()), asked.past
    booked = await rates.at_booking(session, constant, known_at=asked.known_at if past else None)
    if past is None:
        start = min((asked.period.start, *(each.win.booked_on for each in asked.late)))
        differing = list(deviations(constant, booked.at_booking, start, asked.period.end))
        return await won.fx(session, asked, differing) if differing else Decimal()
    chosen = past.population
    chosen = chosen.where((chosen.line == WON) & chosen.in_days(asked.period.start, asked.period.end))
    at_both = (replace(chosen, rates=each).amount[0] for each in (booked, constant))
    more = int(np.subtract(*at_both).sum())
    return more * Decimal(1).scaleb(-money.exponent(constant.base))


async def ages(session: AsyncSession, asked: Asked) -> dict[str | None, Age]:
    """How long the open deals of the period, inside its lines, have been in their stage, by stage."""
    zone = settings_of(session).org_timezone
    if asked.past is None:
        rows = await repository.ages(session, asked, zone)
        return {row["part"]: Age(row["median_days"], row["longest_days"], row["probability"]) for row in rows}
    chosen = asked.past.population
    chosen = chosen.where(_is_open(chosen, asked) & chosen.in_days(asked.period.start, asked.period.end))
    return await asyncio.to_thread(ages_by_stage, chosen, asked.business_date.day, ZoneInfo(zone))


def _is_open(population: Population, asked: Asked) -> Flags:
    found: Flags = np.isin(population.line, OPEN) & (population.day >= day_number(asked.quarter.start))
    return found


def _has(population: Population, asked: Asked, flag: Flag) -> Flags:
    """Which need care for this reason: the twin of `repository.FLAGS`."""
    columns, rows = population.columns, population.rows
    due = columns.close_date[rows]
    found: dict[Flag, Callable[[], Flags]] = {
        "overdue": lambda: (due != NO_DAY) & (due < day_number(asked.business_date.day)),
        "unpriced": lambda: ~population.amount[1],
        "pushed": lambda: columns.pushes[rows] >= repository.MANY_PUSHES,
    }
    return _is_open(population, asked) & found[flag]()


def _page(population: Population, after: Rank | None, limit: int) -> Index:
    """The rows of the next page: positions in the population."""
    ranks = _ranks(population)
    ids = population.columns.words["deal"].texts
    codes = population.columns.deal[population.rows]
    order = np.argsort(-ranks, kind="stable")
    if after is not None:
        order = order[ranks[order] <= _rank(after[0], population.rates.base)]
    # Only as many as can be on the page are put into the order of their ids, and all that are worth as much as its last.
    enough = limit + (np.count_nonzero(ranks == _rank(after[0], population.rates.base)) if after else 0)
    if len(order) > enough:
        order = order[: int(np.searchsorted(-ranks[order], -ranks[order[enough]], side="right"))]
    exact = sorted(order.tolist(), key=lambda at: (ranks[at], ids[codes[at]] or ""), reverse=True)
    if after is not None:
        last = (_rank(after[0], population.rates.base), str(after[1]))
        exact = [at for at in exact if (ranks[at], ids[codes[at]] or "") < last]
    return np.array(exact[:limit], dtype=np.intp)


def _ranks(population: Population) -> np.ndarray:
    amount, priced = population.amount
    return np.where(priced, amount, np.iinfo(np.int64).min + 1)


def _rank(amount: Decimal, base: str) -> int:
    return int(np.iinfo(np.int64).min + 1) if amount == _UNKNOWN else int(amount.scaleb(money.exponent(base)))


def _names(population: Population, page: Index) -> list[tuple[UUID, int]]:
    rows = population.rows[page]
    deals = population.columns.texts("deal", rows)
    return [
        (UUID(deal), version) for deal, version in zip(deals, population.columns.version[rows].tolist(), strict=True)
    ]


def _described(
    population: Population, page: Index, stored: dict[tuple[UUID, int], dict[str, Any]], asked: Asked
) -> list[dict[str, Any]]:
    (amount, priced), (weighted, weighed) = population.amount, population.weighted
    bucket = population.buckets(asked.quarter.start)
    late = _has(population, asked, "overdue")
    restated = population.restated
    at_late, is_late = restated.places(population.rows)
    whole, credit = population.whole[0], population.credit
    millionths = credit.share_of_mine(len(population)) if credit else None
    shared = set(credit.row.tolist()) if credit else set()
    scale = Decimal(1).scaleb(-money.exponent(asked.rates.base))
    return [
        {
            **stored[name],
            "amount_base": int(amount[at]) * scale if priced[at] else None,
            "weighted_base": int(weighted[at]) * scale if weighed[at] else None,
            "whole_base": int(whole[at]) * scale if priced[at] else None,
            "credited_share": Decimal(int(millionths[at])).scaleb(-6)
            if millionths is not None and at in shared
            else None,
            "bucket": BUCKETS[bucket[at]],
            "is_overdue": bool(late[at]),
            "counted": day_of(int(population.day[at])),
            "counted_why": ("decided" if restated.is_decided[at_late[at]] else "to_decide")
            if is_late[at]
            else "booked",
            "rank": int(amount[at]) * scale if priced[at] else _UNKNOWN,
        }
        for at, name in zip(page.tolist(), _names(population, page), strict=True)
    ]
