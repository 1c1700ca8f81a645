"""Accounts as the CRM has them, with their history."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.events.base import Cause, Received
from libs.common.events.crm import CrmAccountChanged
from libs.common.events.deals import AccountChanged
from libs.common.messaging import outbox
from libs.common.organisation import scope_parameters
from libs.common.web.auth import Principal, require
from libs.common.web.errors import NotFound
from services.deals.accounts import repository
from services.deals.accounts.schemas import AccountOut, AccountPage
from services.deals.record_history import RecordHistory, Version


class UnknownAccount(NotFound):
    """No account of this id is known, or nothing but its id."""


@dataclass(frozen=True, slots=True)
class AccountContent:
    """What an entry says about an account."""

    name: str
    region: str | None
    market: str | None
    segment: str | None
    tier: str | None
    parent_id: UUID | None
    absorbed_into: UUID | None
    removed: bool


def follow(before: AccountContent | None, record: CrmAccountChanged) -> AccountContent | None:
    """The account after a record; a tombstone keeps what was known before it."""
    if record.deleted or record.merged_into is not None:
        return replace(before, absorbed_into=record.merged_into, removed=True) if before else None
    return AccountContent(
        name=record.name,
        region=record.region,
        market=record.market,
        segment=record.segment,
        tier=record.tier,
        parent_id=record.parent_id,
        absorbed_into=None,
        removed=False,
    )


HISTORY = RecordHistory(
    "account",
    record=CrmAccountChanged,
    content=AccountContent,
    identify=lambda record: record.account_id,
    follow=follow,
    withdrawn=lambda content: replace(content, removed=True),
)


async def apply(session: AsyncSession, events: Sequence[Received[CrmAccountChanged]], *, principal: Principal) -> None:
    """Apply CRM records of accounts, in any order and repetition, and tell what changed."""
    require(principal, "system")
    causes = {event.data.account_id: Cause(**event.cause.model_dump() | {"event": event.id}) for event in events}
    appended = await HISTORY.apply(session, [event.data for event in events])
    await repository.turn(session, [entry for entry in appended if entry.is_head])
    for entry in appended:
        at, cause = entry.moment.valid_from, causes[entry.identifier]
        outbox.add(session, event_of(entry), key=entry.identifier, version=entry.version, occurred_at=at, cause=cause)


def event_of(entry: Version[AccountContent]) -> AccountChanged:
    """The event that tells of an entry."""
    return AccountChanged(
        account_id=entry.identifier,
        version=entry.version,
        valid_from=entry.moment.valid_from,
        **asdict(entry.moment.content),
    )


async def account(session: AsyncSession, account_id: UUID, *, principal: Principal) -> AccountOut:
    """One account. Raises UnknownAccount. Accounts are seen by everybody who is signed in; their deals are not."""
    require(principal, *repository.READERS)
    row = await repository.account(session, account_id)
    if row is None:
        raise UnknownAccount(f"No account {account_id} is known; it may not have arrived from the CRM yet.")
    return AccountOut.model_validate(row)


async def accounts(
    session: AsyncSession, *, q: str | None, region: str | None, cursor: str | None, limit: int, principal: Principal
) -> AccountPage:
    """A page of accounts by name."""
    require(principal, *repository.READERS)
    rows, following = await repository.page(session, q=q, region=region, cursor=cursor, limit=limit)
    return AccountPage(items=[AccountOut.model_validate(row) for row in rows], next_cursor=following)


async def require_people(session: AsyncSession, accounts: Collection[UUID], *, principal: Principal) -> None:
    """Raise UnknownAccount unless the principal may see the people of all these accounts.

    They are seen by those who see one of the account's live deals; of an account without any, by everybody.
    """
    seen = await with_people(session, accounts, principal=principal)
    for account_id in accounts:
        if account_id not in seen:
            raise UnknownAccount(f"No account {account_id} with people that you may see is known.")


async def with_people(session: AsyncSession, accounts: Collection[UUID], *, principal: Principal) -> set[UUID]:
    """Those of the accounts whose people the principal may see."""
    require(principal, *repository.READERS)
    return await repository.of_sight(session, accounts, scope_parameters(principal)) if accounts else set()
