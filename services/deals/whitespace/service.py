"""White space: which products an account has, is offered, could buy, buys elsewhere or has no use for; and what is not known."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final, get_args
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.events.whitespace import WhitespaceStated
from libs.common.messaging import outbox
from libs.common.organisation import scope_parameters
from libs.common.web.auth import ROLES, Principal, require
from libs.common.web.idempotency import sent
from libs.common.web.paging import decode_cursor, encode_cursor
from services.deals.accounts import service as accounts
from services.deals.config import business_zone
from services.deals.whitespace import repository
from services.deals.whitespace.cells import Cell, State, cell
from services.deals.whitespace.schemas import CellIn, CellOut, CountOut, MatrixOut, RowOut

WRITERS: Final = ("seller", "manager", "sales_ops", "cso")
"""Roles that may say what is known of a product at an account within their scope."""
MOST_PRODUCTS: Final = 24
MOST_EXPORTED: Final = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Filters of the matrix; None leaves one out."""

    q: str | None = None
    tier: str | None = None
    segment: str | None = None
    market: str | None = None
    account_id: UUID | None = None


async def matrix(
    session: AsyncSession, wanted: Wanted, *, cursor: str | None, limit: int | None, principal: Principal
) -> MatrixOut:
    """Accounts by name with a cell per product, from deals within scope. Raises UnreadableCursor."""
    require(principal, *ROLES)
    after = decode_cursor(cursor, 2) or [None, None]
    scope = scope_parameters(principal)
    most = MOST_EXPORTED if limit is None else limit
    place = {"after_name": after[0], "after_id": after[1], "limit": most + 1}
    rows = await repository.page(session, asdict(wanted) | place | scope)
    more, rows = len(rows) > most, rows[:most]
    every = await repository.products(session)
    products = every[:MOST_PRODUCTS]
    found = await _cells(session, rows, products, principal=principal)
    words = await repository.words(session)
    counted = [Counter(cells[number].state for cells in found) for number in range(len(products))]
    states = get_args(State)
    return MatrixOut(
        as_of=clock.now(),
        products=products,
        more_products=len(every) - len(products),
        tiers=words["tiers"] or [],
        segments=words["segments"] or [],
        markets=words["markets"] or [],
        items=[RowOut(**row, cells=cells) for row, cells in zip(rows, found, strict=True)],
        counts=[
            CountOut(product=product, **{state: counts[state] for state in states})
            for product, counts in zip(products, counted, strict=True)
        ],
        next_cursor=encode_cursor(str(rows[-1]["name"]).lower(), rows[-1]["account_id"]) if more else None,
    )


async def of_account(session: AsyncSession, account_id: UUID, *, principal: Principal) -> RowOut:
    """The cells of one account. Raises UnknownAccount."""
    require(principal, *ROLES)
    await accounts.require_people(session, [account_id], principal=principal)
    found = await matrix(session, Wanted(account_id=account_id), cursor=None, limit=1, principal=principal)
    if not found.items:
        raise accounts.UnknownAccount(f"Account {account_id} is no longer there.")
    return found.items[0]


async def say(
    session: AsyncSession, account_id: UUID, wanted: CellIn, *, idempotency_key: str | None, principal: Principal
) -> RowOut:
    """Say what is known of a product at an account. Raises UnknownAccount, IdempotencyKeyReused."""
    require(principal, *WRITERS)
    await accounts.require_people(session, [account_id], principal=principal)
    body = f"{account_id} {wanted.model_dump_json()}"
    request = sent("whitespace", body, idempotency_key, principal=principal)
    if not request.was_taken(await repository.digest_of(session, request.id)):
        recorded_at = await outbox.stamp(session)
        said = wanted.model_dump() | {"entry_id": request.id, "account_id": account_id, "at": clock.now()}
        told = {"author": principal.subject, "request_digest": request.digest, "recorded_at": recorded_at}
        await repository.append(session, said | told)
        event = WhitespaceStated.model_validate(said)
        version = clock.to_millis(event.at)
        outbox.add(session, event, key=account_id, version=version, occurred_at=event.at, actor=principal.subject)
    return await of_account(session, account_id, principal=principal)


async def _cells(
    session: AsyncSession, rows: Sequence[RowMapping], products: Sequence[str], *, principal: Principal
) -> list[list[CellOut]]:
    """The cells of these accounts, by account and product."""
    ids = [row["account_id"] for row in rows]
    pursuits = await repository.pursuits(session, ids, scope_parameters(principal))
    said = await repository.statements(session, ids)
    worth = await repository.worth(session)
    today = clock.now().astimezone(business_zone()).date()
    return [
        [
            _out(
                product,
                cell(
                    pursuits.get((row["account_id"], product), ()),
                    [said[at]] if (at := (row["account_id"], product)) in said else [],
                    worth.get((row["segment"], product)),
                    today=today,
                ),
            )
            for product in products
        ]
        for row in rows
    ]


def _out(product: str, found: Cell) -> CellOut:
    return CellOut.model_validate({"product": product, **{name: getattr(found, name) for name in found.__slots__}})
