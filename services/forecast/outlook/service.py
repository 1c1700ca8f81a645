"""What a period will bring, of what was asked: the engine's projection, from one snapshot of history."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.web.auth import Principal
from libs.common.web.errors import Invalid
from services.forecast.accuracy.closings import closings
from services.forecast.champion import methods
from services.forecast.champion import service as champion
from services.forecast.champion.methods import Chosen, Method
from services.forecast.config import settings_of
from services.forecast.history import service as versions
from services.forecast.history.columns import day_number, last_import
from services.forecast.outlook import falling, sayings, shown
from services.forecast.outlook.falling import DueOut
from services.forecast.outlook.heads import heads
from services.forecast.outlook.known import memory_of
from services.forecast.outlook.rolling import Learnt
from services.forecast.outlook.sayings import TAUGHT, Said
from services.forecast.outlook.schemas import ContributionOut, FanOut, LearntOut, PastReading, ProjectionReading
from services.forecast.outlook.sight import Sight
from services.forecast.past import service as past
from services.forecast.projection import learning
from services.forecast.projection.engine import Outlook, Part
from services.forecast.projection.landing import Landing
from services.forecast.projection.learning import ENGINE, Blend, Stretch, Told
from services.forecast.projection.settings import Settings
from services.forecast.projection.steps import Index
from services.forecast.readings import figures, totals
from services.forecast.readings.asked import Asked, Question
from services.forecast.readings.service import decide, envelope, period_out, seen_from
from services.forecast.setup import service as setup
from services.forecast.setup.answered import Answered, in_force

METRIC: Final = "projection-1"
LEADS: Final = {"month": (0, 10, 20), "quarter": (0, 30, 60), "year": (0, 91, 182, 273)}
"""Days of a period on which its past ones are judged; the one before today's teaches today's band and blend."""
LISTED: Final = 8
SHOWN: Final = 10
"""Deals that are itemised."""


class NegativeTarget(Invalid):
    """A target below zero."""


@dataclass(frozen=True)
class Projected:
    """A projection of a part: what it is made of and its distribution.

    `by`: what is to come by the blend, over what is to come by the engine. `outlook` is None for a period that is over.
    `answer`: what was answered at set-up by then; `chosen`: the method that answers, None if nobody ever chose.
    """

    asked: Asked
    learnt: Learnt
    outlook: Outlook | None
    landing: Landing
    closed: Decimal
    by: float
    mixed: Blend
    wide: Stretch
    points: dict[str, float | None]
    answer: Answered | None = None
    chosen: Chosen | None = None

    @property
    def blend(self) -> float:
        """What the blend adds to the engine's mean."""
        return self.outlook.to_come * (self.by - 1) if self.outlook else 0.0

    @property
    def part(self) -> Part | None:
        """What of the company was asked for; None for all of it."""
        return _part(self.asked, self.learnt)


async def projected(
    session: AsyncSession, question: Question, *, target: Decimal | None, principal: Principal
) -> Projected:
    """The projection of what was asked. Raises NegativeTarget, and what readings raise."""
    if target is not None and target < 0:
        raise NegativeTarget("target: an amount to be reached is 0 or more.")
    question = seen_from(question, settings_of(session))
    asked = await decide(session, question, principal=principal, from_history=True)
    return await _projected(session, question, asked)


async def read(
    session: AsyncSession, question: Question, *, target: Decimal | None, principal: Principal
) -> ProjectionReading:
    """The distribution of what will be closed won at the period's end. Raises NegativeTarget, and what readings raise."""
    found = await projected(session, question, target=target, principal=principal)
    asked = found.asked
    head = {**await envelope(session, asked), "metric_version": METRIC}
    day = asked.business_date.day
    items = await _contributions(session, found)
    fan = await asyncio.to_thread(_fan, found)
    return ProjectionReading(
        **head,
        period=period_out(asked.period, day),
        is_over=found.outlook is None,
        parts=shown.parts(found.closed, found.outlook, found.blend, asked.rates.base),
        **shown.distribution(found.landing, found.wide, asked.rates.base),
        blend=shown.blend(found.mixed, found.points, asked.rates.base),
        expected_wins=float(found.outlook.deals.chance.sum()) if found.outlook else 0.0,
        new_wins=found.outlook.new_wins if found.outlook else 0.0,
        fan=fan,
        contributions=items,
        others=shown.others(found.outlook, items, asked.rates.base),
        due=await _due(session, found),
        target=shown.target(found.landing, target),
        suggested=shown.suggested(found.landing, settings_of(session).over_forecast_cost, asked.rates.base)
        if found.outlook
        else None,
        learnt=LearntOut(as_of=found.learnt.taught.as_of, known_at=found.learnt.taught.known_at),
        change=shown.change(found.learnt.model.lessons.change),
        prior=shown.prior(found.learnt.model.settings, len(found.learnt.model.wins.at), found.answer, asked.rates.base),
        answers=shown.answers(found.chosen),
        settings=found.learnt.model.settings.digest,
    )


