"""Applying batches through the real handlers, and what can be read afterwards."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.events.base import EventData
from libs.common.ids import ROOT_UNIT
from libs.common.messaging import outbox
from libs.common.web.auth import Principal
from services.deals.consumers import HANDLERS
from services.deals.ledger import service as ledger
from services.deals.ledger.arrivals import arrival
from services.deals.ledger.timeline import GateDecision
from tests.unit.deals.given import day, received

READINGS: tuple[datetime, ...] = tuple(day(number / 2) for number in range(-1, 18))


MANAGER = Principal("mgr", frozenset({"manager"}), (ROOT_UNIT,))


async def apply(session: AsyncSession, events: Sequence[EventData | GateDecision]) -> None:
    """One batch, grouped by handler as the consumer does it; what people decide comes one by one."""
    groups: dict[Any, list[Any]] = {}
    for event in events:
        if isinstance(event, GateDecision):
            await ledger.take(session, arrival(event), principal=MANAGER)
            continue
        groups.setdefault(HANDLERS[type(event)], []).append(received(event))
    for handler, group in groups.items():
        await handler(session, group)


@dataclass(frozen=True)
class Books:
    """What stands in the tables, without what depends on the order of arrival: versions, times of recording, and since when
    the head says what it says (a record that changed nothing when it came has no entry of its own)."""

    heads: dict[str, Any]
    readings: dict[tuple[str, datetime], Any]
    gaps: dict[tuple[str, datetime], datetime]
    """Since when a deal was not observed, by the instant of the entry that says so."""
    tellers: dict[tuple[str, datetime], Any]
    """Who made the change, by the instant of the entry; None where nobody told."""
    links: list[Any]
    people: dict[tuple[str, datetime], Any]
    current_people: list[Any]
    units: list[Any]


_AS_OF = """
    SELECT DISTINCT ON (v.deal_id, i.at) v.deal_id, i.at, v.content::text
    FROM unnest(CAST(:instants AS timestamptz[])) AS i (at) JOIN deal_version v ON v.valid_from <= i.at
    ORDER BY v.deal_id, i.at, v.valid_from DESC, v.version DESC
"""
_GAPS = """
    SELECT DISTINCT ON (deal_id, valid_from) deal_id, valid_from, unobserved_since FROM deal_version
    ORDER BY deal_id, valid_from, version DESC
"""
_TELLERS = _GAPS.replace("unobserved_since", "changed_by")
_PEOPLE_AS_OF = """
    SELECT DISTINCT ON (v.person_id, i.at) v.person_id, i.at, v.content::text
    FROM unnest(CAST(:instants AS timestamptz[])) AS i (at) JOIN person_version v ON v.valid_from <= i.at
    ORDER BY v.person_id, i.at, v.valid_from DESC, v.version DESC
"""


async def books(session: AsyncSession) -> Books:
    heads = await session.execute(text("SELECT deal_id, content::text FROM deal WHERE version > 0"))
    readings: dict[tuple[str, datetime], Any] = {}
    people: dict[tuple[str, datetime], Any] = {}
    for deal, at, content in await session.execute(text(_AS_OF), {"instants": list(READINGS)}):
        readings[str(deal), at] = standing(content)
    for person, at, content in await session.execute(text(_PEOPLE_AS_OF), {"instants": list(READINGS)}):
        people[str(person), at] = orjson.loads(content)
    gaps = await session.execute(text(_GAPS))
    tellers = await session.execute(text(_TELLERS))
    links = await session.execute(text("SELECT deal_id, lead_id, linked_at FROM lead_link ORDER BY 1, 2"))
    current = await session.execute(text("SELECT person_id, unit_id, manager_id, is_active FROM org_person ORDER BY 1"))
    units = await session.execute(text("SELECT unit_id, min(valid_from) FROM unit_version GROUP BY 1 ORDER BY 1"))
    return Books(
        heads=_present({str(deal): standing(content) for deal, content in heads}),
        readings=_present(readings),
        gaps={(str(deal), at): since for deal, at, since in gaps if since is not None},
        tellers={(str(deal), at): who for deal, at, who in tellers},
        links=[tuple(row) for row in links],
        people=people,
        current_people=[tuple(row) for row in current],
        units=[tuple(row) for row in units],
    )


def standing(content: str | bytes) -> Any:
    """The content; None where the deal is gone without an alias, which is the same as never having been there."""
    found = orjson.loads(content)
    if found["removed"]:
        return found["absorbed_into"]
    return found


def _present(found: dict[Any, Any]) -> dict[Any, Any]:
    return {key: value for key, value in found.items() if value is not None}


def told(session: AsyncSession) -> list[str]:
    """The types of the events that wait for the commit."""
    return [row[3] for row in outbox.pending(session)]
