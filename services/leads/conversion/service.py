"""The rules of chances: when a model is learnt, what scores leads, how a score is told."""

import asyncio
import tempfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.db import Database
from libs.common.events.leads import LeadState
from libs.common.ids import new_id
from libs.common.messaging import outbox
from libs.common.web.auth import Principal
from libs.common.web.errors import NotFound
from services.leads.config import settings_of
from services.leads.conversion import learning, repository, waiting
from services.leads.conversion.facts import Facts
from services.leads.conversion.kept import document_of, model_of
from services.leads.conversion.models import ModelRow
from services.leads.conversion.odds.model import Chances, ConversionModel, Prior, Scores
from services.leads.conversion.odds.table import Floats, Table
from services.leads.conversion.schemas import ChanceOut, ChanceReasonOut
from services.leads.conversion.waiting import Waiting

AGES = (timedelta(), timedelta(days=14), timedelta(days=42))
"""Days of a lead's life on which the past is asked what was known; a lead is scored on any day."""

MOST_LEADS = 20_000
NEWEST_MODEL = "(SELECT model_id FROM lead_model ORDER BY fitted_at DESC, model_id DESC LIMIT 1)"
"""SQL that names the model that scores now, for who reads leads with their chances by one statement."""

_PARSED: dict[UUID, tuple[ModelRow, ConversionModel]] = {}
"""The newest model of this process, by id."""


class ModelNotFound(NotFound):
    """No such model, or none yet."""


async def learn_nightly(database: Database, *, principal: Principal) -> ModelRow | None:
    """Learn a model once per local day and score every waiting lead by it; None where today's stands already."""
    async with database.reading() as session:
        newest = await repository.newest_model(session)
        zone = ZoneInfo(settings_of(session).org_timezone)
    now = clock.now()
    if newest is not None and _day(newest.fitted_at, zone) >= _day(now, zone):
        return None
    row = await learn(database, principal=principal)
    await score_waiting(database, only_changed=False, principal=principal)
    return row


async def learn(database: Database, *, principal: Principal) -> ModelRow:  # noqa: ARG001
    """Fit on the past, judge on its newest part, register what came of it."""
    now = clock.now()
    async with database.reading() as session:
        horizon = timedelta(days=settings_of(session).conversion_days)
        found = await repository.past_leads(session, until=now - horizon, horizon=horizon, ages=AGES, most=MOST_LEADS)
    fitted = await asyncio.to_thread(_learnt, found)
    row = ModelRow(
        model_id=new_id(),
        fitted_at=now,
        method="model" if fitted.is_fitted else "rules",
        why=fitted.why,
        horizon_days=horizon.days,
        leads=found["leads"],
        conversions=found["conversions"],
        ridge=fitted.ridge,
        figures=fitted.figures,
        segments=fitted.segments,
        leaks=fitted.leaks,
        parameters=document_of(fitted.model),
    )
    async with database.transaction() as session:
        await repository.add_model(session, row, recorded_at=await outbox.stamp(session))
    return row


async def score_waiting(database: Database, *, only_changed: bool, principal: Principal) -> int:  # noqa: ARG001
    """Score waiting leads as they stand now by the newest model, and keep the chances part by part, each in its transaction;
    returns how many were scored.

    `only_changed`: those that are new or have changed since they were scored, found without reading the others. Chances of leads
    that left are dropped.
    """
    async with database.reading() as session:
        row, model = await _known(session)
    if row is None:
        return 0
    scored, as_of = 0, clock.now()
    with tempfile.TemporaryFile() as file:
        async with database.reading() as session:
            await waiting.copy(session, file, as_of=as_of, only_changed=only_changed)
        parts = waiting.copied(file)
        async with asyncio.TaskGroup() as group:
            following = group.create_task(asyncio.to_thread(_next_scored, model, parts))
            while (part := await following) is not None:
                leads, found = part
                # The next part is worked out while this one is written.
                following = group.create_task(asyncio.to_thread(_next_scored, model, parts))
                async with database.transaction() as session:
                    await waiting.write_scores(
                        session,
                        leads,
                        chances=found.chance,
                        prior_shares=found.prior_share,
                        model_id=row.model_id,
                        scored_at=as_of,
                    )
                    await waiting.note_scored(session, leads)
                scored += len(leads)
    async with database.transaction() as session:
        await waiting.forget_who_left(session)
    return scored


async def chances_of(
    session: AsyncSession, leads: Sequence[LeadState], *, principal: Principal
) -> list[ChanceOut | None]:
    """The chance of each lead as it stands now, with its reasons; None for one that waits no more.

    The caller has found the leads within the principal's scope.
    """
    newest = await repository.newest_model(session)
    return await chances_by(session, newest.model_id if newest else None, leads, principal=principal)


