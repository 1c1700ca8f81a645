"""Why the forecast of a period moved between two instants, down to the deliveries that moved it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock, money
from libs.common.web.auth import Principal
from libs.common.web.errors import Invalid
from services.forecast.config import settings_of
from services.forecast.history import service as versions
from services.forecast.history.columns import Columns, Index, Ints, last_import
from services.forecast.movement.identity import CLOSED_TERMS, OPEN_TERMS, Moved, Steps, constant, explain
from services.forecast.movement.schemas import (
    EndOut,
    FxOut,
    IdentityOut,
    Mode,
    MovementReading,
    Side,
    StepOut,
    StepsReading,
    StoodOut,
    TermOut,
)
from services.forecast.movement.standing import NO_ROW, Look, Looked, Standing
from services.forecast.movement.stepping import Between, End
from services.forecast.past import service as past
from services.forecast.past.counting import restated
from services.forecast.rates import service as rates
from services.forecast.rates.conversion import Rates
from services.forecast.readings.asked import Asked, Question
from services.forecast.readings.service import decide, envelope, period_out

METRIC = "movement-3"
"""Changes whenever a term's definition does."""
USUAL = timedelta(days=7)


class BackwardMovement(Invalid):
    """The end lies before the start, by one clock or the other."""


class UnknownTerm(Invalid):
    """No identity has such a term."""


@dataclass(frozen=True, slots=True)
class Asking:
    """The raw request: a question about the end, and the instants of the start (a week before, if None)."""

    question: Question
    since: datetime | None = None
    since_known_at: datetime | None = None
    mode: Mode = "ends"


@dataclass(frozen=True)
class Explained:
    """A movement and its steps."""

    until: Asked
    since: Asked
    imported_at: datetime | None
    steps: list[Steps]
    moved: list[Moved]
    fx: tuple[int, int]
    """What closed won at the start and at the end is more at the rates of its booking days."""


async def read(session: AsyncSession, asking: Asking, *, principal: Principal) -> MovementReading:
    """Both identities. Raises BackwardMovement, and what readings raise."""
    found = await _explained(session, asking, principal=principal)
    return MovementReading(**await _head(session, found, asking.mode))


async def steps(
    session: AsyncSession, asking: Asking, *, side: Side, term: str | None, limit: int, principal: Principal
) -> StepsReading:
    """The steps of a term, or of all terms of a side, greatest first. Raises UnknownTerm."""
    known = OPEN_TERMS if side == "open" else CLOSED_TERMS
    if term is not None and term not in known:
        raise UnknownTerm(f"term: {side} movements have no {term!r}; there are {', '.join(known)}.")
    found = await _explained(session, asking, principal=principal)
    names = sorted([term] if term else known)
    parts = await asyncio.to_thread(_parts, found.moved, side, names)
    page = parts[:limit].tolist()
    stood = await _stood(session, found, [(index, at) for _, index, at, _ in page])
    scale = _scale(found)
    items = [
        StepOut(
            deal_id=each["deal_id"],
            name=each["name"],
            term=names[name],
            amount=signed * scale,
            before=each["before"],
            after=each["after"],
        )
        for (name, _, _, signed), each in zip(page, stood, strict=True)
    ]
    return StepsReading(
        **await _head(session, found, asking.mode),
        side=side,
        term=term,
        total=int(parts[:, 3].sum()) * scale,
        items=items,
        is_complete=len(page) == len(parts),
    )


def _parts(moved: list[Moved], side: Side, names: list[str]) -> Ints:
    """What each step moved by each of some terms, greatest first, as rows of: place in `names`, in `moved`, in its steps, amount."""
    found = []
    for term, name in enumerate(names):
        for index, each in enumerate(moved):
            amounts = getattr(each, side)[name]
            here = np.flatnonzero(amounts)
            whole = np.full(len(here), term), np.full(len(here), index), each.places[here], amounts[here]
            found.append(np.column_stack(whole))
    parts = np.concatenate(found)
    term, index, place, amount = parts.T
    return parts[np.lexsort((place, index, term, -np.abs(amount)))]


async def _explained(session: AsyncSession, asking: Asking, *, principal: Principal) -> Explained:
    configured = settings_of(session)
    asked = asking.question
    until = await decide(session, replace(asked, as_of=asked.as_of or clock.now()), principal=principal, deals=False)
    columns = await past.columns(session)
    imported_at = last_import(columns, until.known_at)
    since_at = asking.since or until.as_of - USUAL
    # What was imported without its times of recording was known to nobody before; such a start is as known when it came.
    known_at = asking.since_known_at or max(since_at, imported_at or since_at)
    question = replace(asked, as_of=since_at, known_at=known_at, period=until.period.key, day=None)
    since = await decide(session, question, principal=principal, deals=False)
    if since.as_of > until.as_of or since.known_at > until.known_at:
        raise BackwardMovement(
            f"since ({since.as_of.isoformat()}, known {since.known_at.isoformat()}) must not be later than "
            f"the end ({until.as_of.isoformat()}, known {until.known_at.isoformat()})."
        )
    zone = ZoneInfo(configured.org_timezone)
    booked = [await rates.at_booking(session, each.rates, known_at=each.known_at) for each in (since, until)]

    def explained() -> Explained:
        start, end = (_end(columns, each, zone) for each in (since, until))
        between = Between(columns, start, end, until.period, configured.calendar, zone)
        taken = list(between.every_step() if asking.mode == "gross" else between.ends())
        fx = _fx(taken[0].before, booked[0]), _fx(taken[-1].after, booked[1])
        return Explained(until, since, imported_at, taken, [explain(each) for each in taken], fx)

    return await asyncio.to_thread(explained)


