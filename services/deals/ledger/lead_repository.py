"""Leads as the ledger keeps them: their states, their conversions, and the deals that name them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.events.leads import LeadState
from libs.common.ids import provisional_deal_id


@dataclass(frozen=True, slots=True)
class Lead:
    """A locked lead row: what the newest known version of the lead says of its conversion."""

    lead_id: UUID
    version: int
    converted_deal_id: UUID | None


_LEADS_OF = text("""
    SELECT lead_id FROM lead_link WHERE deal_id = ANY(:deals)
    UNION SELECT lead_id FROM lead WHERE converted_deal_id = ANY(:deals)
""")


async def leads_of(session: AsyncSession, deals: Collection[UUID]) -> set[UUID]:
    """The leads that these deals name or were converted from."""
    return set((await session.scalars(_LEADS_OF, {"deals": list(deals)})).all()) if deals else set()


_STOOD_FOR = text("SELECT lead_id FROM lead WHERE provisional_id = ANY(:deals)")


async def leads_of_provisional(session: AsyncSession, deals: Collection[UUID]) -> set[UUID]:
    """The leads that those of these deals stand for which are provisional."""
    return set((await session.scalars(_STOOD_FOR, {"deals": list(deals)})).all()) if deals else set()


_DEALS_OF = text("""
    SELECT deal_id FROM lead_link WHERE lead_id = ANY(:leads)
    UNION SELECT converted_deal_id FROM lead WHERE lead_id = ANY(:leads) AND converted_deal_id IS NOT NULL
""")


async def deals_of(session: AsyncSession, leads: Collection[UUID]) -> set[UUID]:
    """The CRM's deals that name these leads or that they were converted to; not their provisional ones."""
    return set((await session.scalars(_DEALS_OF, {"leads": list(leads)})).all()) if leads else set()


_KNOW_LEADS = text("""
    INSERT INTO lead (lead_id, provisional_id)
    SELECT * FROM unnest(CAST(:leads AS uuid[]), CAST(:provisional AS uuid[])) ON CONFLICT DO NOTHING
""")
_LOCK_LEADS = text("""
    SELECT lead_id, version, converted_deal_id FROM lead WHERE lead_id = ANY(:leads) ORDER BY lead_id FOR UPDATE
""")


async def lock_leads(session: AsyncSession, leads: Collection[UUID]) -> dict[UUID, Lead]:
    """Lock the leads' rows in id order, making placeholders for unknown ones."""
    if not leads:
        return {}
    ids = sorted(leads)
    await session.execute(_KNOW_LEADS, {"leads": ids, "provisional": [provisional_deal_id(lead) for lead in ids]})
    rows = await session.execute(_LOCK_LEADS, {"leads": ids})
    return {row[0]: Lead(*row) for row in rows}


_KEEP_LEADS = text("""
    INSERT INTO lead_input (lead_id, version, payload)
    SELECT n.lead_id, n.version, CAST(n.payload AS jsonb)
    FROM unnest(CAST(:leads AS uuid[]), CAST(:versions AS integer[]), CAST(:payloads AS text[]))
      AS n (lead_id, version, payload)
    ON CONFLICT DO NOTHING RETURNING lead_id, version
""")
_TURN_LEADS = text("""
    UPDATE lead SET version = n.version, converted_deal_id = n.converted
    FROM unnest(CAST(:leads AS uuid[]), CAST(:versions AS integer[]), CAST(:converted AS uuid[]))
      AS n (lead_id, version, converted)
    WHERE lead.lead_id = n.lead_id AND lead.version < n.version
""")


