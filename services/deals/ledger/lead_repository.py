"""Leads as the ledger keeps them: their states, their conversions, and the deals that name them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.events.leads import LeadState
from libs.common.ids import provisional_deal_id
from libs.common.qualification import Entry
from libs.common.qualification.elements import Key
from libs.common.sql import Query


@dataclass(frozen=True, slots=True)
class Lead:
    """A locked lead row: what the newest known version of the lead says of its conversion."""

    lead_id: UUID
    version: int
    converted_deal_id: UUID | None
    merged_into: UUID | None


@dataclass(frozen=True, slots=True)
class Touched:
    """The leads and deals that a batch touches, each with whether it has a row already."""

    leads: dict[UUID, bool]
    deals: dict[UUID, bool]


_TOUCHED = Query("""
    WITH given AS MATERIALIZED (SELECT unnest(ARRAY(SELECT unnest(CAST(:deals AS uuid[])))) AS deal_id),
    told AS MATERIALIZED (
        SELECT unnest(ARRAY(SELECT unnest(CAST(:told AS uuid[])))) AS lead_id
        UNION SELECT lead_id FROM lead WHERE provisional_id = ANY(ARRAY(SELECT deal_id FROM given))
        UNION SELECT lead_id FROM lead_link WHERE deal_id = ANY(ARRAY(SELECT deal_id FROM given))
        UNION SELECT lead_id FROM lead WHERE converted_deal_id = ANY(ARRAY(SELECT deal_id FROM given))
    ), deals AS MATERIALIZED (
        SELECT deal_id FROM given
        UNION SELECT deal_id FROM lead_link WHERE lead_id = ANY(ARRAY(SELECT lead_id FROM told))
        UNION SELECT converted_deal_id FROM lead
              WHERE lead_id = ANY(ARRAY(SELECT lead_id FROM told)) AND converted_deal_id IS NOT NULL
    ), leads AS (
        SELECT lead_id FROM told
        UNION SELECT lead_id FROM lead_link WHERE deal_id = ANY(ARRAY(SELECT deal_id FROM deals))
        UNION SELECT lead_id FROM lead WHERE converted_deal_id = ANY(ARRAY(SELECT deal_id FROM deals))
        UNION SELECT merged_into FROM lead
              WHERE lead_id = ANY(ARRAY(SELECT lead_id FROM told)) AND merged_into IS NOT NULL
    )
    SELECT true AS is_lead, lead_id AS id, (SELECT true FROM lead l WHERE l.lead_id = leads.lead_id) AS known FROM leads
    UNION ALL
    SELECT false, deal_id, (SELECT true FROM deal d WHERE d.deal_id = deals.deal_id) FROM deals
""")


async def touched(session: AsyncSession, *, deals: Collection[UUID], leads: Collection[UUID]) -> Touched:
    """All of these, the leads that stand for one of them at one remove, the leads that the deals name, were converted from or stand for, the CRM's deals that any of those leads
    became or are named by, and the leads of these: whoever is first to name a lead absorbs its provisional deal.
    """
    found = Touched({}, {})
    for row in await _TOUCHED.rows(session, {"deals": list(deals), "told": list(leads)}):
        (found.leads if row.is_lead else found.deals)[row.id] = row.known is True
    return found


_DEALS_OF = Query("""
    SELECT deal_id FROM lead_link WHERE lead_id = ANY(:leads)
    UNION SELECT converted_deal_id FROM lead WHERE lead_id = ANY(:leads) AND converted_deal_id IS NOT NULL
""")


async def deals_of(session: AsyncSession, leads: Collection[UUID]) -> set[UUID]:
    """The CRM's deals that name these leads or that they were converted to; not their provisional ones."""
    return set(await _DEALS_OF.column(session, {"leads": list(leads)})) if leads else set()


_KNOW_LEADS = Query("""
    INSERT INTO lead (lead_id, provisional_id)
    SELECT * FROM unnest(CAST(:leads AS uuid[]), CAST(:provisional AS uuid[])) ON CONFLICT DO NOTHING
""")
_LOCK_LEADS = Query("""
    SELECT lead_id, version, converted_deal_id, merged_into FROM lead
    WHERE lead_id = ANY(ARRAY(SELECT unnest(CAST(:leads AS uuid[])))) ORDER BY lead_id FOR UPDATE
""")


async def lock_leads(session: AsyncSession, leads: Mapping[UUID, bool]) -> dict[UUID, Lead]:
    """Lock the leads' rows in id order, making placeholders unless all of them are known to have a row."""
    if not leads:
        return {}
    ids = sorted(leads)
    if not all(leads.values()):
        await _KNOW_LEADS.run(session, {"leads": ids, "provisional": [provisional_deal_id(lead) for lead in ids]})
    return {row.lead_id: Lead(*row) for row in await _LOCK_LEADS.rows(session, {"leads": ids})}


_KEEP_LEADS = Query("""
    WITH turned AS (
        UPDATE lead SET version = n.version, converted_deal_id = n.converted, merged_into = n.merged
        FROM unnest(CAST(:newest AS uuid[]), CAST(:newest_versions AS integer[]), CAST(:converted AS uuid[]),
                    CAST(:merged AS uuid[])) AS n (lead_id, version, converted, merged)
        WHERE lead.lead_id = n.lead_id AND lead.version < n.version
    )
    INSERT INTO lead_input (lead_id, version, payload)
    SELECT n.lead_id, n.version, CAST(n.payload AS jsonb)
    FROM unnest(CAST(:leads AS uuid[]), CAST(:versions AS integer[]), CAST(:payloads AS text[]))
      AS n (lead_id, version, payload)
    ON CONFLICT DO NOTHING RETURNING lead_id
""")


