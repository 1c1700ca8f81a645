"""Named queries over requests for approval, their steps, decisions, budgets and precedents."""

from collections.abc import Sequence
from dataclasses import asdict, fields
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.ids import UNASSIGNED_UNIT
from libs.common.organisation import scope_parameters, sees_everything, visible
from libs.common.web.auth import Principal
from services.pricing.approvals.models import Decision, Precedent, Request, Step
from services.pricing.quotes.heirs import HEIR, PURSUED
from services.pricing.quotes.models import Quote, QuoteLine
from services.pricing.quotes.repository import quote_line

_REQUEST = ", ".join(each.name for each in fields(Request))
_STEP = ", ".join(each.name for each in fields(Step))
_DECISION = ", ".join(each.name for each in fields(Decision))
_JSON = {"findings", "differences", "pairs", "inputs", "consequence", "asks"}
_BUDGET_LOCK = 0x42756467


def _values(kind: type) -> str:
    return ", ".join(f"cast(:{each.name} AS jsonb)" if each.name in _JSON else f":{each.name}" for each in fields(kind))


def _given(row: Any) -> dict[str, Any]:
    return {name: orjson.dumps(value).decode() if name in _JSON else value for name, value in asdict(row).items()}


_ADD = text(f"INSERT INTO approval_request ({_REQUEST}) VALUES ({_values(Request)})")  # noqa: S608
_ADD_STEP = text(f"INSERT INTO approval_step ({_STEP}) VALUES ({_values(Step)})")  # noqa: S608
_ADD_DECISION = text(f"INSERT INTO approval_decision ({_DECISION}) VALUES ({_values(Decision)})")  # noqa: S608


async def add_request(session: AsyncSession, request: Request, steps: Sequence[Step]) -> None:
    await session.execute(_ADD, _given(request))
    if steps:
        await session.execute(_ADD_STEP, [_given(step) for step in steps])


async def add_decision(session: AsyncSession, decision: Decision) -> None:
    await session.execute(_ADD_DECISION, _given(decision))


_CLOSE = text(
    "UPDATE approval_request SET version = :version, state = :state, closed_at = :closed_at WHERE request_id = :request_id"
)
_STEP_IS = text(
    """
    UPDATE approval_step
    SET state = :state, asked_at = :asked_at, due_at = :due_at, escalated_at = :escalated_at, decided_by = :decided_by,
        on_behalf_of = :on_behalf_of, decided_at = :decided_at
    WHERE request_id = :request_id AND number = :number
    """
)


async def close_request(session: AsyncSession, request: Request) -> None:
    """Write version, state and end of a request that is locked."""
    own = asdict(request)
    await session.execute(_CLOSE, {name: own[name] for name in ("request_id", "version", "state", "closed_at")})


async def write_steps(session: AsyncSession, steps: Sequence[Step]) -> None:
    names = (
        "request_id",
        "number",
        "state",
        "asked_at",
        "due_at",
        "escalated_at",
        "decided_by",
        "on_behalf_of",
        "decided_at",
    )
    if steps:
        await session.execute(_STEP_IS, [{name: getattr(step, name) for name in names} for step in steps])


_SUPERSEDE = text(
    """
    WITH closed AS (
        UPDATE approval_request SET state = 'superseded', version = version + 1, closed_at = :at
        WHERE quote_id = :quote_id AND state = 'open' RETURNING request_id
    )
    UPDATE approval_step SET state = 'cancelled' FROM closed
    WHERE approval_step.request_id = closed.request_id AND approval_step.state IN ('asked', 'waiting')
    """
)


async def supersede(session: AsyncSession, quote_id: UUID, *, at: datetime) -> None:
    """End the open request of a quote that is locked, without a decision."""
    await session.execute(_SUPERSEDE, {"quote_id": quote_id, "at": at})


_OF_REQUEST = ", ".join(f"request.{each.name}" for each in fields(Request))
_FIND = text(
    f"""
    SELECT {_OF_REQUEST} FROM approval_request request JOIN quote USING (quote_id) JOIN deal_reference USING (deal_id)
    WHERE request.request_id = :request_id AND {visible("deal_reference.owner_id")}
    """  # noqa: S608
)
_LOCK = text(f"SELECT {_REQUEST} FROM approval_request WHERE request_id = :request_id FOR UPDATE")  # noqa: S608
_OF_QUOTE = text(
    f"SELECT {_REQUEST} FROM approval_request WHERE quote_id = :quote_id ORDER BY submitted_at DESC, request_id DESC"  # noqa: S608
)
_STEPS = text(f"SELECT {_STEP} FROM approval_step WHERE request_id = ANY(:ids) ORDER BY request_id, number")  # noqa: S608
_DECISIONS = text(
    f"SELECT {_DECISION} FROM approval_decision WHERE quote_id = :quote_id ORDER BY decided_at DESC, decision_id DESC"  # noqa: S608
)


