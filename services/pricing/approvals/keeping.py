"""What the clock does: quotes run out, steps are escalated, requests are asked anew under a policy that began."""

from datetime import date
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.db import Database
from libs.common.web.auth import Principal
from services.pricing.approvals import kept, repository, statements
from services.pricing.approvals.composing import pair_of
from services.pricing.approvals.service import ExceptionNeedsReason, ask, settle
from services.pricing.config import business_day
from services.pricing.policies import service as policies
from services.pricing.quotes import repository as quoted
from services.pricing.quotes import service as quotes

MOST = 200


async def keep(database: Database, *, principal: Principal) -> tuple[int, int, int]:
    """How many quotes ran out, steps were escalated, and requests were asked anew. For the scheduler, at any time."""
    return (
        await expire(database, principal=principal),
        await escalate(database, principal=principal),
        await ask_anew(database, principal=principal),
    )


async def expire(database: Database, *, principal: Principal) -> int:
    """Say of quotes whose last day has passed that they have expired; an approved one no longer sets its deal's amount."""
    async with database.reading() as session:
        due = await quoted.run_out(session, today=business_day(session), limit=MOST)
    done = 0
    for quote_id in due:
        async with database.transaction() as session:
            _, of_deal = await quotes.lock(session, quote_id, principal=principal)
            quote = of_deal[quote_id]
            if quote.status not in ("draft", "submitted", "approved", "rejected") or not _is_over(
                session, quote.valid_until
            ):
                continue
            await quotes.move(session, quote, "expired", at=quotes.time_after(of_deal), principal=principal)
            done += 1
    return done


async def weigh(database: Database, *, principal: Principal) -> int:
    """Tell what quotes leave of which nothing was told yet: those from before it was told at all. How many."""
    done, found = 0, MOST
    while found == MOST:
        async with database.transaction() as session:
            due = await kept.untold(session, limit=MOST)
            for quote in due:
                await statements.weigh(session, quote, principal=principal)
        found = len(due)
        done += found
    return done


async def escalate(database: Database, *, principal: Principal) -> int:  # noqa: ARG001
    """Open steps whose time has passed to the next rank."""
    async with database.transaction() as session:
        return await repository.escalate(session, now=clock.now())


async def ask_anew(database: Database, *, principal: Principal) -> int:
    """Judge open requests by the policy that has begun to hold; what was approved and is no worse is carried over."""
    async with database.reading() as session:
        held = await policies.in_force(session, principal=principal)
        due = await repository.outdated(session, version=held.version)
    for request_id in due:
        async with database.transaction() as session:
            await _ask_anew(session, request_id, principal=principal)
    return len(due)


async def _ask_anew(session: AsyncSession, request_id: UUID, *, principal: Principal) -> None:
    found = await repository.find_request(session, request_id, principal=principal)
    if found is None:
        return
    deal, of_deal = await quotes.lock(session, found.quote_id, principal=principal)
    request = await repository.lock_request(session, request_id)
    quote = of_deal[found.quote_id]
    if request.state != "open" or quote.status != "submitted" or quote.revision != request.revision:
        return
    at = quotes.time_after(of_deal)
    try:
        anew = await ask(
            session,
            quote,
            deal,
            reason=request.reason,
            note=request.note,
            pairs=[pair_of(each) for each in request.pairs],
            submitted_by=request.submitted_by,
            at=at,
            principal=principal,
        )
    except ExceptionNeedsReason:
        # The new policy has a higher floor: only the seller can say why it should be sold below.
        await repository.supersede(session, quote.quote_id, at=at)
        await quotes.move(session, quote, "draft", at=at, principal=principal)
        return
    await settle(session, quote, anew, at=at, principal=principal)


def _is_over(session: AsyncSession, last: date | None) -> bool:
    return last is not None and last < business_day(session)
