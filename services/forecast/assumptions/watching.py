"""Holding what plans in force assume against history, lock by lock, as it was known then; later where a lock was missed."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.calendar import local_date
from libs.common.db import Database
from libs.common.events.forecast import AssumptionBroken, AssumptionCleared
from libs.common.messaging import outbox
from libs.common.messaging.topics import DEAL_EVENTS
from libs.common.web.auth import Principal
from services.forecast.assumptions import counting, repository
from services.forecast.assumptions.counting import Days, Facts
from services.forecast.assumptions.ground import Ground, counted, ground
from services.forecast.assumptions.judging import APART, Look, Standing, standing_out, turned
from services.forecast.assumptions.measures import MEASURES, METRICS, Metric
from services.forecast.assumptions.posterior import posterior
from services.forecast.config import settings_of
from services.forecast.history import repository as history
from services.forecast.locks import repository as locks
from services.forecast.locks.service import timetable
from services.forecast.plans import service as plans
from services.forecast.plans.apart import Apart
from services.forecast.plans.service import Found

MOST_AT_ONCE: Final = 60
"""Looks of one turn: a plan that is put in force late in its year has those of a year to be made up."""
STANDING: Final = ("state", "leans", "since", "broken", "broken_since", "back_since")


async def watch(database: Database, *, principal: Principal) -> int:
    """Look at every plan in force at every weekly lock since its period began; returns how many looks were made.

    Each is read on one snapshot and written with what it tells in one transaction, so that a process that dies in between leaves
    nothing behind, and two at once leave one. A plan that cannot be looked at is left out until the next turn; when all others
    were looked at, that is raised as an ExceptionGroup.
    """
    async with database.reading() as session:
        waiting = await repository.in_force(session)
    made, apart = 0, Apart()
    for each in waiting:
        with apart.each(each["plan_id"]):
            while made < MOST_AT_ONCE and await _look_at(
                database, each["plan_id"], each["version"], principal=principal
            ):
                made += 1
    apart.tell()
    return made


async def _look_at(database: Database, plan_id: UUID, version: int, *, principal: Principal) -> bool:
    async with database.reading() as session:
        found = await plans.find(session, plan_id, version=version, principal=principal)
        looked = await repository.newest_look(session, plan_id, version)
        due = await _next(session, found, looked)
        if due is None:
            return False
        known_at = max(due, found.version.active_since or due)
        if not await _has_arrived(session, known_at):
            return False
        rows, assumed = await look(session, found, due, known_at, principal=principal)
    async with database.transaction() as session:
        return await _store(session, found, due, known_at, rows, assumed, principal=principal)


async def _next(session: AsyncSession, found: Found, looked: datetime | None) -> datetime | None:
    """The first weekly lock after a look, of those within the plan's period that are due."""
    configured = settings_of(session)
    zone = ZoneInfo(configured.org_timezone)
    began, ends = (datetime.combine(found.row[name], time(), zone) for name in ("period_start", "period_end"))
    # A week at least lies within the plan; the lock after its last day sees all of it.
    due = timetable(configured).due(
        max(looked or began, began + timedelta(days=6)), min(clock.now(), ends + timedelta(days=7))
    )
    return next((each.at for each in due if each.kind == "weekly"), None)


async def _has_arrived(session: AsyncSession, at: datetime) -> bool:
    """Whether all that was recorded by an instant is here, or a lock has given up waiting for it."""
    if not await history.behind(session, DEAL_EVENTS.name, DEAL_EVENTS.partitions, at):
        return True
    checked = await locks.checked_to(session)
    return checked is not None and checked >= at


async def look(
    session: AsyncSession, found: Found, due: datetime, known_at: datetime, *, principal: Principal
) -> tuple[list[dict[str, Any]], Mapping[UUID, Mapping[str, Any]]]:
    """How each assumption of a version stands at a lock, as rows, and what is assumed: the same whenever asked."""
    row, version = found.row, found.version.version
    stated = await repository.assumptions(session, row["plan_id"], version, principal=principal)
    on = await ground(session, found, as_of=due, known_at=known_at, organisation="was", principal=principal)
    stated = [each for each in stated if each["node_id"] in on.content.tree.place]
    before = await _before(session, found, due, principal=principal)
    until = min(local_date(due, settings_of(session).org_timezone), on.end)
    seen = await counted(on, lambda facts: _seen(on, facts, stated, Days(on.start, until)))
    return _turned(stated, seen, before, due), {each["assumption_id"]: each for each in stated}


