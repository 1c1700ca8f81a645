"""Champion and challenger: what locks tell of both, and the switch where the rule is met."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.db import Database
from libs.common.ids import ROOT_UNIT
from libs.common.web.auth import Principal
from services.forecast.champion import service as champion
from services.forecast.champion.methods import Chosen, Method, in_force, method_of, other
from services.forecast.config import settings_of
from services.forecast.record import repository
from services.forecast.record.judging import OURS, Case
from services.forecast.record.schemas import ChampionOut, ChosenOut, ComparedOut, EvidenceOut
from services.forecast.record.service import case_of, is_scored
from services.forecast.record.switching import CHALLENGER, LEAST_GAIN, Evidence, evidence

_PLACES = 4


async def read(
    session: AsyncSession, *, as_of: datetime | None, known_at: datetime | None, principal: Principal
) -> ChampionOut:
    """Which method answers at two instants, since when and why, and what locks tell of it and of the other."""
    now = clock.now()
    at, known = min(as_of or now, now), min(known_at or now, now)
    chosen = await champion.chosen(session, known_at=known)
    current = in_force(chosen, at)
    found = await _evidence(session, current, at, known, principal=principal)
    return ChampionOut(
        as_of=at,
        known_at=known,
        method=method_of(current),
        challenger=other(method_of(current)),
        chosen=None if current is None else ChosenOut.model_validate(current),
        evidence=_shown(found),
        least_gain=LEAST_GAIN,
        history=[ChosenOut.model_validate(each) for each in reversed(chosen) if each.made_at <= at],
    )


async def weigh(database: Database, weighed: UUID | None, *, principal: Principal) -> UUID | None:
    """Switch if the rule is met. `weighed`: the closing that was looked at last; returns the newest, which now is."""
    async with database.reading() as session:
        closing = await repository.newest_closing(session)
        if closing is None or closing == weighed:
            return weighed
        now = clock.now()
        current = in_force(await champion.chosen(session, known_at=now), now)
        found = await _evidence(session, current, now, now, principal=principal)
    if found.is_met:
        async with database.transaction() as session:
            method = other(method_of(current))
            await champion.switch(session, method, found.why, closing=closing, principal=principal)
    return closing


async def _evidence(
    session: AsyncSession,
    current: Chosen | None,
    as_of: datetime,
    known_at: datetime,
    *,
    principal: Principal,  # noqa: ARG001 - errors of the whole company, which are told to everybody
) -> Evidence:
    rows = await repository.judged(
        session,
        kind="unit",
        node_ids=[ROOT_UNIT],
        parent=None,
        deal_type=None,
        value_basis=settings_of(session).call_basis,
        ahead=0,
        as_of=as_of,
        known_at=known_at,
        zone=settings_of(session).org_timezone,
    )
    counted = [
        row
        for row in rows
        if is_scored(row) and row["challenger"] and (current is None or row["closed_at"] > current.made_at)
    ]
    return await asyncio.to_thread(evidence, _cases(counted, method_of(current)))


def _cases(rows: Sequence[Mapping[str, Any]], answering: Method) -> list[Case]:
    """The locks with both methods, the one that answers now as ours, whichever answered then."""
    cases = []
    for row in rows:
        case = case_of(row)
        then, beside = float(row["projection"]), float(row["challenger"]["projection"])
        ours, theirs = (then, beside) if row["challenger"]["method"] != answering else (beside, then)
        cases.append(replace(case, said={OURS: ours, CHALLENGER: theirs}))
    return cases


def _shown(found: Evidence) -> EvidenceOut:
    compared = found.compared
    return EvidenceOut(
        n=found.n,
        periods=found.periods,
        champion_wape=None if found.champion is None else round(found.champion, _PLACES),
        challenger_wape=None if found.challenger is None else round(found.challenger, _PLACES),
        compared=None
        if compared is None
        else ComparedOut(
            log_ratio=round(compared.log_ratio, _PLACES),
            low=round(compared.low, _PLACES),
            high=round(compared.high, _PLACES),
        ),
        is_met=found.is_met,
        why=found.why,
    )