async def find_request(session: AsyncSession, request_id: UUID, *, principal: Principal) -> Request | None:
    """The request, if its quote's deal is within the principal's scope."""
    rows = await session.execute(_FIND, {"request_id": request_id, **scope_parameters(principal)})
    row = rows.one_or_none()
    return None if row is None else Request(*row)


async def lock_request(session: AsyncSession, request_id: UUID) -> Request:
    """Lock deal and quotes first."""
    return Request(*(await session.execute(_LOCK, {"request_id": request_id})).one())


async def requests_of(session: AsyncSession, quote_id: UUID) -> list[Request]:
    """Newest first."""
    return [Request(*row) for row in await session.execute(_OF_QUOTE, {"quote_id": quote_id})]


async def steps_of(session: AsyncSession, request_ids: Sequence[UUID]) -> dict[UUID, list[Step]]:
    found: dict[UUID, list[Step]] = {request_id: [] for request_id in request_ids}
    for row in await session.execute(_STEPS, {"ids": list(request_ids)}):
        found[row.request_id].append(Step(*row))
    return found


async def decisions_of(session: AsyncSession, quote_id: UUID) -> list[Decision]:
    """Newest first."""
    return [Decision(*row) for row in await session.execute(_DECISIONS, {"quote_id": quote_id})]


_OPEN = text(
    f"""
    SELECT {_OF_REQUEST} FROM approval_request request JOIN quote USING (quote_id) JOIN deal_reference USING (deal_id)
    WHERE request.state = 'open' AND quote.status = 'submitted' AND quote.revision = request.revision
      AND {visible("deal_reference.owner_id")}
    ORDER BY request.submitted_at, request.request_id LIMIT :limit
    """  # noqa: S608
)


async def open_requests(session: AsyncSession, *, limit: int, principal: Principal) -> list[Request]:
    """Requests that wait for somebody, of deals within the principal's scope, oldest first."""
    return [Request(*row) for row in await session.execute(_OPEN, {"limit": limit, **scope_parameters(principal)})]


_ABOVE = text(
    """
    SELECT quote.quote_id FROM quote JOIN deal_reference deal USING (deal_id)
    LEFT JOIN org_person person ON person.person_id = deal.owner_id
    WHERE quote.quote_id = ANY(:ids) AND EXISTS (
        SELECT 1 FROM org_closure closure
        WHERE closure.ancestor = ANY(cast(:scope AS uuid[])) AND closure.ancestor <> closure.descendant
          AND closure.descendant = coalesce(person.unit_id, cast(:unassigned AS uuid))
    )
    """
)


async def above(session: AsyncSession, quote_ids: Sequence[UUID], *, principal: Principal) -> set[UUID]:
    """Of quotes, those whose deal's owner stands in a unit below one of the principal's, not in it."""
    if sees_everything(principal):
        return set(quote_ids)
    given = {"ids": list(quote_ids), "scope": list(principal.scope), "unassigned": UNASSIGNED_UNIT}
    return set((await session.execute(_ABOVE, given)).scalars())


_DUE = text(
    """
    UPDATE approval_step step SET escalated_at = :now
    FROM approval_request request
    WHERE request.request_id = step.request_id AND request.state = 'open' AND step.state = 'asked'
      AND step.escalated_at IS NULL AND step.due_at <= :now
    RETURNING step.request_id
    """
)


async def escalate(session: AsyncSession, *, now: datetime) -> int:
    """Open the steps whose time has passed to the next rank; how many."""
    return len((await session.execute(_DUE, {"now": now})).all())


_OUTDATED = text(
    """
    SELECT request_id FROM approval_request request JOIN quote USING (quote_id)
    WHERE request.state = 'open' AND quote.status = 'submitted' AND quote.revision = request.revision
      AND request.policy_version IS DISTINCT FROM cast(:version AS integer)
    ORDER BY request_id LIMIT 200
    """
)


async def outdated(session: AsyncSession, *, version: int) -> list[UUID]:
    """Open requests that were made under another version of the policy than the one that holds."""
    return list((await session.execute(_OUTDATED, {"version": version})).scalars())


async def lock_budgets(session: AsyncSession) -> None:
    """One decision at a time on what is left of the budgets, until the transaction ends."""
    await session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _BUDGET_LOCK})


