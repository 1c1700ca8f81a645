"""What the projection said at a lock's instant by both clocks, of every node that the lock froze."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import groupby
from typing import Any, Final
from uuid import UUID

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.ids import ROOT_UNIT
from libs.common.web.auth import Principal
from services.forecast.config import settings_of
from services.forecast.history.columns import day_number
from services.forecast.outlook import service as outlook
from services.forecast.outlook import shown
from services.forecast.outlook.heads import heads, of_unit
from services.forecast.outlook.service import Ground
from services.forecast.past.view import View
from services.forecast.projection.settings import DEFAULT
from services.forecast.readings.asked import Question
from services.forecast.record import commits, repository, several
from services.forecast.record.several import Made, Node, Owned, Place

ENDS: Final = np.array([0.025, 0.1, 0.9, 0.975])
COMMIT, CORRECTED = "commit", "commit_corrected"
"""Opponents that people make: what is closed and in commit, and the same by how far each person's went before."""


async def freeze(session: AsyncSession, lock: Mapping[str, Any], *, principal: Principal) -> dict[str, Any]:
    """The head of what is frozen (`method`, `settings`, `wins`), its `rows` and those of the `challengers`, of all periods that
    are not over.
    """
    at = lock["due_at"]
    nodes = await repository.nodes(session, lock["lock_id"])
    head: dict[str, Any] = {"method": outlook.METRIC, "settings": DEFAULT.digest, "wins": 0}
    rows: list[dict[str, Any]] = []
    challengers: list[dict[str, Any]] = []
    for period_key, of_period in groupby(nodes, key=lambda row: row["period_key"]):
        question = Question(period=period_key, org=ROOT_UNIT, as_of=at, known_at=at)
        found = await outlook.ground(session, question, principal=principal)
        head |= {"wins": len(found.learnt.model.wins.at), "settings": found.learnt.model.settings.digest}
        if found.learnt.model.today >= day_number(found.asked.period.end):
            continue
        method, settings, challenger = await outlook.beside(session, found)
        for population, several_rows in groupby(of_period, key=lambda row: (row["deal_type"], row["value_basis"])):
            frozen = list(several_rows)
            said: Mapping[UUID, Decimal | None] = {}
            if found.asked.business_date.day in found.asked.period:
                zone = settings_of(session).org_timezone
                said = commits.corrected(frozen, await repository.commits(session, frozen[0], population, at, zone))
            made, theirs = await asyncio.to_thread(_rows, found, challenger, frozen, population, said)
            rows += made
            challengers += [row | {"method": method, "settings": settings.digest} for row in theirs]
    return head | {"rows": rows, "challengers": challengers}


def _rows(
    ground: Ground,
    challenger: Ground,
    frozen: Sequence[Mapping[str, Any]],
    population: tuple[str, str],
    corrected: Mapping[UUID, Decimal | None],
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """A row per node of one period and population, and one of what the challenger says of it."""
    past, learnt, period = ground.asked.past, ground.learnt, ground.asked.period
    assert past is not None  # noqa: S101 - a projection is made from history
    deal_type, value_basis = population
    filters = {"value_basis": value_basis} | ({"deal_type": deal_type} if deal_type else {})
    view = replace(past.view, filters=filters)
    found = (learnt.columns, learnt.last)
    owned = Owned.of(*found, view.matches(*found), view.renews(*found))
    below = owned.below(past.organisation)
    # Without answers at set-up nobody's share follows from how many people there are.
    answered = learnt.model.settings.won_amount is not None
    nodes = [
        Node(place, float(row["closed_won"]), below(place), _heads(view, place, past.basis) if answered else None)
        for row in frozen
        for place in (Place(row["node_kind"], row["node_id"]),)
    ]
    made = several.projected(learnt.model, learnt.steps, period, owned, nodes, by=ground.by, stretch=ground.wide.scale)
    size_cv = several.spread_of_sizes(learnt.model, owned)
    rows, theirs = [], []
    for row, each in zip(frozen, made, strict=True):
        rows.append(_row(row, each, ground, corrected.get(row["node_id"])) | {"size_cv": size_cv})
        theirs.append(_of_challenger(row, each, challenger))
    return rows, theirs


def _heads(view: View, place: Place, basis: str) -> float | None:
    if place.kind == "person":
        return heads(replace(view, filters={**view.filters, "owner": str(place.id)}), basis)
    return heads(view, basis) if place.id == ROOT_UNIT else of_unit(view, place.id, basis)


def _of_challenger(row: Mapping[str, Any], made: Made, ground: Ground) -> dict[str, Any]:
    """What it says differs in how much of what is to come it expects, and how wide it is."""
    currency = ground.asked.rates.base
    parts = shown.parts(row["closed_won"], made.outlook, made.outlook.to_come * (ground.by - 1), currency)
    landing = made.outlook.landing(made.node.closed)
    landing = landing.scaled(landing.to_come * ground.by).widened(ground.wide.scale)
    (low, high), quantiles = np.split(several.quantiles(landing, np.concatenate((ENDS[1:3], several.SHARES))), [2])
    return {
        **{name: row[name] for name in repository.NODE},
        "projection": parts.projection,
        "low_80": shown.amount(low, currency),
        "high_80": shown.amount(high, currency),
        "quantiles": np.round(quantiles, 2).tolist(),
    }


def _row(row: Mapping[str, Any], made: Made, ground: Ground, corrected: Decimal | None) -> dict[str, Any]:
    currency, wide = ground.asked.rates.base, ground.wide
    parts = shown.parts(row["closed_won"], made.outlook, made.outlook.to_come * (ground.by - 1), currency)
    ends, quantiles = np.split(several.quantiles(made.landing, np.concatenate((ENDS, several.SHARES))), [len(ENDS)])
    low_95, low_80, high_80, high_95 = ends.tolist()
    opponents = {name: shown.amount(point, currency) for name, point in made.points.items()}
    if ground.asked.business_date.day in ground.asked.period:
        opponents |= {COMMIT: row["crm"]} | ({CORRECTED: corrected} if corrected is not None else {})
    return {
        **{name: row[name] for name in repository.NODE},
        **parts.model_dump(),
        "low_80": shown.amount(low_80, currency),
        "high_80": shown.amount(high_80, currency),
        "low_95": shown.amount(low_95, currency) if wide.is_wide_known else None,
        "high_95": shown.amount(high_95, currency) if wide.is_wide_known else None,
        "quantiles": np.round(quantiles, 2).tolist(),
        "expected_wins": made.outlook.expected_wins,
        "width_scale": wide.scale,
        "width_label": wide.label,
        "width_periods": wide.periods,
        "opponents": opponents,
    }
