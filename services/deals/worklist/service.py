"""Deals to work on within a person's scope."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.web.auth import ROLES, Principal, require
from libs.common.web.errors import NotFound
from libs.common.web.idempotency import sent
from libs.common.web.paging import decode_cursor, encode_cursor
from services.deals.config import business_zone
from services.deals.credit import service as credit
from services.deals.edits import service as edits
from services.deals.edits.checking import FIELDS, Offer, stages_of
from services.deals.edits.schemas import EditOut
from services.deals.worklist import repository
from services.deals.worklist.repository import CHECKS, Filters
from services.deals.worklist.schemas import (
    BoardOut,
    BoardStage,
    Money,
    OwnerCheck,
    QualityOut,
    Sort,
    ViewIn,
    ViewOut,
    ViewsOut,
    WorkDeal,
    WorkPage,
)

ON_BOARD = 8
"""Deals of a stage that the board shows; the list has all."""


class UnknownView(NotFound):
    """No view of this id is the principal's own."""


async def page(
    session: AsyncSession, wanted: Filters, *, sort: Sort, cursor: str | None, limit: int, principal: Principal
) -> WorkPage:
    """Deals with their edits. Raises UnreadableCursor."""
    require(principal, *ROLES)
    today = _today()
    after = decode_cursor(cursor, 2)
    rows = await repository.page(
        session, wanted, today=today, sort=sort, after=after, limit=limit + 1, principal=principal
    )
    last = rows[limit - 1] if len(rows) > limit else None
    items = await _deals(session, rows[:limit], today, principal)
    following = encode_cursor(last["sorted_by"], last["deal_id"]) if last is not None else None
    return WorkPage(as_of=clock.now(), today=today, items=items, next_cursor=following)


async def quality(session: AsyncSession, wanted: Filters, *, principal: Principal) -> QualityOut:
    """What lacks in open deals, by owner in money."""
    require(principal, *ROLES)
    today = _today()
    rows = await repository.lacking(session, wanted, today=today, principal=principal)
    told = await repository.tells_contacts(session)
    found: dict[tuple[UUID | None, str], list[RowMapping]] = {}
    for row in rows:
        if row["check"] != "no_contact" or told:
            found.setdefault((row["owner_id"], row["check"]), []).append(row)
    items = [OwnerCheck(owner_id=owner, check=check, **_sums(cells)) for (owner, check), cells in found.items()]
    items.sort(key=lambda each: (-each.deals, each.check, str(each.owner_id)))
    count = await repository.count(session, wanted, today=today, principal=principal)
    return QualityOut(
        as_of=clock.now(), today=today, open_deals=count, items=items, unknown=[] if told else ["no_contact"]
    )


async def board(session: AsyncSession, wanted: Filters, *, principal: Principal) -> BoardOut:
    """The open deals by stage, in the order of their probability."""
    require(principal, *ROLES)
    today = _today()
    rows = await repository.stages(session, wanted, today=today, principal=principal)
    first = await repository.first_of_stages(session, wanted, today=today, each=ON_BOARD, principal=principal)
    deals = await _deals(session, first, today, principal)
    shown: dict[tuple[str, str], list[WorkDeal]] = {}
    for deal in deals:
        shown.setdefault((deal.pipeline, deal.stage), []).append(deal)
    cells: dict[tuple[str, str], list[RowMapping]] = {}
    for row in rows:
        cells.setdefault((row["pipeline"], row["stage"]), []).append(row)
    order = sorted(cells, key=lambda at: (at[0], max(row["probability"] or Decimal() for row in cells[at]), at[1]))
    stages = [BoardStage(pipeline=at[0], stage=at[1], first=shown.get(at, []), **_sums(cells[at])) for at in order]
    return BoardOut(as_of=clock.now(), today=today, stages=stages)


