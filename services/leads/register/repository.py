"""Named queries over leads, their inputs and the deals that name them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.events.leads import LeadState
from libs.common.organisation import scope_parameters, visible
from libs.common.sql import Query
from libs.common.web.auth import Principal
from services.leads.conversion import service as conversion
from services.leads.register.models import LeadRow, NewInput, NewLink
from services.leads.register.timeline import DealLink, Input, input_key, parse_input
from services.leads.register.timeline.inputs import kind_of, time_of

_COLUMNS = "lead_id, version, captured, merged_into, connection, external_id, first_at, state::text AS state"

ANSWERED = """
    least((lead.state ->> 'verdict_at')::timestamptz,
          (SELECT min(e.at) FROM lead_evidence e WHERE e.lead_id = lead.lead_id),
          (SELECT min(i.at) FROM lead_input i
           WHERE i.lead_id = lead.lead_id AND i.kind = 'record' AND i.payload ->> 'status' = 'working'))
"""
"""SQL: when `lead` was first answered by a verdict, a statement, or the CRM's word that somebody works on it; else null."""

_PLACEHOLDERS = text(
    """
    INSERT INTO lead (lead_id)
    SELECT id FROM unnest(cast(:ids AS uuid[])) AS n (id) ORDER BY id
    ON CONFLICT DO NOTHING
    """
)
_LOCK = text(f"SELECT {_COLUMNS} FROM lead WHERE lead_id = ANY(:ids) ORDER BY lead_id FOR UPDATE")  # noqa: S608


async def lock_leads(session: AsyncSession, ids: Iterable[UUID]) -> dict[UUID, LeadRow]:
    """Lock the rows in id order, with placeholders for leads that are not known yet."""
    ordered = sorted(set(ids))
    await session.execute(_PLACEHOLDERS, {"ids": ordered})
    rows = (await session.execute(_LOCK, {"ids": ordered})).mappings()
    return {row["lead_id"]: lead_row(row) for row in rows}


def lead_row(row: object) -> LeadRow:
    """A row of `lead` whose state was selected as text."""
    fields = dict(row)  # type: ignore[call-overload]
    state = fields.pop("state")
    return LeadRow(**fields, state=None if state is None else LeadState.model_validate_json(state))


_VISIBLE = f"""
    SELECT {_COLUMNS} FROM lead
    WHERE lead_id = :lead_id AND version > 0 AND {visible("lead.owner_id")}
"""  # noqa: S608
_READ = text(_VISIBLE)
_READ_LOCKED = text(_VISIBLE + " FOR UPDATE")


async def find_lead(
    session: AsyncSession, lead_id: UUID, *, lock: bool = False, principal: Principal
) -> LeadRow | None:
    """The lead, if it is known and within the principal's scope; optionally locked."""
    query = _READ_LOCKED if lock else _READ
    rows = await session.execute(query, {"lead_id": lead_id, **scope_parameters(principal)})
    row = rows.mappings().one_or_none()
    return None if row is None else lead_row(row)


_TOLD = Query(
    f"""
    SELECT {_COLUMNS}, {conversion.NEWEST_MODEL} AS model_id FROM lead
    WHERE lead_id = :lead_id AND version > 0 AND {visible("lead.owner_id")}
    """  # noqa: S608
)


async def find_lead_told(
    session: AsyncSession, lead_id: UUID, *, principal: Principal
) -> tuple[LeadRow, UUID | None] | None:
    """The lead within the principal's scope and the model that tells its chance, by one statement."""
    rows = await _TOLD.rows(session, {"lead_id": lead_id, **scope_parameters(principal)})
    if not rows:
        return None
    fields = rows[0]._asdict()
    model_id = fields.pop("model_id")
    return lead_row(fields), model_id


_MERGED = text(
    f"""
    WITH RECURSIVE below AS (
        SELECT lead_id FROM lead WHERE merged_into = :lead_id
        UNION SELECT l.lead_id FROM lead l JOIN below ON l.merged_into = below.lead_id
    )
    SELECT {_COLUMNS} FROM lead
    WHERE lead_id IN (SELECT lead_id FROM below) AND lead_id <> :lead_id AND version > 0
    ORDER BY first_at, lead_id
    """  # noqa: S608
)


