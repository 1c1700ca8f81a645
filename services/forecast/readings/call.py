"""The readings themselves: roll-up, call, deals behind a number."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.calendar import Period, local_date
from libs.common.web.auth import Principal
from libs.common.web.paging import UnreadableCursor, decode_cursor, encode_cursor
from services.forecast.config import settings_of
from services.forecast.organisation.tree import vacant_line
from services.forecast.readings import figures, repository, totals
from services.forecast.readings.asked import Asked, Question
from services.forecast.readings.figures import FLAGS, Flag, Only
from services.forecast.readings.service import decide, envelope, period_out
from services.forecast.readings.totals import Tally
from services.forecast.rollup.cells import NOBODY, Measures
from services.forecast.rollup.schemas import (
    By,
    CallReading,
    DealRow,
    DealsReading,
    MonthBar,
    OrgOut,
    PeriodOut,
    Receipt,
    RollupReading,
    RollupRow,
    Sum,
    Tree,
    TreeNode,
)
from services.forecast.rollup.standing import FORECAST_LINES, OPEN_LINES, Bucket

Behind = Bucket | Flag | Literal["open"]
"""Which deals of a period: of a line, all open ones, or those of them that need care."""

VACANT = "Vacant"
"""What the line of those who have left is called."""

Units = Mapping[str, Mapping[str, Any]]

YEARS_BACK, YEARS_AHEAD = 6, 2
"""Periods further from the business date are not offered; they can still be asked for."""


async def rollup(session: AsyncSession, question: Question, *, by: By, principal: Principal) -> RollupReading:
    """The asked population cut by `by`; the rows add up to `totals`."""
    asked = await decide(session, question, principal=principal)
    parts = totals.tally(await figures.sums(session, asked, "none" if by == "category" else by))
    whole = await _whole(session, asked, parts)
    if by == "category":
        parts = {line: _only(whole, line) for line in FORECAST_LINES}
    units = (await _units(session, asked, principal))[2] if by in ("team", "unit") else {}
    return RollupReading(
        **await envelope(session, asked),
        period=period_out(asked.period, asked.business_date.day),
        restated=totals.restatements_out(await figures.restated(session, asked), asked.rates.base),
        by=by,
        rows=[_row(by, part, parts[part], units, asked) for part in _ordered(by, parts, units)],
        totals=_rollup_row(None, "value", "Total", whole, asked),
    )


async def _whole(session: AsyncSession, asked: Asked, parts: Mapping[str | None, Tally]) -> Tally:
    """All parts together; where deals are split, each deal counts once in it."""
    if asked.splits or (asked.past is not None and asked.past.population.credit):
        return totals.together(totals.tally(await figures.sums(session, asked, "none")).values())
    return totals.together(parts.values())


def _only(whole: Tally, line: str) -> Tally:
    return Tally({line: whole.of(line)})


def _ordered(by: By, parts: Mapping[str | None, Tally], units: Units) -> list[str | None]:
    """Lines and months in their own order, everything else by name, what has no value last."""
    if by == "category":
        return list(FORECAST_LINES)

    def place(part: str | None) -> tuple[bool, str]:
        unit = units.get(part.removeprefix("unit:")) if part else None
        is_last = part in (None, str(NOBODY)) or (unit is not None and unit["kind"] == "unassigned")
        return is_last, str(unit["name"]) if unit else part or ""

    return sorted(parts, key=place)


def _row(by: By, part: str | None, tally: Tally, units: Units, asked: Asked) -> RollupRow:
    if by == "category":
        return _rollup_row(part, "line", part, tally, asked)
    if by == "month":
        month = asked.calendar.month(date.fromisoformat(part)) if part else None
        return _rollup_row(month.key if month else None, "month", month.label if month else None, tally, asked)
    if (part or "").startswith("vacant:"):
        unit = UUID((part or "").removeprefix("vacant:"))
        return _rollup_row(str(vacant_line(unit)), "vacant", VACANT, tally, asked)
    if by == "owner" or (part or "").startswith("owner:"):
        owner = (part or "").removeprefix("owner:")
        return _rollup_row(*_owner(owner), tally, asked)
    if by in ("team", "unit"):
        unit_id = (part or "").removeprefix("unit:")
        return _rollup_row(unit_id, "unit", units[unit_id]["name"] if unit_id in units else None, tally, asked)
    return _rollup_row(part, "value", part, tally, asked)


def _owner(owner: str) -> tuple[str | None, str, str | None]:
    return (None, "owner", "No owner") if owner == str(NOBODY) else (owner, "owner", None)


def _rollup_row(key: str | None, kind: str, label: str | None, tally: Tally, asked: Asked) -> RollupRow:
    currency = asked.rates.base
    return RollupRow.model_validate(
        {
            "key": key,
            "kind": kind,
            "label": label,
            "total": totals.total_out(tally, currency),
            "lines": totals.lines_out(tally, currency),
            "beside": totals.beside_out(tally, currency),
        }
    )


async def call(session: AsyncSession, question: Question, *, principal: Principal) -> CallReading:
    """Everything the Call page shows, from one snapshot."""
    asked = await decide(session, question, principal=principal)
    currency, day = asked.rates.base, asked.business_date.day
    branches = totals.tally(await figures.sums(session, asked, "unit"))
    whole = await _whole(session, asked, branches)
    closed, every = whole.of("closed_won"), whole.of(*FORECAST_LINES)
    periods = await _periods(session, asked)
    overdue = totals.measures_of(await figures.flagged(session, asked, "overdue"))
    return CallReading(
        **await envelope(session, asked),
        period=period_out(asked.period, day),
        periods=periods,
        total=totals.total_out(whole, currency),
        landing=totals.sum_out(_plus(closed.amount, every.weighted), currency).amount,
        fx=totals.sum_out(Measures(amount=await figures.fx(session, asked)), currency).amount,
        lines=totals.lines_out(whole, currency),
        cumulative=totals.cumulative_out(whole, currency),
        beside=totals.beside_out(whole, currency),
        overdue=totals.sum_out(overdue, currency),
        restated=totals.restatements_out(await figures.restated(session, asked), currency),
        tree=await _tree(session, asked, branches, whole, principal),
        months=await _months(session, asked),
        is_empty=asked.business_date.newest_change_at is None,
    )


def _plus(first: Decimal, second: Decimal) -> Measures:
    return Measures(amount=first + second)


async def _tree(
    session: AsyncSession, asked: Asked, branches: Mapping[str | None, Tally], whole: Tally, principal: Principal
) -> Tree:
    path, children, units = await _units(session, asked, principal)
    nodes = [
        _node(asked, str(unit["unit_id"]), unit, branches.get(f"unit:{unit['unit_id']}", Tally())) for unit in children
    ]
    listed = {f"unit:{node.key}" for node in nodes}
    for part in sorted(part for part in branches if part is not None and part not in listed):
        kind, _, key = part.partition(":")
        if kind == "vacant":
            nodes.append(_node(asked, str(vacant_line(UUID(key))), None, branches[part], is_vacant=True))
        else:
            nodes.append(_node(asked, key, units.get(key) if kind == "unit" else None, branches[part]))
    own = {"name": asked.org.name, "kind": asked.org.kind}
    node = _node(asked, str(asked.org.unit_id), own, whole)
    return Tree(
        path=[OrgOut(unit_id=unit["unit_id"], name=unit["name"], kind=unit["kind"]) for unit in path],
        node=node,
        children=nodes,
    )


async def _units(
    session: AsyncSession, asked: Asked, principal: Principal
) -> tuple[Sequence[Mapping[str, Any]], Sequence[Mapping[str, Any]], Units]:
    """The units from the company down to the asked one, the visible ones right below it, and all by id."""
    org = asked.org.unit_id
    if asked.past is None:
        return (
            await repository.ancestors(session, org),
            await repository.children(session, asked),
            await repository.units(session),
        )
    tree = asked.past.organisation
    scope = set(principal.scope)
    visible = tree.within(scope)
    children = [
        asdict(unit) for unit in tree.children(org) if unit.unit_id in visible or scope & tree.below(unit.unit_id)
    ]
    known = [asdict(tree.units[unit]) for unit in tree.path(org) if unit in tree.units]
    return known, children, {str(unit_id): asdict(unit) for unit_id, unit in tree.units.items()}


def _node(asked: Asked, key: str, unit: Mapping[str, Any] | None, tally: Tally, *, is_vacant: bool = False) -> TreeNode:
    currency = asked.rates.base
    nameless = VACANT if is_vacant else "No owner" if key == str(NOBODY) else None
    return TreeNode(
        key=key,
        kind="unit" if unit else "vacant" if is_vacant else "owner",
        unit_kind=unit["kind"] if unit else None,
        label=unit["name"] if unit else nameless,
        has_children=unit is not None,
        total=totals.total_out(tally, currency),
        lines=totals.lines_out(tally, currency),
        beside=totals.beside_out(tally, currency),
    )


async def _months(session: AsyncSession, asked: Asked) -> list[MonthBar]:
    calendar = asked.calendar
    year = calendar.year(asked.period.start)
    parts = totals.tally(await figures.sums(session, asked, "month", year))
    bars = []
    for month in calendar.months(year):
        tally = parts.get(month.start.isoformat(), Tally())
        bars.append(
            MonthBar(
                month=month.key,
                label=month.short_label,
                in_period=month.start in asked.period,
                is_current=asked.business_date.day in month,
                total=totals.total_out(tally, asked.rates.base),
                lines=totals.lines_out(tally, asked.rates.base),
            )
        )
    return bars


async def _periods(session: AsyncSession, asked: Asked) -> list[PeriodOut]:
    """Years with deals and their quarters, and the months of the asked year; always with the current and asked ones."""
    calendar, day = asked.calendar, asked.business_date.day
    current, chosen = calendar.year(day), calendar.year(asked.period.start)
    first, last = await repository.months_with_deals(session) or (current.start, current.start)
    years = {current.key: current, chosen.key: chosen}
    for year in calendar.years_around(day, YEARS_BACK, YEARS_AHEAD):
        if first < year.end and last >= year.start:
            years[year.key] = year
    ordered: Sequence[Period] = sorted(years.values(), key=lambda year: year.start)
    quarters = [quarter for year in ordered for quarter in calendar.quarters(year)]
    following = calendar.quarter(asked.quarter.end)
    if following.key not in {quarter.key for quarter in quarters}:
        quarters.append(following)
    return [period_out(period, day) for period in (*ordered, *quarters, *calendar.months(chosen))]


async def overdue_by_person(session: AsyncSession, question: Question, *, principal: Principal) -> dict[UUID, Sum]:
    """Overdue deals of the past by who is credited; NOBODY's are those without an owner."""
    asked = await decide(session, question, principal=principal)
    rows = figures.by_person(asked, buckets=OPEN_LINES, flag="overdue")
    currency = asked.rates.base
    return {
        UUID(row["part"]) if row["part"] else NOBODY: totals.sum_out(totals.measures_of(row), currency) for row in rows
    }


