"""The rules of the books: who states prices and costs, and what holds on a day as known at an instant."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.ids import entity_id
from libs.common.messaging import outbox
from libs.common.web.auth import Principal, require, sees_costs
from libs.common.web.errors import Invalid
from services.pricing.books import repository
from services.pricing.books.holding import BookKind, Held, PriceStatement, held
from services.pricing.books.models import Kept, WantedBundle, WantedEntry
from services.pricing.catalogue import service as catalogue
from services.pricing.config import business_day

KEEPERS = ("sales_ops", "finance", "cso")
"""Roles that state prices and costs."""


class UnknownBookProduct(Invalid):
    """A statement is about a product that the catalogue does not have."""


class BundleInItself(Invalid):
    """A bundle would be a part of itself."""


async def state(
    session: AsyncSession, wanted: Sequence[WantedEntry], *, principal: Principal
) -> list[tuple[Kept, WantedEntry]]:
    """Keep statements, all or none; one that says what already holds from the same day on in its place changes nothing.

    What was said stays: a correction is a newer statement. Raises UnknownBookProduct.
    """
    require(principal, *KEEPERS)
    known = await catalogue.find_products(session, {entry.product_id for entry in wanted}, principal=principal)
    for number, entry in enumerate(wanted, 1):
        if entry.product_id not in known:
            raise UnknownBookProduct(f"Statement {number}: there is no product {entry.product_id}.", statement=number)
    return await keep(session, wanted, principal=principal)


async def keep(
    session: AsyncSession, wanted: Sequence[WantedEntry], *, principal: Principal
) -> list[tuple[Kept, WantedEntry]]:
    """Keep statements about known products; returns those that were new."""
    recorded_at = await outbox.stamp(session)
    last = {(row.place, row.holds_from): row for row in await _said(session, wanted)}
    rows = []
    for entry in dict.fromkeys(wanted):
        place = (entry.product_id, entry.kind, entry.market, entry.segment, entry.currency)
        before = last.get((place, entry.holds_from))
        if before is not None and before.amount == entry.amount:
            continue
        after = before.statement_id if before else None
        identifier = entity_id("foretell", "book_statement", repr((entry, after)))
        rows.append((Kept(identifier, principal.subject, recorded_at), entry))
    made = await repository.add_entries(session, rows)
    return [row for row in rows if row[0].statement_id in made]


async def bundle(session: AsyncSession, wanted: WantedBundle, *, principal: Principal) -> Kept:
    """State what a bundle is made of from a day on. Raises UnknownBookProduct, BundleInItself."""
    require(principal, *KEEPERS)
    inside = [part for part, _ in wanted.parts]
    known = await catalogue.find_products(session, {wanted.product_id, *inside}, principal=principal)
    for part in (wanted.product_id, *inside):
        if part not in known:
            raise UnknownBookProduct(f"There is no product {part}.")
    if wanted.product_id in await repository.with_parts(session, inside, on=date.max):
        raise BundleInItself(f"Product {wanted.product_id} would be inside itself; leave that part out.")
    kept = Kept(
        entity_id("foretell", "bundle_statement", repr((wanted, principal.subject, clock.now()))),
        principal.subject,
        await outbox.stamp(session),
    )
    await repository.add_bundle(session, kept, wanted)
    return kept


async def book(
    session: AsyncSession,
    *,
    on: date | None,
    known_at: datetime | None,
    currency: str | None,
    market: str | None,
    segment: str | None,
    limit: int,
    principal: Principal,
) -> list[PriceStatement]:
    """What stands in the books on a day as known at an instant. Who may not see costs gets list prices only."""
    rows = await repository.standing(
        session,
        on=on or business_day(session),
        known_at=known_at,
        currency=currency,
        market=market,
        segment=segment,
        limit=limit,
    )
    return [row for row in rows if row.kind == "list" or sees_costs(principal)]


async def history(
    session: AsyncSession, product_id: UUID, *, limit: int, principal: Principal
) -> list[tuple[PriceStatement, str]]:
    """What was said of a product, the newest first. Raises ProductNotFound."""
    await catalogue.read_product(session, product_id, principal=principal)
    rows = await repository.history(session, product_id, limit=limit)
    return [row for row in rows if row[0].kind == "list" or sees_costs(principal)]


async def codes(session: AsyncSession, ids: Iterable[UUID], *, principal: Principal) -> dict[UUID, str]:  # noqa: ARG001
    """Codes of products; the catalogue is the company's."""
    return await repository.codes_of(session, ids)


async def amounts(
    session: AsyncSession,
    ids: Iterable[UUID],
    *,
    currency: str,
    market: str | None,
    segment: str | None,
    on: date,
    principal: Principal,
) -> Mapping[UUID, Mapping[BookKind, Decimal | None]]:
    """List price and cost of one of each product on a day; unknown is None. For pricing a quote, whoever asks."""
    wanted = sorted(set(ids))
    inside = await repository.with_parts(session, wanted, on=on)
    entries, bundles = await repository.said_of(session, inside, currency=currency, on=on)
    products = await catalogue.find_products(session, inside, principal=principal)
    own = {
        each: (row.state.list_price, row.state.cost)
        for each, row in products.items()
        if row.state is not None and row.state.currency == currency
    }
    books: Held = held(entries, bundles, on=on, own=own)

    def of(product_id: UUID, kind: BookKind) -> Decimal | None:
        return books.amount(product_id, kind, market=market, segment=segment, currency=currency)

    return {each: {"list": of(each, "list"), "cost": of(each, "cost")} for each in wanted}


async def _said(session: AsyncSession, wanted: Sequence[WantedEntry]) -> list[PriceStatement]:
    """What was said of the same products before, oldest first, so that the newest of a place and day comes last."""
    found: list[PriceStatement] = []
    for currency in sorted({entry.currency for entry in wanted}):
        ids = sorted({entry.product_id for entry in wanted if entry.currency == currency})
        entries, _ = await repository.said_of(session, ids, currency=currency, on=date.max)
        found += entries
    return sorted(found, key=lambda row: (row.recorded_at, row.statement_id))