async def merged_into(session: AsyncSession, lead_id: UUID) -> list[LeadRow]:
    """The leads merged into this one, directly or over others, oldest first. Ends where leads point in a circle."""
    rows = await session.execute(_MERGED, {"lead_id": lead_id})
    return [lead_row(row) for row in rows.mappings()]


_LIST = text(
    f"""
    SELECT {_COLUMNS} FROM lead
    WHERE version > 0
      AND (cast(:verdict AS text) IS NULL OR verdict = :verdict)
      AND (cast(:fit AS text) IS NULL OR fit = :fit)
      AND (cast(:grade AS text) IS NULL OR grade = :grade)
      AND (cast(:region AS text) IS NULL OR region = :region)
      AND (:include_removed OR NOT deleted)
      AND (cast(:after_at AS timestamptz) IS NULL
           OR (first_at, lead_id) < (cast(:after_at AS timestamptz), cast(:after_id AS uuid)))
      AND {visible("lead.owner_id")}
    ORDER BY first_at DESC, lead_id DESC
    LIMIT :limit
    """  # noqa: S608
)


async def list_leads(
    session: AsyncSession,
    *,
    verdict: str | None,
    fit: str | None,
    grade: str | None,
    region: str | None,
    include_removed: bool,
    after: tuple[datetime, UUID] | None,
    limit: int,
    principal: Principal,
) -> list[LeadRow]:
    """Leads within the principal's scope, newest first, after the sort key `after`."""
    after_at, after_id = after or (None, None)
    rows = await session.execute(
        _LIST,
        {
            "verdict": verdict,
            "fit": fit,
            "grade": grade,
            "region": region,
            "include_removed": include_removed,
            "after_at": after_at,
            "after_id": after_id,
            "limit": limit,
            **scope_parameters(principal),
        },
    )
    return [lead_row(row) for row in rows.mappings()]


_STORE = text(
    """
    INSERT INTO lead_input (lead_id, input_key, kind, at, payload, cause, actor, recorded_at)
    SELECT n.lead_id, n.input_key, n.kind, n.at, n.payload::jsonb, n.cause::jsonb, n.actor, :recorded_at
    FROM unnest(
        cast(:lead_ids AS uuid[]), cast(:keys AS text[]), cast(:kinds AS text[]), cast(:ats AS timestamptz[]),
        cast(:payloads AS text[]), cast(:causes AS text[]), cast(:actors AS text[])
    ) AS n (lead_id, input_key, kind, at, payload, cause, actor)
    ON CONFLICT DO NOTHING
    RETURNING lead_id, input_key
    """
)


async def store_inputs(
    session: AsyncSession, inputs: Sequence[NewInput], *, recorded_at: datetime
) -> set[tuple[UUID, str]]:
    """Keep the inputs for ever; returns (lead, key) of those that were not there before."""
    rows = await session.execute(
        _STORE,
        {
            "lead_ids": [new.given.lead_id for new in inputs],
            "keys": [input_key(new.given) for new in inputs],
            "kinds": [kind_of(new.given) for new in inputs],
            "ats": [time_of(new.given) for new in inputs],
            "payloads": [new.given.model_dump_json(exclude_none=True) for new in inputs],
            "causes": [new.cause.model_dump_json(exclude_none=True) for new in inputs],
            "actors": [new.actor for new in inputs],
            "recorded_at": recorded_at,
        },
    )
    return {(row.lead_id, row.input_key) for row in rows}


_INPUTS = text("SELECT lead_id, input_key, kind, payload::text AS payload FROM lead_input WHERE lead_id = ANY(:ids)")


async def load_inputs(session: AsyncSession, ids: Iterable[UUID]) -> dict[UUID, dict[str, Input]]:
    """Everything that was said about the leads, by lead and input key. Read it after locking them."""
    found: dict[UUID, dict[str, Input]] = defaultdict(dict)
    for row in await session.execute(_INPUTS, {"ids": list(ids)}):
        found[row.lead_id][row.input_key] = parse_input(row.kind, orjson.loads(row.payload))
    return found