async def counted_again(
    session: AsyncSession, question: Question, *, principal: Principal
) -> dict[tuple[UUID, str], Measures]:
    """By unit and bucket, what the counts of people in it are more than of deals: a deal that several share counts once in a unit."""
    asked = await decide(session, question, principal=principal)
    return figures.counted_again(asked)


async def deals(
    session: AsyncSession,
    question: Question,
    *,
    line: Behind | None,
    only: Only | None = None,
    cursor: str | None,
    limit: int,
    principal: Principal,
) -> DealsReading:
    """The deals behind a number: `line` is a line, a bucket, open deals, or None for the whole forecast of the period.

    `only` lists those of which something is known, or not; the receipt stays that of the number.
    """
    asked = await decide(session, question, principal=principal)
    flag: Flag | None = line if line in FLAGS else None
    bucket = None if flag is not None or line == "open" else line
    buckets: Sequence[str] = (bucket,) if bucket else OPEN_LINES if line else FORECAST_LINES
    after = _after(cursor)
    rows = await figures.deals(
        session,
        asked,
        buckets=buckets,
        flag=flag,
        only=only,
        after=after,
        limit=limit + 1,
    )
    receipt = await figures.receipt(session, asked, buckets=buckets, flag=flag, only=only)
    elsewhere = await figures.elsewhere(session, asked, buckets=buckets, flag=flag, only=only)
    page = rows[:limit]
    return DealsReading.model_validate(
        {
            **await envelope(session, asked),
            "period": period_out(asked.period, asked.business_date.day),
            "bucket": bucket,
            "total": totals.sum_out(totals.measures_of(receipt), asked.rates.base),
            "elsewhere": totals.sum_out(totals.measures_of(elsewhere), asked.rates.base),
            "receipt": Receipt.model_validate({name: receipt[name] for name in Receipt.model_fields}),
            "restated": totals.restatements_out(await figures.restated(session, asked), asked.rates.base),
            "items": [_deal(row, asked, settings_of(session).org_timezone) for row in page],
            "next_cursor": encode_cursor(str(page[-1]["rank"]), page[-1]["deal_id"]) if len(rows) > limit else None,
        }
    )


def _after(cursor: str | None) -> tuple[Decimal, UUID] | None:
    values = decode_cursor(cursor, 2)
    try:
        return (Decimal(str(values[0])), UUID(str(values[1]))) if values else None
    except (ArithmeticError, ValueError):
        raise UnreadableCursor("The cursor is not one that this list gave; start without a cursor.") from None


def _deal(row: Mapping[str, Any], asked: Asked, zone: str) -> DealRow:
    fields = {name: row[name] for name in DealRow.model_fields if name in row}
    days = max(0, (asked.business_date.day - local_date(row["stage_entered_at"], zone)).days)
    is_won, counted = row["bucket"] == "closed_won", row["counted"]
    return DealRow.model_validate(
        {
            **fields,
            "deal_currency": row["currency"],
            "share": row["credited_share"],
            "whole_base": row["amount_base"] if row["credited_share"] is None else row["whole_base"],
            "days_in_stage": days,
            "counted_in": asked.calendar.month(counted).key if is_won and counted else None,
            "counted_why": row["counted_why"] if is_won else None,
        }
    )
