"""Names of people for the pages; events and services know ids only."""

from collections.abc import Collection, Mapping
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.auth import service as accounts
from gateway.people import service as people
from libs.common.web.auth import Principal

_ACCOUNT = "user:"


async def names_of(session: AsyncSession, ids: Collection[UUID], *, principal: Principal) -> Mapping[UUID, str]:
    """Names of those whom the people directory knows; the others are missing."""
    return await people.names(session, ids, principal=principal)


async def speakers(session: AsyncSession, subjects: Collection[str], *, principal: Principal) -> Mapping[str, str]:
    """Who said something: the names of accounts and, for what was imported, of people. Every subject has one."""
    ids = {subject: found for subject in subjects if (found := _id(subject.removeprefix(_ACCOUNT)))}
    accounted = [found for subject, found in ids.items() if subject.startswith(_ACCOUNT)]
    imported = [found for subject, found in ids.items() if not subject.startswith(_ACCOUNT)]
    known = dict(await accounts.names(session, accounted, principal=principal))
    known |= await people.names(session, imported, principal=principal)
    return {subject: _name(subject, known.get(ids[subject]) if subject in ids else None) for subject in subjects}


def _name(subject: str, known: str | None) -> str:
    if known is not None:
        return known
    kind, separator, rest = subject.partition(":")
    if kind == "crm":
        return f"the CRM ({rest})"
    return f"{kind.replace('_', ' ').capitalize()} {rest[:8]}" if separator else subject[:60]


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