async def _before(session: AsyncSession, found: Found, due: datetime, *, principal: Principal) -> dict[UUID, Standing]:
    """How each stood at the look before."""
    rows = await repository.states(
        session, found.row["plan_id"], found.version.version, since=due - 2 * APART, principal=principal
    )
    return {
        row["assumption_id"]: Standing(**{name: row[name] for name in STANDING}) for row in rows if row["due_at"] < due
    }


def _seen(
    on: Ground, facts: Mapping[Metric, Facts], stated: Sequence[Mapping[str, Any]], days: Days
) -> dict[UUID, dict[str, Any]]:
    found: dict[UUID, dict[str, Any]] = {}
    for metric in METRICS:
        of = [each for each in stated if each["metric"] == metric]
        if not of:
            continue
        places = [on.place(each["node_id"]) for each in of]
        seen = counting.seen(on.content.tree, facts[metric], places, days)
        expected, tolerance = (np.array([float(each[name]) for each in of]) for name in ("expected", "tolerance"))
        judged = posterior(MEASURES[metric].law, expected, tolerance, seen)
        for at, each in enumerate(of):
            found[each["assumption_id"]] = {
                **{side: min(max(float(getattr(judged, side)[at]), 0.0), 1.0) for side in ("below", "above")},
                **{name: _number(getattr(judged, name)[at]) for name in ("value", "low", "high")},
                "cases": int(judged.cases[at]),
                "weeks": int(judged.weeks[at]),
                "is_enough": bool(judged.is_enough[at]),
            }
    return found


def _number(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None


def _turned(
    stated: Sequence[Mapping[str, Any]],
    seen: Mapping[UUID, dict[str, Any]],
    before: Mapping[UUID, Standing],
    due: datetime,
) -> list[dict[str, Any]]:
    ids = [each["assumption_id"] for each in stated]
    below, above = (np.array([seen[each][side] for each in ids]) for side in ("below", "above"))
    enough = np.array([seen[each]["is_enough"] for each in ids], dtype=bool)
    critical = np.array([each["criticality"] == "critical" for each in stated], dtype=bool)
    out = standing_out(below, above, enough, critical)
    rows = []
    for at, each in enumerate(ids):
        look = Look(due, seen[each]["below"], seen[each]["above"], seen[each]["is_enough"], bool(out[at]))
        standing = turned(before.get(each, Standing()), look)
        rows.append(
            {"assumption_id": each, "due_at": due, **seen[each], "stands_out": look.stands_out, **asdict(standing)}
            | {"was_broken": before[each].broken if each in before else None}
        )
    return rows


async def _store(
    session: AsyncSession,
    found: Found,
    due: datetime,
    known_at: datetime,
    rows: Sequence[dict[str, Any]],
    assumed: Mapping[UUID, Mapping[str, Any]],
    *,
    principal: Principal,
) -> bool:
    of = {"plan_id": found.row["plan_id"], "version": found.version.version}
    turns = [(row, row.pop("was_broken")) for row in rows]
    made = await repository.add_look(
        session, of | {"due_at": due, "known_at": known_at, "made_at": clock.now()}, [of | row for row in rows]
    )
    if not made:
        return False
    for row, was in turns:
        if row["broken"] == was:
            continue
        stated = assumed[row["assumption_id"]]
        kind = AssumptionBroken if row["broken"] else AssumptionCleared
        told = kind(
            assumption_id=row["assumption_id"],
            **of,
            plan_name=found.row["name"],
            unit_id=found.row["unit_id"],
            node_id=stated["node_id"],
            metric=stated["metric"],
            criticality=stated["criticality"],
            side=row["broken"] or was,
            expected=Decimal(stated["expected"]),
            tolerance=Decimal(stated["tolerance"]),
            seen=row["value"],
            cases=row["cases"],
            due_at=due,
        )
        number = await repository.told(session, row["assumption_id"], of["plan_id"], due)
        outbox.add(
            session,
            told,
            key=row["assumption_id"],
            version=found.version.version * 1_000_000 + number,
            occurred_at=due,
            actor=principal.subject,
        )
    return True
