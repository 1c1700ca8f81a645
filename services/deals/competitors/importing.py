"""Competitors out of a file: a line per deal and competitor."""

from typing import Final
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.web.auth import Principal
from libs.common.web.idempotency import sent
from services.deals.competitors.schemas import CompetitorIn
from services.deals.competitors.service import DoesNotFitTheDeal, check, kept
from services.deals.statements import service as statements
from services.deals.statements.importing import Told, mistake, take
from services.deals.statements.schemas import LoadOut
from services.deals.statements.table import Lines, grouped

COLUMNS: Final = ("deal_id", "competitor", "state", "source")


async def load(session: AsyncSession, body: bytes, *, dry_run: bool, principal: Principal) -> LoadOut:
    """Keep the competitors of a file. Raises UnreadableTable, MissingRole."""
    read = [_read(each) for each in grouped(body, COLUMNS, by=("deal_id", "competitor"))]
    deals = await statements.held(session, {deal for _, deal, _ in read if deal is not None}, principal=principal)
    told: list[Told] = []
    for each, deal_id, wanted in read:
        if deal_id is None or wanted is None:
            told.append(each)
            continue
        try:
            if deal_id in deals:
                check(deals[deal_id], wanted)
        except DoesNotFitTheDeal as error:
            told.append(Told(each.line, each.deal_id, each.about, None, "state", str(error).removeprefix("state: ")))
            continue
        request = sent("competitor", wanted.model_dump_json(), None, principal=principal)
        told.append(Told(each.line, each.deal_id, each.about, kept(request, deal_id, wanted)))
    return await take(session, told, dry_run=dry_run, principal=principal)


def _read(lines: Lines) -> tuple[Told, UUID | None, CompetitorIn | None]:
    """The last line that speaks of a competitor of a deal, or why it cannot be read."""
    deal_id, competitor = lines.key
    plain = Told(lines.line, deal_id, competitor, None)
    try:
        deal = UUID(deal_id)
    except ValueError:
        return Told(lines.line, deal_id, competitor, None, "deal_id", f"{deal_id!r} is no id of a deal."), None, None
    try:
        given = {name: lines.rows[-1][name] for name in COLUMNS[1:] if lines.rows[-1][name]}
        return plain, deal, CompetitorIn.model_validate(given)
    except ValidationError as error:
        return Told(lines.line, deal_id, competitor, None, *mistake(error)), None, None