async def keep_leads(session: AsyncSession, leads: Sequence[LeadState]) -> set[UUID]:
    """Keep lead states not known yet and turn the leads' rows to their newest; returns the leads that had new ones."""
    if not leads:
        return set()
    newest = {lead.lead_id: lead for lead in sorted(leads, key=lambda lead: lead.version)}
    values = {
        "leads": [lead.lead_id for lead in leads],
        "versions": [lead.version for lead in leads],
        "payloads": [lead.model_dump_json(exclude_defaults=True) for lead in leads],
        "newest": list(newest),
        "newest_versions": [lead.version for lead in newest.values()],
        "converted": [conversion(lead) for lead in newest.values()],
        "merged": [lead.merged_into for lead in newest.values()],
    }
    return set(await _KEEP_LEADS.column(session, values))


def conversion(lead: LeadState) -> UUID | None:
    """The CRM's deal that a lead became; its own provisional deal does not count."""
    return None if lead.converted_deal_id == provisional_deal_id(lead.lead_id) else lead.converted_deal_id


_LEAD_STATES = Query("SELECT lead_id, payload::text AS payload FROM lead_input WHERE lead_id = ANY(:leads)")


async def lead_states(session: AsyncSession, leads: Collection[UUID]) -> dict[UUID, list[LeadState]]:
    """All kept states of these leads."""
    states: dict[UUID, list[LeadState]] = {}
    if leads:
        for lead_id, payload in await _LEAD_STATES.rows(session, {"leads": list(leads)}):
            states.setdefault(lead_id, []).append(LeadState.model_validate_json(payload))
    return states


_LINKS_OF = Query("SELECT deal_id, lead_id, linked_at FROM lead_link WHERE deal_id = ANY(:deals)")


async def links_of(session: AsyncSession, deals: Collection[UUID]) -> dict[UUID, dict[UUID, datetime]]:
    """Deal to lead to the instant from which the deal names it."""
    found: dict[UUID, dict[UUID, datetime]] = {}
    if deals:
        for deal_id, lead_id, linked_at in await _LINKS_OF.rows(session, {"deals": list(deals)}):
            found.setdefault(deal_id, {})[lead_id] = linked_at
    return found


_LINKS = Query("SELECT deal_id, lead_id, linked_at FROM lead_link WHERE lead_id = ANY(:leads)")


async def links_to(session: AsyncSession, leads: Collection[UUID]) -> dict[UUID, list[tuple[datetime, UUID]]]:
    """Lead to (linked at, deal) of the CRM's deals that name it, earliest first."""
    found: dict[UUID, list[tuple[datetime, UUID]]] = {}
    if leads:
        for deal_id, lead_id, linked_at in await _LINKS.rows(session, {"leads": list(leads)}):
            found.setdefault(lead_id, []).append((linked_at, deal_id))
    return {lead: sorted(links) for lead, links in found.items()}


_STATEMENTS = Query("""
    WITH RECURSIVE theirs AS (
        SELECT deal_id, lead_id FROM lead_link WHERE deal_id = ANY(:deals)
        UNION SELECT converted_deal_id, lead_id FROM lead WHERE converted_deal_id = ANY(:deals)
        UNION SELECT theirs.deal_id, l.lead_id FROM lead l JOIN theirs ON l.merged_into = theirs.lead_id
    )
    SELECT e.deal_id, e.payload::text AS payload FROM evidence e
    WHERE e.deal_id = ANY(:deals) AND e.payload ->> 'element' = :element
    UNION ALL
    SELECT theirs.deal_id, e.payload::text FROM theirs JOIN evidence e ON e.lead_id = theirs.lead_id
    WHERE e.payload ->> 'element' = :element
""")


async def statements_of(session: AsyncSession, element: Key, deals: Collection[UUID]) -> dict[UUID, list[Entry]]:
    """What was said of an element about each of the CRM's deals, about its leads, and about those merged into them."""
    found: dict[UUID, list[Entry]] = {}
    if deals:
        for deal_id, payload in await _STATEMENTS.rows(session, {"deals": list(deals), "element": element}):
            found.setdefault(deal_id, []).append(Entry.model_validate_json(payload))
    return found


_UNLINK = Query("DELETE FROM lead_link WHERE deal_id = ANY(:deals)")
_LINK = Query("""
    INSERT INTO lead_link (deal_id, lead_id, linked_at)
    SELECT * FROM unnest(CAST(:deals AS uuid[]), CAST(:leads AS uuid[]), CAST(:times AS timestamptz[]))
""")


async def relink(
    session: AsyncSession, links: Mapping[UUID, Mapping[UUID, datetime]], *, linked: Collection[UUID]
) -> None:
    """Replace the links of each deal by these (deal to lead to instant); only `linked` deals have any."""
    rows = [(deal, lead, at) for deal, leads in links.items() for lead, at in leads.items()]
    if linked:
        await _UNLINK.run(session, {"deals": list(linked)})
    if rows:
        deals, leads, times = zip(*rows, strict=True)
        await _LINK.run(session, {"deals": list(deals), "leads": list(leads), "times": list(times)})