async def chances_by(
    session: AsyncSession,
    model_id: UUID | None,
    leads: Sequence[LeadState],
    *,
    principal: Principal,  # noqa: ARG001
) -> list[ChanceOut | None]:
    """The same by a model that the caller has found to be the newest, or by the rules without one."""
    asked = [lead for lead in leads if _waits(lead)]
    if not asked:
        return [None] * len(leads)
    row, model = await _model(session, model_id)
    now = clock.now()
    told = iter(_told(row, model, asked, now, row.horizon_days if row else settings_of(session).conversion_days))
    return [next(told) if _waits(lead) else None for lead in leads]


def _waits(lead: LeadState) -> bool:
    return lead.verdict == "pending" and not lead.deleted


def _told(
    row: ModelRow | None, model: ConversionModel, leads: Sequence[LeadState], as_of: datetime, horizon_days: int
) -> Iterator[ChanceOut]:
    facts = Facts.of(leads, as_of=as_of)
    table, points = facts.table(), facts.points()
    scores = model.score(table, points)
    for place, (chance, share) in enumerate(zip(scores.chance.tolist(), scores.prior_share.tolist(), strict=True)):
        yield ChanceOut(
            chance=chance,
            prior_share=share,
            effective_leads=model.prior.weight * (1 - share) / share,
            horizon_days=horizon_days,
            method=row.method if row else "rules",
            model_id=row.model_id if row else None,
            fitted_at=row.fitted_at if row else None,
            as_of=as_of,
            average_log_odds=scores.average,
            reasons=_reasons(model, scores, table, points, place),
        )


async def read_model(session: AsyncSession, model_id: UUID | None, *, principal: Principal) -> ModelRow:  # noqa: ARG001
    """A model, the newest without an id. Figures are of the whole company and name no lead. Raises ModelNotFound."""
    if model_id is None:
        newest = await repository.newest_model(session)
        if newest is None:
            raise ModelNotFound("No model was learnt yet; the scheduler learns one every night.")
        model_id = newest.model_id
    row = await repository.find_model(session, model_id)
    if row is None:
        raise ModelNotFound(f"There is no model {model_id}.")
    return row


async def list_models(session: AsyncSession, *, most: int, principal: Principal) -> list[ModelRow]:  # noqa: ARG001
    return await repository.list_models(session, most=most)


def _reasons(model: ConversionModel, scores: Scores, table: Table, points: Floats, place: int) -> list[ChanceReasonOut]:
    """Those that say something, the weightiest first; together with the average they are the log-odds."""
    said = [
        ("prior", "how often leads convert at all", float(scores.prior[place])),
        ("rules", f"{points[place]:+.0f} points of fit and engagement", float(scores.rules[place])),
    ]
    if model.design is not None:
        values = dict(iter(table))
        worth = scores.columns[place].tolist()
        said += [
            (each.name, each.says(values[each.name][place]), worth[column])
            for column, each in enumerate(model.design.encodings)
        ]
    said.sort(key=lambda reason: -abs(reason[2]))
    return [ChanceReasonOut(column=column, detail=detail, log_odds=worth) for column, detail, worth in said if worth]


def _learnt(found: dict[str, Any]) -> learning.Registered:
    if not found["came"]:
        empty: dict[str, list[object]] = {name: [] for name in found}
        return learning.learn(Facts.of_columns(empty), np.zeros(0), leads=0, rng=np.random.default_rng(0))
    outcomes: Floats = np.array(found["came"], dtype=float)
    rng = np.random.default_rng(len(outcomes))
    return learning.learn(Facts.of_columns(found), outcomes, leads=found["leads"], rng=rng)


def _next_scored(model: ConversionModel, parts: Iterator[Waiting]) -> tuple[Waiting, Chances] | None:
    leads = next(parts, None)
    return None if leads is None else (leads, model.chances(leads.facts.table(), leads.facts.points()))


async def _known(session: AsyncSession) -> tuple[ModelRow | None, ConversionModel]:
    newest = await repository.newest_model(session)
    return await _model(session, newest.model_id if newest else None)


async def _model(session: AsyncSession, model_id: UUID | None) -> tuple[ModelRow | None, ConversionModel]:
    """A model, parsed once per process: what is registered never changes."""
    if model_id is None:
        return None, ConversionModel(Prior())
    if model_id not in _PARSED:
        row = await repository.find_model(session, model_id)
        if row is None:
            raise ModelNotFound(f"There is no model {model_id}.")
        _PARSED.clear()
        _PARSED[model_id] = (row, model_of(row.parameters))
    return _PARSED[model_id]


def _day(at: datetime, zone: ZoneInfo) -> date:
    return at.astimezone(zone).date()
