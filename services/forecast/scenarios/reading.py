"""Scenarios of one question side by side: each change to the cent, all from the same snapshot and the same two instants."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.web.auth import Principal
from libs.common.web.errors import Invalid
from services.forecast.outlook import service as outlook
from services.forecast.outlook import supposed
from services.forecast.outlook.schemas import LandingOut
from services.forecast.outlook.service import Projected
from services.forecast.outlook.supposed import Written
from services.forecast.outlook.written import Word
from services.forecast.readings.asked import Filters, Question
from services.forecast.readings.service import envelope, period_out
from services.forecast.scenarios import repository, service
from services.forecast.scenarios.schemas import ChangeOut, ComparedScenarioOut, ComparisonReading, Standing
from services.forecast.scenarios.service import ScenarioNotFound, ScenarioWithdrawn

MOST: Final = 4
_SAME: Final = ("unit_id", "period_start", "period_end", "deal_type", "value_basis")
_NAMES: Final = {
    "unit_id": "units",
    "period_start": "periods",
    "period_end": "periods",
    "deal_type": "deal types",
    "value_basis": "value bases",
}


class UnreadableScenario(Invalid):
    """What was asked for names no scenario, names one twice, or too many."""


class NotOneQuestion(Invalid):
    """The scenarios are of different units, periods, deal types or value bases, and have no common scale."""


@dataclass(frozen=True, slots=True)
class Named:
    """A scenario, in the version that stands, or in the one that is named."""

    scenario_id: UUID
    version: int | None = None


def named(texts: Sequence[str]) -> list[Named]:
    """`<id>` or `<id>:<version>`. Raises UnreadableScenario."""
    if not 1 <= len(texts) <= MOST:
        raise UnreadableScenario(f"scenario: {len(texts)} are named; from 1 to {MOST} are compared at once.")
    found = []
    for text in texts:
        identifier, _, version = text.partition(":")
        try:
            found.append(Named(UUID(identifier), int(version) if version else None))
        except ValueError:
            raise UnreadableScenario(f"scenario: {text!r} is neither <id> nor <id>:<version>.") from None
    if len(set(found)) < len(found):
        raise UnreadableScenario("scenario: one of them is named twice.")
    return found


async def read(
    session: AsyncSession,
    wanted: Sequence[Named],
    *,
    as_of: datetime | None,
    known_at: datetime | None,
    target: Decimal | None,
    principal: Principal,
) -> ComparisonReading:
    """The projection as it is and in each scenario. What is stale or out of the reader's scope is told and not counted.

    Raises ScenarioNotFound, ScenarioWithdrawn, NotOneQuestion, and what the projection raises.
    """
    rows = await _rows(session, wanted, principal=principal)
    first = rows[0]
    for name in _SAME:
        if any(row[name] != first[name] for row in rows):
            raise NotOneQuestion(f"scenario: they are of different {_NAMES[name]}; compare those of one.")
    filters = Filters(deal_type=first["deal_type"], value_basis=first["value_basis"])
    question = Question(first["period_key"], first["unit_id"], as_of=as_of, known_at=known_at, filters=filters)
    found = await supposed.open_period(session, question, target=target, principal=principal)
    words = [service.words_of(row) for row in rows]
    stood = await _stood(session, found, [word for each in words for word in each], principal=principal)
    means = [[stood[word].means for word in each] for each in words]

    def worked() -> list[list[LandingOut]]:
        return [supposed.lands(found, [each for each in several if each is not None], target) for several in means]

    landings = await asyncio.to_thread(worked)
    return ComparisonReading(
        **{**await envelope(session, found.asked), "metric_version": outlook.METRIC},
        period=period_out(found.asked.period, found.asked.business_date.day),
        deal_type=first["deal_type"],
        value_basis=first["value_basis"],
        as_is=landings[0][0],
        scenarios=[
            _compared(row, of_row, stood, of_landings)
            for row, of_row, of_landings in zip(rows, words, landings, strict=True)
        ],
    )


@dataclass(frozen=True, slots=True)
class _Stood:
    """How the deal of a supposition stands, what is told of it, and what it means; None where it is not counted."""

    standing: Standing
    deal: dict[str, Any] | None = None
    means: Written | None = None


async def _rows(session: AsyncSession, wanted: Sequence[Named], *, principal: Principal) -> list[dict[str, Any]]:
    newest = await repository.scenarios(
        session, ids=[each.scenario_id for each in wanted], limit=MOST, principal=principal
    )
    known = {row["scenario_id"]: row for row in newest}
    found = []
    for each in wanted:
        row = known.get(each.scenario_id)
        if row is not None and each.version is not None:
            row = await repository.version(session, each.scenario_id, each.version, principal=principal)
        if row is None:
            which = "" if each.version is None else f" with a version {each.version}"
            raise ScenarioNotFound(f"There is no scenario {each.scenario_id}{which} here, or you may not see it.")
        if row["kind"] == "withdrawn":
            raise ScenarioWithdrawn(
                f"Scenario {row['name']!r} was withdrawn; its last version is {row['scenario_id']}:{row['saved_version']}."
            )
        found.append(row)
    return found


async def _stood(
    session: AsyncSession, found: Projected, words: Sequence[Word], *, principal: Principal
) -> Mapping[Word, _Stood]:
    """Each supposition as it stands in what was asked for, and for its reader."""
    ids = sorted({word.deal for word in words if word.deal is not None})
    visible = await repository.deals(session, ids, principal=principal)
    numbers = {deal: number for deal in ids if (number := found.learnt.number(deal)) is not None}
    told = await outlook.entries(session, found.learnt, np.array(list(numbers.values()), dtype=np.intp))
    then = dict(zip(numbers, told, strict=True))
    stood = {}
    for word in words:
        means = supposed.taken(word, found)
        if word.deal is None:
            stood[word] = _Stood("none", means=means)
        elif means is not None:
            stood[word] = _Stood("open", then[word.deal], means)
        elif word.deal not in visible:
            stood[word] = _Stood("hidden")
        else:
            stood[word] = _Stood(_ended(then.get(word.deal)), then.get(word.deal))
    return stood


def _ended(entry: dict[str, Any] | None) -> Standing:
    """Why a deal that the reader may see is not open in what was asked for."""
    if entry is None:
        return "unknown"
    if entry["line"] is None:
        return "removed"
    state: Standing = {"won": "won", "lost": "lost"}.get(entry["state"], "elsewhere")  # type: ignore[assignment]
    return state


def _compared(
    row: dict[str, Any], words: Sequence[Word], stood: Mapping[Word, _Stood], landings: Sequence[LandingOut]
) -> ComparedScenarioOut:
    numbers = iter([each.parts.projection for each in landings])
    before, changes = next(numbers), []
    for word in words:
        of_word, change = stood[word], None
        if of_word.means is not None:
            after = next(numbers)
            before, change = after, after - before
        said = service.said_of(word, of_word.deal, of_word.standing)
        changes.append(ChangeOut(**dict(said), change=change))
    return ComparedScenarioOut(
        scenario_id=row["scenario_id"],
        version=row["saved_version"],
        name=row["name"],
        author=row["author"],
        saved_at=row["saved_at"],
        landing=landings[-1],
        change=landings[-1].parts.projection - landings[0].parts.projection,
        changes=changes,
    )