async def keep_leads(session: AsyncSession, leads: Sequence[LeadState]) -> set[tuple[UUID, int]]:
    """Keep lead states not known yet and turn the leads' rows to their newest; returns (lead, version) of new ones."""
    if not leads:
        return set()
    states = {"leads": [lead.lead_id for lead in leads], "versions": [lead.version for lead in leads]}
    payloads = [lead.model_dump_json(exclude_defaults=True) for lead in leads]
    kept = {(row[0], row[1]) for row in await session.execute(_KEEP_LEADS, {**states, "payloads": payloads})}
    newest = {lead.lead_id: lead for lead in sorted(leads, key=lambda lead: lead.version)}
    turned = {
        "leads": list(newest),
        "versions": [lead.version for lead in newest.values()],
        "converted": [conversion(lead) for lead in newest.values()],
    }
    await session.execute(_TURN_LEADS, turned)
    return kept


def conversion(lead: LeadState) -> UUID | None:
    """The CRM's deal that a lead became; its own provisional deal does not count."""
    return None if lead.converted_deal_id == provisional_deal_id(lead.lead_id) else lead.converted_deal_id


_LEAD_STATES = text("SELECT lead_id, payload::text FROM lead_input WHERE lead_id = ANY(:leads)")


async def lead_states(session: AsyncSession, leads: Collection[UUID]) -> dict[UUID, list[LeadState]]:
    """All kept states of these leads."""
    states: dict[UUID, list[LeadState]] = {}
    if leads:
        for lead_id, payload in await session.execute(_LEAD_STATES, {"leads": list(leads)}):
            states.setdefault(lead_id, []).append(LeadState.model_validate_json(payload))
    return states


_CONVERSIONS = text("""
    SELECT converted_deal_id, lead_id FROM lead WHERE converted_deal_id = ANY(:deals) ORDER BY lead_id DESC
""")


async def conversions(session: AsyncSession, deals: Collection[UUID]) -> dict[UUID, UUID]:
    """Deal to the lead whose conversion names it; the smallest id if several do."""
    if not deals:
        return {}
    return {row[0]: row[1] for row in await session.execute(_CONVERSIONS, {"deals": list(deals)})}


_LINKS_OF = text("SELECT deal_id, lead_id, linked_at FROM lead_link WHERE deal_id = ANY(:deals)")


async def links_of(session: AsyncSession, deals: Collection[UUID]) -> dict[UUID, dict[UUID, datetime]]:
    """Deal to lead to the instant from which the deal names it."""
    found: dict[UUID, dict[UUID, datetime]] = {}
    if deals:
        for deal_id, lead_id, linked_at in await session.execute(_LINKS_OF, {"deals": list(deals)}):
            found.setdefault(deal_id, {})[lead_id] = linked_at
    return found


_LINKS = text("SELECT deal_id, lead_id, linked_at FROM lead_link WHERE lead_id = ANY(:leads)")


async def links_to(session: AsyncSession, leads: Collection[UUID]) -> dict[UUID, list[tuple[datetime, UUID]]]:
    """Lead to (linked at, deal) of the CRM's deals that name it, earliest first."""
    found: dict[UUID, list[tuple[datetime, UUID]]] = {}
    if leads:
        for deal_id, lead_id, linked_at in await session.execute(_LINKS, {"leads": list(leads)}):
            found.setdefault(lead_id, []).append((linked_at, deal_id))
    return {lead: sorted(links) for lead, links in found.items()}


_UNLINK = text("DELETE FROM lead_link WHERE deal_id = ANY(:deals)")
_LINK = text("""
    INSERT INTO lead_link (deal_id, lead_id, linked_at)
    SELECT * FROM unnest(CAST(:deals AS uuid[]), CAST(:leads AS uuid[]), CAST(:times AS timestamptz[]))
""")


async def relink(session: AsyncSession, links: Mapping[UUID, Mapping[UUID, datetime]]) -> None:
    """Replace the links of each deal by these (deal to lead to instant)."""
    rows = [(deal, lead, at) for deal, leads in links.items() for lead, at in leads.items()]
    await session.execute(_UNLINK, {"deals": list(links)})
    if rows:
        deals, leads, times = zip(*rows, strict=True)
        await session.execute(_LINK, {"deals": list(deals), "leads": list(leads), "times": list(times)})
