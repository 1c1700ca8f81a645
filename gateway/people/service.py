"""Who the ids in events and readings are. Names stay here; pages join them at the edge.

What leaves are match keys, by which others can tell that two people are one (ADR 28).
"""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.config import Settings
from gateway.people import repository
from libs.common import clock
from libs.common.db import SETTINGS
from libs.common.events.crm import CrmPersonKeyed
from libs.common.matching import Matcher
from libs.common.messaging import outbox
from libs.common.web.auth import Principal, require

READERS = ("viewer", "seller", "manager", "sales_ops", "finance", "cso", "ceo")
TOLD_AT_ONCE = 500


async def names(session: AsyncSession, ids: Collection[UUID], *, principal: Principal) -> dict[UUID, str]:
    """The known names of these people: CRM users and persons of leads. Unknown ids are left out."""
    require(principal, *READERS)
    if not ids:
        return {}
    found = await session.execute(
        text("SELECT id, name FROM person WHERE id = ANY(:ids) AND name <> ''"), {"ids": list(ids)}
    )
    return {row.id: row.name for row in found}


async def users_with(session: AsyncSession, email: str, *, principal: Principal) -> list[UUID]:
    """The users of CRMs who have this mail address."""
    require(principal, *READERS)
    found = await session.scalars(
        text("SELECT id FROM person WHERE kind = 'user' AND lower(email) = lower(:email) ORDER BY id LIMIT 50"),
        {"email": email},
    )
    return list(found.all())


async def tell_next_keys(session: AsyncSession, *, principal: Principal) -> int:
    """Tell the match keys of the next people who are new, changed or erased; how many. Nothing is told without a secret."""
    require(principal, "system")
    settings: Settings = session.info[SETTINGS]
    secret = settings.match_key.get_secret_value()
    if not secret:
        return 0
    matcher = Matcher(secret)
    await repository.note_secret(session, matcher.fingerprint)
    untold = await repository.take_untold(session, limit=TOLD_AT_ONCE)
    if untold:
        await outbox.stamp(session)
    for each in untold:
        keys = matcher.keys(name=each.name, email=each.email, phone=each.phone)
        event = CrmPersonKeyed(person_id=each.id, mail=keys.mail, phone=keys.phone, domain=keys.domain, name=keys.name)
        outbox.add(session, event, key=each.id, version=each.version, occurred_at=clock.now())
    return len(untold)
