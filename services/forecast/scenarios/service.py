"""The rules of scenarios: who may save, see and withdraw what somebody supposed."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.calendar import UnknownPeriod
from libs.common.ids import entity_id, new_id
from libs.common.messaging import outbox
from libs.common.web import etags
from libs.common.web.auth import Principal, require
from libs.common.web.errors import Conflict, Forbidden, NotFound
from libs.common.web.idempotency import sent
from services.forecast.config import settings_of
from services.forecast.outlook import supposed, written
from services.forecast.outlook.schemas import DealOut
from services.forecast.outlook.written import Word
from services.forecast.readings.asked import Filters, Question
from services.forecast.readings.service import UnreadablePeriod
from services.forecast.rollup.schemas import OrgOut
from services.forecast.scenarios import repository
from services.forecast.scenarios.schemas import SaidOut, ScenarioIn, ScenarioOut, Standing

LISTED: Final = 200
SAVERS: Final = ("seller", "manager", "cso", "sales_ops")


class ScenarioNotFound(NotFound):
    """No such scenario or version, or none that the caller may see."""


class NotYourScenario(Forbidden):
    """Somebody else saved it."""


class ScenarioWithdrawn(Conflict):
    """It was taken back already."""


async def save(
    session: AsyncSession, wanted: ScenarioIn, *, idempotency_key: str | None, principal: Principal
) -> ScenarioOut:
    """Keep what is supposed under a name. The same name of the same author for the same question is its next version.

    Raises what the projection and its suppositions raise, IdempotencyKeyReused.
    """
    require(principal, *SAVERS)
    request = sent("scenario-entry", wanted.model_dump_json(), idempotency_key, principal=principal)
    known = await repository.entry(session, request.id)
    if known is not None and request.was_taken(known["request_digest"]):
        return await read(session, known["scenario_id"], principal=principal)
    words = written.read(wanted.suppose)
    filters = Filters(deal_type=wanted.deal_type, value_basis=wanted.value_basis)
    question = Question(wanted.period, wanted.org, filters=filters)
    found = await supposed.checked(session, question, words, principal=principal)
    unit, period = found.asked.org.unit_id, found.asked.period
    of = (principal.subject, unit, period.key, wanted.deal_type, wanted.value_basis, wanted.name)
    scenario_id = entity_id("foretell", "scenario", ":".join(str(part or "") for part in of))
    await repository.alone(session, scenario_id)
    row = {
        "entry_id": request.id,
        "scenario_id": scenario_id,
        "kind": "saved",
        "name": wanted.name,
        "unit_id": unit,
        "period_key": period.key,
        "period_start": period.start,
        "period_end": period.end,
        "deal_type": wanted.deal_type,
        "value_basis": wanted.value_basis,
        "suppositions": [word.canonical for word in words],
        "author": principal.subject,
        "made_by": principal.subject,
        "made_at": await outbox.stamp(session),
        "request_digest": request.digest,
    }
    await repository.append(session, row)
    return await read(session, scenario_id, principal=principal)


async def read(session: AsyncSession, scenario_id: UUID, *, principal: Principal) -> ScenarioOut:
    """A scenario as it stands. Raises ScenarioNotFound."""
    rows = await repository.scenarios(session, ids=[scenario_id], limit=1, principal=principal)
    if not rows:
        raise ScenarioNotFound(f"There is no scenario {scenario_id} here, or you may not see it.")
    (found,) = await _told(session, rows, principal=principal)
    return found


async def listed(
    session: AsyncSession, *, unit: UUID | None, period: str | None, withdrawn: bool, principal: Principal
) -> list[ScenarioOut]:
    """Scenarios of units within scope, newest first, at most 200. Raises UnreadablePeriod."""
    days = None
    if period is not None:
        try:
            asked = settings_of(session).calendar.parse(period)
        except UnknownPeriod as error:
            raise UnreadablePeriod(f"period: {error}.") from None
        days = (asked.start, asked.end)
    rows = await repository.scenarios(
        session, unit=unit, period=days, withdrawn=withdrawn, limit=LISTED, principal=principal
    )
    return await _told(session, rows, principal=principal)


async def withdraw(
    session: AsyncSession, scenario_id: UUID, *, if_match: str | None, principal: Principal
) -> ScenarioOut:
    """Take a scenario back by a new entry: whoever saved it, or a CSO.

    Raises ScenarioNotFound, NotYourScenario, ScenarioWithdrawn, VersionHasMoved.
    """
    require(principal, *SAVERS)
    await repository.alone(session, scenario_id)
    rows = await repository.scenarios(session, ids=[scenario_id], limit=1, principal=principal)
    if not rows:
        raise ScenarioNotFound(f"There is no scenario {scenario_id} here, or you may not see it.")
    (row,) = rows
    etags.check(if_match, row["version"], noun=f"Scenario {row['name']!r}")
    if row["author"] != principal.subject and not principal.roles & {"cso", "admin", "system"}:
        raise NotYourScenario(f"Scenario {row['name']!r} was saved by {row['author']}; ask them or a CSO.")
    if row["kind"] == "withdrawn":
        raise ScenarioWithdrawn(f"Scenario {row['name']!r} was withdrawn at {row['made_at']:%Y-%m-%d %H:%M} already.")
    of_entry = {
        name: value
        for name, value in row.items()
        if name not in ("unit_name", "unit_kind", "saved_at", "saved_version")
    }
    ended = {
        "entry_id": new_id(),
        "kind": "withdrawn",
        "made_by": principal.subject,
        "made_at": await outbox.stamp(session),
        "request_digest": "",
    }
    await repository.append(session, of_entry | ended)
    return await read(session, scenario_id, principal=principal)


def words_of(row: dict[str, Any]) -> list[Word]:
    """What an entry supposes."""
    return [written.of_document(said) for said in row["suppositions"]]


def said_of(word: Word, deal: dict[str, Any] | None, standing: Standing) -> SaidOut:
    """A supposition as it is told; of a hidden deal next to nothing."""
    is_hidden = standing == "hidden"
    return SaidOut(
        kind=word.kind,
        suppose=None if is_hidden else word.text,
        deal=None if is_hidden or deal is None else deal_out(deal),
        standing=standing,
    )


def deal_out(row: dict[str, Any]) -> DealOut:
    return DealOut.model_validate({name: row[name] for name in DealOut.model_fields})


async def _told(session: AsyncSession, rows: Sequence[dict[str, Any]], *, principal: Principal) -> list[ScenarioOut]:
    words = [words_of(row) for row in rows]
    named = {word.deal for each in words for word in each if word.deal is not None}
    seen = await repository.deals(session, sorted(named), principal=principal)
    return [_out(row, of_row, seen) for row, of_row in zip(rows, words, strict=True)]


_NOW: Final[dict[str | None, Standing]] = {"closed_won": "won", "lost": "lost", None: "removed"}


def _out(row: dict[str, Any], words: Sequence[Word], seen: dict[UUID, dict[str, Any]]) -> ScenarioOut:
    said = []
    for word in words:
        deal = None if word.deal is None else seen.get(word.deal)
        standing: Standing = (
            "none" if word.deal is None else "hidden" if deal is None else _NOW.get(deal["line"], "open")
        )
        said.append(said_of(word, deal, standing))
    is_withdrawn = row["kind"] == "withdrawn"
    return ScenarioOut(
        scenario_id=row["scenario_id"],
        version=row["version"],
        name=row["name"],
        author=row["author"],
        saved_at=row["saved_at"],
        org=OrgOut(unit_id=row["unit_id"], name=row["unit_name"], kind=row["unit_kind"]),
        period=row["period_key"],
        period_start=row["period_start"],
        period_end=row["period_end"] - timedelta(days=1),
        deal_type=row["deal_type"],
        value_basis=row["value_basis"],
        suppositions=said,
        stale=sum(each.standing in ("won", "lost", "removed") for each in said),
        hidden=sum(each.standing == "hidden" for each in said),
        state="withdrawn" if is_withdrawn else "saved",
        ended_by=row["made_by"] if is_withdrawn else None,
        ended_at=row["made_at"] if is_withdrawn else None,
    )
