"""Finance's orders from CSV: what can be read is kept once, in any order; what cannot is named by line and column."""

from collections.abc import Mapping
from datetime import date
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.messaging import outbox
from libs.common.web.auth import Principal, require
from libs.common.web.errors import Invalid
from services.forecast.config import settings_of
from services.forecast.periods import service as periods
from services.forecast.scorecard import repository
from services.forecast.scorecard.schemas import OrdersOut, RefusedOrder
from services.forecast.scorecard.service import whole_company
from services.forecast.scorecard.table import Line, UnreadableTable, read
from services.forecast.scorecard.tieout import Order

CONTRADICTED: Final = "order {} has revision {} already, with another {}; a correction needs a higher revision"


class UnreadableFile(Invalid):
    """The file as a whole is no table of orders."""


async def take(session: AsyncSession, body: bytes, *, dry_run: bool, principal: Principal) -> OrdersOut:
    """Append what is new; the same line again changes nothing, a revision that says otherwise is refused.

    Raises UnreadableFile when the header is not that of orders, MissingRole, OnlyForTheCompany.
    """
    require(principal, "finance")
    whole_company(principal)
    try:
        lines = list(read(body))
    except UnreadableTable as error:
        raise UnreadableFile(str(error)) from None
    await repository.hold_orders(session)
    numbers = {line.order.number for line in lines if line.order is not None}
    known = await repository.known_orders(session, sorted(numbers))
    today = periods.today_of(settings_of(session))
    refused: list[RefusedOrder] = []
    new: dict[tuple[str, int], Order] = {}
    there = 0
    for line in lines:
        refusal = _refusal(line, known, new, today)
        if refusal is not None:
            refused.append(refusal)
        elif line.order is not None:
            key = (line.order.number, line.order.revision)
            there += key in known or key in new
            if key not in known:
                new[key] = line.order
    if not dry_run and new:
        at = await outbox.stamp(session)
        await repository.append_orders(session, list(new.values()), at=at, by=principal.subject)
    return OrdersOut(dry_run=dry_run, rows=len(lines), accepted=len(new), known=there, refused=refused)


def _refusal(
    line: Line, known: Mapping[tuple[str, int], Order], new: Mapping[tuple[str, int], Order], today: date
) -> RefusedOrder | None:
    if line.refusal is not None:
        return RefusedOrder(line=line.number, column=line.refusal.column, reason=line.refusal.reason)
    if line.order is None:
        return None
    order = line.order
    if order.day > today:
        return RefusedOrder(line=line.number, column="date", reason=f"{order.day} has not come yet")
    key = (order.number, order.revision)
    before = known.get(key) or new.get(key)
    if before is None or before == order:
        return None
    columns = {"kind": "kind", "deal": "deal", "amount": "amount", "currency": "currency", "day": "date"}
    other = next(column for name, column in columns.items() if getattr(before, name) != getattr(order, name))
    return RefusedOrder(line=line.number, column=other, reason=CONTRADICTED.format(order.number, order.revision, other))