def _fx(stands: Standing, booked: Rates) -> int:
    """Closed won at the rates of its booking days less at the constant ones, in minor units."""
    rows = stands.rows[np.flatnonzero(stands.is_closed)]
    of = stands.looked
    looked = Looked.at(of.columns, of.look, of.period, rows)
    place = looked.place[rows]
    return int((looked.worth(booked)[place] - looked.worth(constant(booked))[place]).sum())


def _end(columns: Columns, asked: Asked, zone: ZoneInfo) -> End:
    if asked.past is None:
        raise ValueError("a movement is between instants of the past")
    late = restated(columns, None, as_of=asked.as_of, known_at=asked.known_at, books=asked.past.books)
    credited = None
    if len(columns.splits):
        credited = partial(past.credit, as_of=asked.as_of, known_at=asked.known_at, zone=zone)
    look = Look(asked.past.view, asked.rates, restated=late, credited=credited)
    return End(asked.as_of, asked.known_at, asked.business_date.day, look)


async def _head(session: AsyncSession, found: Explained, mode: Mode) -> dict[str, Any]:
    return {
        **await envelope(session, found.until),
        "metric": METRIC,
        "period": period_out(found.until.period, found.until.business_date.day),
        "mode": mode,
        "since": _end_out(found.since),
        "until": _end_out(found.until),
        "imported_at": found.imported_at,
        "open": _identity(found, "open"),
        "closed": _identity(found, "closed"),
        "fx": FxOut(opening=found.fx[0] * _scale(found), closing=found.fx[1] * _scale(found)),
    }


def _end_out(asked: Asked) -> EndOut:
    return EndOut(as_of=asked.as_of, known_at=asked.known_at, day=asked.business_date.day)


def _identity(found: Explained, side: Side) -> IdentityOut:
    """What stood before the first step and after the last, and everything between by term."""
    begun, ended = ("opening", "closing") if side == "open" else ("closed_opening", "closed_closing")
    opening, closing = int(getattr(found.moved[0], begun).sum()), int(getattr(found.moved[-1], ended).sum())
    terms = {
        name: [getattr(each, side)[name] for each in found.moved]
        for name in (OPEN_TERMS if side == "open" else CLOSED_TERMS)
    }
    amounts = {name: sum(int(part.sum()) for part in parts) for name, parts in terms.items()}
    scale = _scale(found)
    return IdentityOut(
        opening=opening * scale,
        terms=[
            TermOut(term=name, amount=amounts[name] * scale, steps=sum(int(np.count_nonzero(part)) for part in parts))
            for name, parts in terms.items()
        ],
        closing=closing * scale,
        change=(closing - opening) * scale,
        residual=(closing - opening - sum(amounts.values())) * scale,
    )


def _scale(found: Explained) -> Decimal:
    return Decimal(1).scaleb(-money.exponent(found.until.rates.base))


async def _stood(session: AsyncSession, found: Explained, places: list[tuple[int, int]]) -> list[dict[str, Any]]:
    """The entries of the timeline on both sides of steps, in their order."""
    pairs = [(found.steps[index].before, found.steps[index].after, at) for index, at in places]
    rows = [(int(before.rows[at]), int(after.rows[at])) for before, after, at in pairs]
    columns = found.steps[0].before.looked.columns
    wanted: Index = np.array(sorted({row for pair in rows for row in pair} - {NO_ROW}), dtype=np.intp)
    names = [
        (UUID(deal), version)
        for deal, version in zip(columns.texts("deal", wanted), columns.version[wanted].tolist(), strict=True)
    ]
    stored = await versions.entries(session, names)
    by_row = dict(zip(wanted.tolist(), (stored[name] for name in names), strict=True))
    answers = []
    for before, after in rows:
        latest = by_row[after if after != NO_ROW else before]
        answers.append(
            {
                "deal_id": latest["deal_id"],
                "name": latest["name"],
                "before": _entry(by_row.get(before)),
                "after": _entry(by_row.get(after)),
            }
        )
    return answers


def _entry(row: Mapping[str, Any] | None) -> StoodOut | None:
    return None if row is None else StoodOut.model_validate({name: row[name] for name in StoodOut.model_fields})
