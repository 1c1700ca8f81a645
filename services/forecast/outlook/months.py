"""Twelve months of every part at once: what each brings, what that is made of, and how sure it is, from one book."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final, Literal
from uuid import UUID

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import money
from libs.common.calendar import Period
from libs.common.web.auth import Principal
from services.forecast.config import settings_of
from services.forecast.history.columns import Columns, Index, Ints, day_number, day_of, present
from services.forecast.outlook import service, shown
from services.forecast.outlook.heads import heads, of_unit, people
from services.forecast.outlook.known import memory_of
from services.forecast.outlook.rolling import Learnt
from services.forecast.outlook.schemas import LearntOut, MonthOut, MonthsReading, MonthsRow
from services.forecast.projection import book as booking
from services.forecast.projection import bookkeeping
from services.forecast.projection.book import MEAN, WINS
from services.forecast.projection.bookkeeping import Kept
from services.forecast.projection.settings import DEFAULT
from services.forecast.projection.steps import Flags, Floats
from services.forecast.readings.asked import Asked, Past, Question
from services.forecast.readings.figures import WON
from services.forecast.readings.service import decide, envelope, period_out, seen_from

By = Literal["unit", "owner", "market", "product"]
METRIC: Final = "projection-months-1"
MONTHS: Final = 12
DIMENSIONS: Final = ("owner", "market", "product")
_SIZES: Final = 256
"""Dimensions grow by so many nodes at once, so that one value more does not ask for a book anew."""
_NOTHING: Final = 1e-9
BAND: Final = np.array([0.1, 0.9])


@dataclass(frozen=True, slots=True)
class Part:
    """A part and the codes of a column that belong to it. `takes_rest`: what answers say will be created and no other part has."""

    key: str | None
    kind: Literal["unit", "own", "owner", "value", "total"]
    label: str | None
    codes: Sequence[int]
    takes_rest: bool = False


@dataclass(frozen=True, slots=True)
class Figures:
    """By part, the total last, and month: closed in minor units, sums of the book, the same of contracts that fall due without a
    deal, and wins, mean and variance of what is new.
    """

    closed: Ints
    sums: Floats
    due: Floats
    new: tuple[Floats, Floats, Floats]
    ends: Floats


async def read(session: AsyncSession, question: Question, by: By, *, principal: Principal) -> MonthsReading:
    """What every part brings in each month. Raises what readings raise."""
    question = seen_from(question, settings_of(session))
    asked = await decide(session, question, principal=principal, from_history=True)
    sight = await service.sight_of(session, asked)
    learnt = await service.learnt_of(session, question, asked, sight)
    past = asked.past
    if past is None:
        raise ValueError("a projection is made from history")
    months = _months(asked, learnt.model.today)
    # What the blend and the past say of a month to come they say of all of them.
    company = [
        await service.company(session, replace(asked, period=month), sight, learnt, learnt.model.settings)
        for month in months[:2]
    ]
    of_month = [company[min(at, 1)] for at in range(len(months))]
    scaled = np.array([by for _, _, _, by in of_month]), np.array([wide.scale for _, wide, _, _ in of_month])
    column = "owner" if by == "unit" else by

    def worked(held: Kept | None) -> tuple[Kept, tuple[list[Part], Figures]]:
        found = (learnt.columns, learnt.last)
        owns = past.view.owns(*found)
        mine, renewing = owns & past.view.matches(*found), np.zeros(len(owns), dtype=bool)
        renewing[learnt.model.contracts.deal] = (owns & past.view.renews(*found))[learnt.model.contracts.deal]
        kept = _kept(held, learnt, mine, [learnt.model.today, *(day_number(each.end) for each in months)])
        parts = _parts(asked, past, learnt.columns, learnt.last[mine | renewing], by)
        if learnt.model.settings.won_amount is not None:
            parts = _with_heads(parts, asked, past, by)
        return kept, (parts, _figures(kept, learnt, past, mine, renewing, parts, column, months, scaled))

    view = past.view
    scope = (view.units, tuple(sorted(view.filters.items())), question.as_of, question.known_at, asked.rates.base)
    parts, found = await memory_of(session).book(scope, worked)
    rows = await asyncio.to_thread(_rows, parts, found, scaled[0], asked.rates.base)
    return MonthsReading(
        **{**await envelope(session, asked), "metric_version": METRIC},
        by=by,
        periods=[period_out(month, asked.business_date.day) for month in months],
        total=rows[-1],
        rows=[row for row, part in zip(rows[:-1], parts[:-1], strict=True) if part.codes or _has_any(row)],
        learnt=LearntOut(as_of=learnt.taught.as_of, known_at=learnt.taught.known_at),
        settings=learnt.model.settings.digest,
    )


def _has_any(row: MonthsRow) -> bool:
    """Whether a part without deals says anything; units below are listed all the same."""
    return row.kind == "unit" or any(month.parts.projection for month in row.months)


def _months(asked: Asked, today: int) -> list[Period]:
    """The months from the one in which `today` lies: on the evening of its last day a month is over."""
    first = day_of(today)
    if first is None:
        raise ValueError("today is a day")
    found = [asked.calendar.month(first)]
    while len(found) < MONTHS:
        found.append(asked.calendar.month(found[-1].end))
    return found


def _kept(held: Kept | None, learnt: Learnt, mine: Flags, edges: Sequence[int]) -> Kept:
    model, columns = learnt.model, learnt.columns
    deals = model.standing.where(mine[model.standing.deal])
    rows = learnt.last[deals.deal]
    nodes = np.stack([getattr(columns, name)[rows].astype(np.int64) for name in DIMENSIONS])
    return bookkeeping.kept(held, model, edges, deals, nodes, _sizes(columns))


def _sizes(columns: Columns) -> list[int]:
    return [-(-len(columns.words[name].texts) // _SIZES) * _SIZES for name in DIMENSIONS]


def _parts(asked: Asked, past: Past, columns: Columns, rows: Index, by: By) -> list[Part]:
    """The parts that have deals, or could have as units below, and all of it last."""
    codes = np.union1d(present(getattr(columns, "owner" if by == "unit" else by)[rows]), _closed_codes(past, by))
    if by != "unit":
        texts = columns.words[by].texts
        kind: Literal["owner", "value"] = "owner" if by == "owner" else "value"
        parts = [Part(texts[code], kind, None if by == "owner" else texts[code], [code]) for code in codes.tolist()]
        parts.sort(key=lambda part: (part.key is None, part.key or ""))
        return [*parts, Part(None, "total", None, codes.tolist())]
    organisation, org = past.organisation, asked.org.unit_id
    branches = organisation.branches(org)
    owners = columns.words["owner"].texts
    of: dict[UUID, list[int]] = {}
    for code in codes.tolist():
        unit = organisation.unit_of(UUID(text) if (text := owners[code]) else None)
        of.setdefault(branches.get(unit, org), []).append(code)
    units = [
        Part(str(unit.unit_id), "unit", unit.name, of.pop(unit.unit_id, [])) for unit in organisation.children(org)
    ]
    rest = [
        Part(str(unit), "own" if unit == org else "unit", asked.org.name if unit == org else None, found)
        for unit, found in of.items()
    ]
    return [*units, *rest, Part(None, "total", None, codes.tolist())]


def _with_heads(parts: list[Part], asked: Asked, past: Past, by: By) -> list[Part]:
    """With the parts that have no deals but a share in what answers say will be created: people, or what no part is known of."""
    view, org = past.view, asked.org.unit_id
    known = {part.key for part in parts[:-1]}
    several = sorted(map(str, people(view))) if by == "owner" else []
    more = [Part(key, "owner", None, []) for key in several if key not in known]
    kind: Literal["own", "owner", "value"] = "own" if by == "unit" else "owner" if by == "owner" else "value"
    key, label = (str(org), asked.org.name) if by == "unit" else (None, None)
    last = [replace(part, takes_rest=True) for part in parts[:-1] if part.key == key]
    others = [part for part in parts[:-1] if part.key != key]
    return [*others, *more, *(last or [Part(key, kind, label, [], takes_rest=True)]), parts[-1]]


def _closed_codes(past: Past, by: By) -> list[int]:
    stood = past.population
    return present(stood.parts().owner if by in ("unit", "owner") else getattr(stood.columns, by)[stood.rows])


def _figures(
    kept: Kept,
    learnt: Learnt,
    past: Past,
    mine: Flags,
    renewing: Flags,
    parts: Sequence[Part],
    column: str,
    months: Sequence[Period],
    scaled: tuple[Floats, Floats],
) -> Figures:
    model, book = learnt.model, kept.book
    first = sum(book.sizes[: DIMENSIONS.index(column)])
    cells = np.stack([book.cells[[first + code for code in part.codes]].sum(axis=0) for part in parts])
    sums = book.value(cells)
    place = np.full(len(learnt.columns.words[column].texts), -1, dtype=np.intp)
    for at, part in enumerate(parts[:-1]):
        place[list(part.codes)] = at
    group = np.where(mine, place[getattr(learnt.columns, column)[learnt.last]], -1)
    shares = model.created(group, len(parts))
    shares[-1] = model.created(np.where(mine, 0, -1), 1)[0]
    shared = [model.shared(*each) for each in zip(shares, _heads(past, parts), strict=True)]
    rest = shared[-1][0] - sum(share for share, _ in shared[:-1])
    for at, part in enumerate(parts):
        if part.takes_rest and np.abs(rest).max() > _NOTHING:
            shared[at] = (shared[at][0] + rest, shared[-1][1])
    rates = np.stack([share * model.arrivals.rate for share, _ in shared])
    new = bookkeeping.coming(model, kept.book.ladder.edges, rates, np.array([[doubt] for _, doubt in shared]))
    of = np.where(renewing, place[getattr(learnt.columns, column)[learnt.last]], -1)[model.contracts.deal]
    due = bookkeeping.falling_due(model, kept.book.ladder.edges, of, len(parts))
    both = sums.copy()
    both[:, 1] += due
    ends = booking.quantiles(both, new[1:], model.shock, BAND, by=scaled[0], stretch=scaled[1])
    return Figures(_closed(past, place, len(parts), column, months), sums, due, new, ends)


def _heads(past: Past, parts: Sequence[Part]) -> list[float | None]:
    """Of each part the share of all people, where that tells anything."""
    view, basis = past.view, past.basis
    whole = heads(view, basis)
    of: dict[str, Callable[[str], float | None]] = {
        "unit": lambda key: of_unit(view, UUID(key), basis),
        "own": lambda key: of_unit(view, UUID(key), basis, alone=True),
        "owner": lambda key: heads(replace(view, filters={**view.filters, "owner": key}), basis),
        "total": lambda _: whole,
    }
    return [of[part.kind](part.key or "") if part.kind in of else None for part in parts]


def _closed(past: Past, place: Index, parts: int, column: str, months: Sequence[Period]) -> Ints:
    """What is closed won, by part and month; in the last row all of it."""
    won = past.population.where(past.population.line == WON)
    shares = won.parts()
    part = place[shares.owner if column == "owner" else getattr(won.columns, column)[won.rows[shares.at]]]
    units = shares.amount
    found = np.zeros((parts, len(months)), dtype=np.int64)
    for at, month in enumerate(months):
        counts = won.in_days(month.start, month.end)[shares.at]
        np.add.at(found[:, at], part[counts], units[counts])
        found[-1, at] = units[counts].sum()
    return found


def _rows(parts: Sequence[Part], found: Figures, by: Floats, currency: str) -> list[MonthsRow]:
    scale = Decimal(1).scaleb(-money.exponent(currency))
    wins = found.sums[:, :, WINS].sum(axis=1) + found.new[0] + found.due[:, WINS]
    rows = []
    for at, part in enumerate(parts):
        months = []
        for month in range(len(by)):
            closed = int(found.closed[at, month]) * scale
            own = (
                float(found.sums[at, 0, MEAN, month]),
                float(found.new[1][at, month]),
                float(found.sums[at, 1, MEAN, month]),
                float(found.due[at, MEAN, month]),
            )
            low, high = (closed + shown.amount(each, currency) for each in found.ends[at, month].tolist())
            months.append(
                MonthOut(
                    parts=shown.parts_of(closed, own, sum(own) * (float(by[month]) - 1), currency),
                    low=low,
                    high=high,
                    expected_wins=round(float(wins[at, month]), 6),
                    is_few=bool(wins[at, month] < DEFAULT.few_wins),
                )
            )
        rows.append(MonthsRow(key=part.key, kind=part.kind, label=part.label, months=months))
    return rows