_LINKS = text("SELECT lead_id, deal_id, created_at, counts FROM deal_link WHERE lead_id = ANY(:ids)")


async def load_links(session: AsyncSession, ids: Iterable[UUID]) -> dict[UUID, list[DealLink]]:
    found: dict[UUID, list[DealLink]] = defaultdict(list)
    for row in await session.execute(_LINKS, {"ids": list(ids)}):
        found[row.lead_id].append(DealLink(row.deal_id, row.created_at, row.counts))
    return found


_LINKED = text("SELECT deal_id, lead_id FROM deal_link WHERE deal_id = ANY(:ids) ORDER BY deal_id FOR UPDATE")
_LINK = text(
    """
    INSERT INTO deal_link AS known (deal_id, lead_id, valid_from, version, created_at, counts)
    SELECT * FROM unnest(
        cast(:deal_ids AS uuid[]), cast(:lead_ids AS uuid[]), cast(:valid_froms AS timestamptz[]),
        cast(:versions AS bigint[]), cast(:created_ats AS timestamptz[]), cast(:counts AS boolean[])
    ) AS n (deal_id, lead_id, valid_from, version, created_at, counts)
    ORDER BY deal_id
    ON CONFLICT (deal_id) DO UPDATE
    SET lead_id = excluded.lead_id, valid_from = excluded.valid_from, version = excluded.version,
        created_at = excluded.created_at, counts = excluded.counts
    WHERE (known.valid_from, known.version) < (excluded.valid_from, excluded.version)
    """
)


async def link_deals(session: AsyncSession, links: Sequence[NewLink]) -> set[UUID]:
    """Remember which lead each deal names, newest entry of its timeline first; returns the leads named before or now.

    `links` holds each deal once. Every deal is remembered, those without a lead too: an older entry that still names
    one may come later.
    """
    ids = [new.link.deal_id for new in links]
    before = {row.lead_id for row in await session.execute(_LINKED, {"ids": sorted(ids)})}
    await session.execute(
        _LINK,
        {
            "deal_ids": ids,
            "lead_ids": [new.lead_id for new in links],
            "valid_froms": [new.valid_from for new in links],
            "versions": [new.version for new in links],
            "created_ats": [new.link.created_at for new in links],
            "counts": [new.link.counts for new in links],
        },
    )
    return {lead for lead in before | {new.lead_id for new in links} if lead is not None}


_WRITE = text(
    """
    WITH written AS (
        UPDATE lead
        SET version = n.version, captured = n.captured, merged_into = n.merged_into, connection = n.connection,
            external_id = n.external_id, first_at = n.first_at, state = n.state::jsonb
        FROM unnest(
            cast(:ids AS uuid[]), cast(:versions AS bigint[]), cast(:captured AS boolean[]), cast(:merged AS uuid[]),
            cast(:connections AS text[]), cast(:external_ids AS text[]), cast(:first_ats AS timestamptz[]),
            cast(:states AS text[])
        ) AS n (lead_id, version, captured, merged_into, connection, external_id, first_at, state)
        WHERE lead.lead_id = n.lead_id
        RETURNING lead.lead_id, lead.version
    )
    INSERT INTO lead_unscored (lead_id, version) SELECT lead_id, version FROM written ORDER BY lead_id
    ON CONFLICT (lead_id) DO UPDATE SET version = excluded.version
    """
)


async def write_leads(session: AsyncSession, rows: Sequence[LeadRow]) -> None:
    """Replace rows that are locked; their chances are to be told anew."""
    if not rows:
        return
    await session.execute(
        _WRITE,
        {
            "ids": [row.lead_id for row in rows],
            "versions": [row.version for row in rows],
            "captured": [row.captured for row in rows],
            "merged": [row.merged_into for row in rows],
            "connections": [row.connection for row in rows],
            "external_ids": [row.external_id for row in rows],
            "first_ats": [row.first_at for row in rows],
            "states": [row.state.model_dump_json() if row.state else None for row in rows],
        },
    )