async def past_periods(session: AsyncSession, question: Question, *, principal: Principal) -> PastReading:
    """The company's last periods of the asked one's kind as they would have been called. Raises what readings raise."""
    question = seen_from(question, settings_of(session))
    asked = await decide(session, question, principal=principal, deals=False, from_history=True)
    sight = await sight_of(session, asked)
    learnt = await learnt_of(session, question, asked, sight)
    settings = learnt.model.settings
    current = asked.calendar.like(asked.period, asked.business_date.day)
    periods = asked.calendar.before(current, TAUGHT[asked.period.kind])
    all_said: dict[int, list[Said]] = {}
    for lead in LEADS[asked.period.kind][:3]:
        every = await memory_of(session).said(session, sight, periods, lead)
        all_said[lead] = [each for each in every if each is not None]

    def worked() -> tuple[list[shown.Saying], dict[int, float]]:
        came = sayings.brought(closings(learnt.steps, learnt.model.today), periods)
        found = []
        for lead, several in all_said.items():
            for each, (landing, _) in zip(several, sayings.told(several, settings), strict=True):
                at = sight.midnight(each.day)
                commit = sayings.commit(sight.columns, sight.rates, each.period, at, sight.known_by(at))
                found.append(shown.Saying(each, lead, landing, came[each.end], commit))
        return found, came

    told, came = await asyncio.to_thread(worked)
    listed = [period for period in periods if any(each.said.period == period for each in told)][-LISTED:]
    return PastReading(
        **{**await envelope(session, asked), "metric_version": METRIC},
        periods=[shown.past_period(period, told, came[day_number(period.end)], asked) for period in reversed(listed)],
        methods=shown.methods([each for each in told if each.said.period in listed]),
        why_empty=None if listed else shown.WHY_EMPTY,
        settings=settings.digest,
    )


async def sight_of(session: AsyncSession, asked: Asked) -> Sight:
    """From where the engine looks for what was asked."""
    columns = await past.columns(session)
    imported_at = last_import(columns, asked.known_at)
    zone = ZoneInfo(settings_of(session).org_timezone)
    answered = await setup.answered(session, known_at=asked.known_at)
    chosen = await champion.chosen(session, known_at=asked.known_at)
    return Sight(columns, asked.rates, asked.calendar, zone, imported_at, asked.known_at, answered, chosen)


async def learnt_of(session: AsyncSession, question: Question, asked: Asked, sight: Sight) -> Learnt:
    """What was learnt for the day of what was asked, and the deals as they stand."""
    day, instants = asked.business_date.day, (question.as_of, question.known_at)
    settings = sight.settings(asked.as_of)
    return await memory_of(session).learnt(sight, asked.as_of, asked.known_at, day, settings, asked=instants)


async def _projected(session: AsyncSession, question: Question, asked: Asked) -> Projected:
    sight = await sight_of(session, asked)
    learnt = await learnt_of(session, question, asked, sight)
    whole = totals.together(totals.tally(await figures.sums(session, asked, "none")).values())
    closed = whole.of("closed_won").amount
    mixed, wide, points, by = await company(session, asked, sight, learnt, learnt.model.settings)
    start, end = day_number(asked.period.start), day_number(asked.period.end)
    answer = in_force(sight.answered, asked.as_of)
    chosen = methods.in_force(sight.chosen, asked.as_of)

    def worked() -> Projected:
        if learnt.model.today >= end:
            over = Landing(float(closed), np.ones(1), np.zeros(1), np.zeros(1), np.zeros(1))
            return Projected(asked, learnt, None, over, closed, 1.0, mixed, wide, points, answer, chosen)
        outlook = learnt.model.outlook(end, start=start, part=_part(asked, learnt))
        landing = outlook.landing(float(closed))
        landing = landing.scaled(landing.to_come * by).widened(wide.scale)
        return Projected(asked, learnt, outlook, landing, closed, by, mixed, wide, points, answer, chosen)

    return await asyncio.to_thread(worked)


def _part(asked: Asked, learnt: Learnt) -> Part | None:
    """What of the company was asked for; None for all of it."""
    if asked.past is None:
        raise ValueError("a projection is made from history")
    view = asked.past.view
    if view.units is None and not view.filters:
        return None
    found = (learnt.columns, learnt.last)
    owns = view.owns(*found)
    people = heads(view, asked.past.basis)
    return learnt.model.part(owns & view.matches(*found), owns & view.renews(*found), people)