_USED = text(
    f"""
    SELECT request.reason, request.currency, request.state, sum(request.shortfall)
    FROM approval_request request JOIN quote USING (quote_id) JOIN deal_reference deal USING (deal_id)
    {HEIR}
    WHERE request.year = :year AND request.shortfall > 0 AND request.reason IS NOT NULL
      AND request.revision = quote.revision
      AND ((request.state = 'approved' AND quote.status IN ('approved', 'accepted'))
           OR (request.state = 'open' AND quote.status = 'submitted'))
      AND {PURSUED}
      AND (cast(:but AS uuid) IS NULL OR request.quote_id <> :but)
    GROUP BY 1, 2, 3
    """  # noqa: S608
)


async def used(session: AsyncSession, *, year: int, but: UUID | None = None) -> dict[tuple[str, str, str], Decimal]:
    """By reason, currency and state: what approved quotes that stand gave away below the floor, and what open requests ask.

    A deal that was lost or removed gives nothing away; reopened, it does again, over the budget if need be.
    """
    rows = await session.execute(_USED, {"year": year, "but": but})
    return {(row[0], row[1], row[2]): row[3] for row in rows}


_PRECEDENTS = text(
    f"""
    SELECT DISTINCT quote.quote_id, quote.deal_id, deal.name, deal.state, quote.net_amount, quote.currency,
           cast(1 - quote.net_amount / nullif(quote.list_amount, 0) AS numeric(9, 4)), request.level, request.closed_at
    FROM approval_request request
    JOIN quote USING (quote_id)
    JOIN deal_reference deal USING (deal_id)
    JOIN quote_line line ON line.quote_id = quote.quote_id AND line.revision = quote.revision
    WHERE request.state = 'approved' AND request.level > 0 AND request.revision = quote.revision
      AND quote.quote_id <> :quote_id AND line.product_id = ANY(:products)
      AND deal.market IS NOT DISTINCT FROM cast(:market AS text)
      AND deal.segment IS NOT DISTINCT FROM cast(:segment AS text)
      AND {visible("deal.owner_id")}
    ORDER BY request.closed_at DESC LIMIT :limit
    """  # noqa: S608
)


async def precedents(
    session: AsyncSession,
    quote_id: UUID,
    *,
    products: Sequence[UUID],
    market: str | None,
    segment: str | None,
    limit: int,
    principal: Principal,
) -> list[Precedent]:
    """Approved quotes of the same market, segment and product, newest first."""
    given = {"quote_id": quote_id, "products": list(products), "market": market, "segment": segment, "limit": limit}
    rows = await session.execute(_PRECEDENTS, given | scope_parameters(principal))
    return [Precedent(*row) for row in rows]


_QUOTE = ", ".join(f"quote.{each.name}" for each in fields(Quote))
_QUOTED = text(
    f"""
    SELECT {_QUOTE}, deal_reference.market, deal_reference.segment
    FROM quote JOIN deal_reference USING (deal_id)
    WHERE quote.revised_at >= :since AND quote.revised_at < :until AND {visible("deal_reference.owner_id")}
    ORDER BY quote.quote_id
    """  # noqa: S608
)
_QUOTED_LINES = text(
    """
    SELECT line.quote_id, line.position, line.product_id, line.quantity, line.list_price, line.unit_price, line.discount,
           line.net_amount, line.cost, line.deductions
    FROM quote_line line JOIN quote ON quote.quote_id = line.quote_id AND quote.revision = line.revision
    WHERE quote.revised_at >= :since AND quote.revised_at < :until ORDER BY line.quote_id, line.position
    """
)


async def quoted_between(
    session: AsyncSession, since: datetime, until: datetime, *, principal: Principal
) -> list[tuple[Quote, str | None, str | None, list[QuoteLine]]]:
    """Quotes whose newest revision was made in a time, with market and segment of their deals and their lines."""
    within = {"since": since, "until": until}
    lines: dict[UUID, list[QuoteLine]] = {}
    for row in await session.execute(_QUOTED_LINES, within):
        lines.setdefault(row[0], []).append(quote_line(row[1:]))
    rows = await session.execute(_QUOTED, within | scope_parameters(principal))
    return [(quote := Quote(*row[:-2]), row[-2], row[-1], lines.get(quote.quote_id, [])) for row in rows]


class About(NamedTuple):
    """Of a quote: its deal and what it comes to."""

    quote_id: UUID
    deal_id: UUID
    deal: str
    net_amount: Decimal


_ABOUT = text(
    """
    SELECT quote.quote_id, quote.deal_id, deal.name, quote.net_amount FROM quote JOIN deal_reference deal USING (deal_id)
    WHERE quote.quote_id = ANY(:ids)
    """
)


async def about(session: AsyncSession, quote_ids: Sequence[UUID]) -> dict[UUID, About]:
    return {row.quote_id: About(*row) for row in await session.execute(_ABOUT, {"ids": list(quote_ids)})}
