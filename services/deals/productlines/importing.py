"""Product lines out of a file: all lines of a deal together."""

from typing import Final
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.web.auth import Principal
from libs.common.web.idempotency import sent
from services.deals.productlines.schemas import LinesIn
from services.deals.statements import service as statements
from services.deals.statements.importing import Told, mistake, take
from services.deals.statements.models import Wanted
from services.deals.statements.schemas import LoadOut
from services.deals.statements.table import Lines, grouped

COLUMNS: Final = ("deal_id", "product", "quantity", "price", "term_months", "amount", "currency")


async def load(session: AsyncSession, body: bytes, *, dry_run: bool, principal: Principal) -> LoadOut:
    """Keep the lines of a file, of deals whose amount is not a quote's. Raises UnreadableTable, MissingRole."""
    told = [_told(each, principal) for each in grouped(body, COLUMNS, by=("deal_id",))]
    deals = await statements.held(session, {each.wanted.deal_id for each in told if each.wanted}, principal=principal)
    quoted = {deal.deal_id for deal in deals.values() if deal.quote_id is not None}
    why = "The amount is that of a quote; revise the quote."
    checked = [
        Told(each.line, each.deal_id, each.about, None, "deal_id", why)
        if each.wanted and each.wanted.deal_id in quoted
        else each
        for each in told
    ]
    return await take(session, checked, dry_run=dry_run, principal=principal)


def _told(lines: Lines, principal: Principal) -> Told:
    (deal_id,) = lines.key
    about = f"{len(lines.rows)} lines"
    try:
        deal = UUID(deal_id)
    except ValueError:
        return Told(lines.line, deal_id, about, None, "deal_id", f"{deal_id!r} is no id of a deal.")
    currencies = {row["currency"] for row in lines.rows}
    if len(currencies) > 1:
        return Told(lines.line, deal_id, about, None, "currency", "All lines of a deal have one currency.")
    named = ("product", "quantity", "price", "term_months", "amount")
    try:
        wanted = LinesIn.model_validate(
            {
                "currency": currencies.pop(),
                "lines": [{name: row[name] for name in named if row[name]} for row in lines.rows],
            }
        )
    except ValidationError as error:
        return Told(lines.line, deal_id, about, None, *mistake(error))
    request = sent("product lines", wanted.model_dump_json(), None, principal=principal)
    return Told(lines.line, deal_id, about, Wanted(request, deal, "lines", wanted.said()))
