"""Product lines: from the quote that has the say over a deal's amount, else as people state them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.ids import provisional_deal_id
from libs.common.web.auth import Principal, require
from libs.common.web.errors import Conflict
from libs.common.web.idempotency import sent
from services.deals.productlines import repository
from services.deals.productlines.schemas import From, LineOut, LinesIn, LinesOut, StatedOut
from services.deals.productlines.totals import Line, against
from services.deals.statements import service as statements
from services.deals.statements.heard import is_of_a_crm, problem_of
from services.deals.statements.models import Held, Statement, Wanted


class LinesAreTheQuotes(Conflict):
    """The amount is that of a quote, and so are its lines."""


async def read(
    session: AsyncSession,
    deal_id: UUID,
    *,
    as_of: datetime | None = None,
    known_at: datetime | None = None,
    principal: Principal,
) -> LinesOut:
    """The lines that count, and their sum against the deal's amount as it stands now. Raises NoSuchDeal."""
    deal = await statements.one(session, deal_id, principal=principal)
    now = clock.now()
    told = await statements.standing(session, [deal_id], ["lines"], as_of=as_of, known_at=known_at, principal=principal)
    quoted = await _quoted(session, deal)
    source, currency, lines = _counting(told[0] if told else None, quoted)
    held = against(lines, currency, deal.amount, deal.currency)
    return LinesOut(
        deal_id=deal_id,
        version=await statements.version_of(session, deal_id, principal=principal),
        as_of=as_of or now,
        known_at=min(known_at or now, now),
        source=source,
        quote_id=deal.quote_id,
        quote_tells_lines=None if deal.quote_id is None else quoted is not None,
        currency=currency,
        lines=[LineOut.model_validate(each) for each in lines],
        total=held.total,
        amount=deal.amount,
        deal_currency=deal.currency,
        difference=held.difference,
        why_no_difference=held.why_not,
        crm_problem=await problem_of(session, deal_id, "lines", principal=principal),
        said=[
            _stated(each)
            for each in await statements.history(session, deal_id, ["lines"], known_at=known_at, principal=principal)
        ],
    )


async def say(
    session: AsyncSession,
    deal_id: UUID,
    wanted: LinesIn,
    *,
    idempotency_key: str | None,
    if_match: str | None = None,
    principal: Principal,
) -> LinesOut:
    """State all lines of a deal. Raises NoSuchDeal, LinesAreTheQuotes, NotYet, VersionHasMoved, IdempotencyKeyReused."""
    require(principal, *statements.WRITERS)
    deal = await statements.one(session, deal_id, principal=principal)
    if await _quoted(session, deal) is not None:
        raise LinesAreTheQuotes(
            f"The amount and the lines of this deal are those of quote {deal.quote_id}; revise the quote."
        )
    request = sent("product lines", f"{deal_id} {wanted.model_dump_json()}", idempotency_key, principal=principal)
    kept = Wanted(request, deal_id, "lines", wanted.said(), at=wanted.at, if_match=if_match)
    await statements.keep(session, [kept], principal=principal)
    return await read(session, deal_id, principal=principal)


Quoted = tuple[str, Sequence[Line]]


async def _quoted(session: AsyncSession, deal: Held) -> Quoted | None:
    """Currency and lines of the quote that has the say; None without one, or where it was told without lines."""
    if deal.quote_id is None:
        return None
    leads = await repository.leads_of(session, deal.deal_id)
    deals = [deal.deal_id, *map(provisional_deal_id, leads)]
    found = await repository.quote(session, deals, deal.quote_id)
    if found is None or found.get("lines") is None:
        return None
    lines = [
        Line(
            each["product"],
            Decimal(each["net_amount"]),
            Decimal(each["quantity"]),
            Decimal(each["unit_price"]),
            found.get("term_months"),
        )
        for each in found["lines"]
    ]
    return found["currency"], lines


def _counting(told: Statement | None, quoted: Quoted | None) -> tuple[From, str | None, Sequence[Line]]:
    if quoted is not None:
        return "quote", *quoted
    if told is not None and told.said["lines"]:
        source: From = "crm" if is_of_a_crm(told.author) else "person"
        return source, told.said["currency"], lines_of(told.said)
    return "nobody", None, ()


def lines_of(said: Mapping[str, Any]) -> list[Line]:
    """The lines that a statement holds."""
    return [
        Line(
            each["product"],
            Decimal(each["amount"]),
            None if each["quantity"] is None else Decimal(each["quantity"]),
            None if each["price"] is None else Decimal(each["price"]),
            each["term_months"],
        )
        for each in said["lines"]
    ]


def _stated(each: Statement) -> StatedOut:
    return StatedOut(
        entry_id=each.entry_id,
        version=each.version,
        currency=each.said["currency"],
        lines=[LineOut.model_validate(line) for line in lines_of(each.said)],
        at=each.at,
        author=each.author,
        recorded_at=each.recorded_at,
    )
