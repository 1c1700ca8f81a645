"""Who publishes a policy, which version holds, and the least prices it allows."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import clock
from libs.common.events.pricing import PolicyPublished
from libs.common.ids import entity_id
from libs.common.messaging import outbox
from libs.common.web.auth import Principal, require
from libs.common.web.errors import Conflict, Invalid
from services.pricing.catalogue.models import ProductRow
from services.pricing.policies import repository
from services.pricing.policies.models import PolicyVersion
from services.pricing.policies.schemas import PolicyDocument

PUBLISHERS = ("sales_ops", "cso")
"""Roles that publish a policy."""
READERS = ("seller", "manager", "sales_ops", "finance", "cso", "ceo")
POLICY_ID = entity_id("foretell", "price_policy", "the company's")


class PolicyInThePast(Invalid):
    """A policy would hold from before it was known."""


class PolicyPublishedMeanwhile(Conflict):
    """Somebody published another version after this one was read."""


async def publish(
    session: AsyncSession,
    document: PolicyDocument,
    *,
    note: str,
    valid_from: datetime | None,
    after: int | None,
    principal: Principal,
) -> PolicyVersion:
    """Keep a version of the policy for ever. `after` is the version that its author knew; None does not ask.

    It holds from `valid_from`, never from before now. Raises PolicyInThePast, PolicyPublishedMeanwhile.
    """
    require(principal, *PUBLISHERS)
    await repository.lock(session)
    now = clock.now()
    if valid_from is not None and valid_from < now:
        raise PolicyInThePast(
            f"The policy would hold from {valid_from:%Y-%m-%d %H:%M}, which has passed; choose a later time."
        )
    known = await repository.versions(session)
    newest = known[0].version
    if after is not None and after != newest:
        raise PolicyPublishedMeanwhile(f"Version {newest} was published meanwhile; read it before you publish yours.")
    row = PolicyVersion(
        newest + 1, valid_from or now, document.policy(), note, principal.subject, await outbox.stamp(session)
    )
    await repository.add(
        session,
        document,
        version=row.version,
        valid_from=row.valid_from,
        note=note,
        published_by=row.published_by,
        recorded_at=row.recorded_at,
    )
    outbox.add(
        session,
        PolicyPublished(policy_id=POLICY_ID, version=row.version, valid_from=row.valid_from),
        key=POLICY_ID,
        version=row.version,
        occurred_at=now,
        actor=principal.subject,
    )
    return row


async def in_force(session: AsyncSession, *, at: datetime | None = None, principal: Principal) -> PolicyVersion:  # noqa: ARG001
    """The policy that holds now, or held at an instant: the company's, or before it published one the starting policy."""
    return await repository.in_force(session, at or clock.now())


async def list_versions(session: AsyncSession, *, principal: Principal) -> list[tuple[PolicyVersion, PolicyDocument]]:
    """All versions with their documents, newest first; the last is the one that came with the system."""
    require(principal, *READERS)
    documents = await repository.documents(session)
    return [(row, documents[row.version]) for row in await repository.versions(session)]


async def minimum(
    session: AsyncSession,
    products: Mapping[UUID, ProductRow],
    *,
    market: str | None,
    segment: str | None,
    principal: Principal,
) -> Mapping[UUID, Decimal]:
    """The least share of the list price of each product, by the policy that holds; products without one are left out."""
    held = await in_force(session, principal=principal)
    shares = {
        each: held.policy.minimum(market, segment, row.state.line if row.state else None)
        for each, row in products.items()
    }
    return {each: share for each, share in shares.items() if share is not None}