async def company(
    session: AsyncSession, asked: Asked, sight: Sight, learnt: Learnt, settings: Settings
) -> tuple[Blend, Stretch, dict[str, float | None], float]:
    """What the whole company's past periods teach: blend, band, what the methods say now, and blended over engine's to come."""
    model, period = learnt.model, asked.period
    start, end = day_number(period.start), day_number(period.end)
    current = asked.calendar.like(period, asked.business_date.day)
    into = max(0, model.today - start)
    lead = max(each for each in LEADS[period.kind] if each <= into)
    before = asked.calendar.before(min(current, period, key=lambda each: each.start), TAUGHT[period.kind])
    every = await memory_of(session).said(session, sight, before, lead)

    def worked() -> tuple[Blend, Stretch, dict[str, float | None], float]:
        came = sayings.brought(closings(learnt.steps, model.today), before)
        past = [each for _, each in sayings.told([each for each in every if each], settings)]
        over: list[Told] = sayings.over(past, came, model.today)
        mixed, wide = learning.blend(over, settings), learning.stretch(over, settings)
        if model.today >= end:
            return mixed, wide, {}, 1.0
        closed = model.closed(start, end)
        engine = model.outlook(end, start=start).landing(closed)
        under_way = sayings.simpler(learnt.steps, model.today, end, closed) if start <= model.today else {}
        points: dict[str, float | None] = {**under_way, ENGINE: engine.mean}
        blended = mixed.of(points) - closed
        by = max(blended, 0.0) / engine.to_come if engine.to_come > 0 else 1.0
        return mixed, wide, points, by

    return await asyncio.to_thread(worked)


def _fan(found: Projected) -> list[FanOut]:
    """Some days of the period: what was closed by then, and what will be."""
    period, today = found.asked.period, found.learnt.model.today
    start, end = day_number(period.start), day_number(period.end)
    wins, part = found.learnt.model.wins, found.part
    theirs = np.ones(len(wins.day), dtype=bool) if part is None else part.deals[wins.deal]
    days = shown.fan_days(start, end, today)
    rows = []
    for day in days:
        counts = theirs & (wins.day >= start) & (wins.day < day)
        closed = float(np.nansum(wins.amount[counts]))
        landing = None
        if day > today and found.outlook is not None:
            so_far = float(found.closed)
            ahead = found.learnt.model.outlook(day, start=start, part=part).landing(so_far)
            landing = ahead.scaled(ahead.to_come * found.by).widened(found.wide.scale)
        rows.append(shown.fan(day - 1, closed if day <= today else None, landing, found.asked.rates.base))
    return rows


async def _contributions(session: AsyncSession, found: Projected) -> list[ContributionOut]:
    if found.outlook is None:
        return []
    deals = found.outlook
    expected = deals.deals.chance * deals.deals.mean
    top: Sequence[int] = np.argsort(-expected, kind="stable")[:SHOWN].tolist()
    stored = await entries(session, found.learnt, deals.standing.deal[top])
    return [
        shown.contribution(entry, float(deals.deals.chance[at]), float(deals.deals.mean[at]), found.asked.rates.base)
        for entry, at in zip(stored, top, strict=True)
    ]


async def _due(session: AsyncSession, found: Projected) -> DueOut | None:
    """What falls due in the period, with its largest contracts."""
    if found.outlook is None:
        return None
    period = found.asked.period
    start, end = day_number(period.start), day_number(period.end)
    model, part, due = found.learnt.model, found.part, found.outlook.due
    top = falling.largest(due)
    stored = await entries(session, found.learnt, model.contracts.deal[due.rows[top]].astype(np.intp))
    return falling.told(model, part, due, (start, end), list(zip(top, stored, strict=True)), found.asked.rates.base)


async def entries(session: AsyncSession, learnt: Learnt, deals: Index) -> list[dict[str, Any]]:
    """What was last recorded of deals, by their numbers."""
    rows = learnt.last[deals]
    ids, known = learnt.columns.texts("deal", rows), learnt.columns.version[rows].tolist()
    names = [(UUID(deal), version) for deal, version in zip(ids, known, strict=True)]
    stored = await versions.entries(session, names)
    return [stored[name] for name in names]


@dataclass(frozen=True)
class Ground:
    """What the projections of all parts of the company stand on: see `Projected`."""

    asked: Asked
    learnt: Learnt
    mixed: Blend
    wide: Stretch
    points: dict[str, float | None]
    by: float


async def ground(session: AsyncSession, question: Question, *, principal: Principal) -> Ground:
    """What is learnt once for all parts of a period. Raises what readings raise."""
    asked = await decide(session, question, principal=principal, deals=False, from_history=True)
    learnt = await learnt_of(session, question, asked, sight := await sight_of(session, asked))
    return Ground(asked, learnt, *await company(session, asked, sight, learnt, learnt.model.settings))


async def warm(session: AsyncSession, *, principal: Principal) -> Projected | None:
    """Learn what readings of today will ask for, and give the first of them; None without any history. Raises what they raise."""
    if not len(await past.columns(session)):
        return None
    return await projected(session, Question(), target=None, principal=principal)


async def beside(session: AsyncSession, found: Ground) -> tuple[Method, Settings, Ground]:
    """The method that does not answer, its settings, and what projections stand on with it."""
    asked = found.asked
    sight = await sight_of(session, asked)
    method = methods.other(methods.method_of(methods.in_force(sight.chosen, asked.as_of)))
    settings = sight.settings(asked.as_of, method)
    return method, settings, Ground(asked, found.learnt, *await company(session, asked, sight, found.learnt, settings))