async def views(session: AsyncSession, *, principal: Principal) -> ViewsOut:
    """One's own views and those shared within one's scope."""
    require(principal, *ROLES)
    return ViewsOut(items=[ViewOut.model_validate(dict(row)) for row in await repository.views(session, principal)])


async def keep_view(
    session: AsyncSession, wanted: ViewIn, *, idempotency_key: str | None, principal: Principal
) -> ViewsOut:
    """Keep a view. Raises IdempotencyKeyReused."""
    require(principal, *ROLES)
    request = sent("deal view", wanted.model_dump_json(), idempotency_key, principal=principal)
    if not request.was_taken(await repository.view_digest(session, request.id)):
        row = wanted.model_dump() | {"view_id": request.id, "author": principal.subject, "created_at": clock.now()}
        await repository.keep_view(session, row | {"units": list(principal.scope), "request_digest": request.digest})
    return await views(session, principal=principal)


async def remove_view(session: AsyncSession, view_id: UUID, *, principal: Principal) -> ViewsOut:
    """Put one of one's own views away. Raises UnknownView."""
    require(principal, *ROLES)
    row = {"view_id": view_id, "author": principal.subject, "at": clock.now()}
    if not await repository.remove_view(session, row):
        raise UnknownView(f"View {view_id} is none of yours; only who made a view removes it.")
    return await views(session, principal=principal)


async def _deals(
    session: AsyncSession, rows: Sequence[RowMapping], today: date, principal: Principal
) -> list[WorkDeal]:
    if not rows:
        return []
    offers, standing = await edits.beside(session, [row["deal_id"] for row in rows], principal=principal)
    may_edit = bool(principal.roles & {*edits.WRITERS, "admin", "system"})
    told = await repository.tells_contacts(session)
    shares = await credit.owner_shares(session, [row["deal_id"] for row in rows], principal=principal)
    return [
        _deal(row, today, offers, standing.get(row["deal_id"], {}), may_edit, told, shares.get(row["deal_id"]))
        for row in rows
    ]


_COPIED = (
    "name", "connection", "external_id", "account_id", "state", "pipeline", "stage", "stage_entered_at", "category", "amount",
    "currency", "close_date", "pushes", "next_step", "next_step_known", "owner_id", "provisional",
)  # fmt: skip
_LATER = {"next_step": None, "next_step_known": False}
"""What contents from before these facts were told say of them."""


def _deal(
    row: RowMapping,
    today: date,
    offers: Mapping[str, Offer],
    standing: Mapping[str, EditOut],
    may_edit: bool,
    told: bool,
    owner_share: Decimal | None,
) -> WorkDeal:
    content: dict[str, Any] = _LATER | row["content"]
    is_open = content["state"] == "open"
    offer = offers.get(content["connection"] or "") if is_open and may_edit and not content["provisional"] else None
    fields = [each for each in FIELDS if offer and each in offer.fields]
    if content["amount_from"] == "quote":
        fields = [each for each in fields if each != "amount"]
    close = content["close_date"]
    lacks = [name for name in CHECKS if is_open and row[name] and (told or name != "no_contact")]
    return WorkDeal.model_validate(
        {name: content[name] for name in _COPIED}
        | {
            "deal_id": row["deal_id"],
            "version": row["version"],
            "owner_share": owner_share,
            "is_overdue": is_open and close is not None and date.fromisoformat(close) < today,
            "checks": lacks,
            "editable": fields,
            "stages": stages_of(content["pipeline"], offer) if offer else [],
            "edits": dict(standing),
        }
    )


def _sums(cells: Sequence[RowMapping]) -> dict[str, Any]:
    amounts = sorted((row["currency"], row["amount"]) for row in cells if row["amount"] is not None and row["currency"])
    return {
        "deals": sum(row["deals"] for row in cells),
        "unpriced": sum(row["unpriced"] for row in cells),
        "amounts": [Money(currency=currency, amount=amount) for currency, amount in amounts],
    }


def _today() -> date:
    return clock.now().astimezone(business_zone()).date()
