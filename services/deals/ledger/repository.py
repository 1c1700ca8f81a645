"""The ledger's named queries, set-based: a batch of hundreds of deals costs a handful of statements.

`ANY(ARRAY(SELECT unnest(...)))` instead of `ANY(...)`: the planner then expects the same number of ids whatever it is given,
so PostgreSQL plans the statement once per connection, and it looks ids up by index although a recordset may be joined to them.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from pydantic import TypeAdapter
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.events.base import Cause
from libs.common.events.crm import CrmDealChanged
from libs.common.events.deals import DealState
from libs.common.events.pricing import QuoteState
from libs.common.organisation import visible
from libs.common.sql import Query
from services.deals.chronicle import Moment
from services.deals.ledger.timeline import Content, Fold, GateDecision

CONTENT = TypeAdapter(Content)
FOLD = TypeAdapter(Fold)


@dataclass(frozen=True, slots=True)
class Input:
    """An input to be kept: `key` is the same for every repetition of it."""

    deal_id: UUID
    kind: str
    key: str
    valid_from: datetime
    event_id: UUID
    payload: CrmDealChanged | QuoteState | GateDecision


@dataclass(frozen=True, slots=True)
class Head:
    """A locked deal row. `folded_to` is None when no input was ever folded; `head` is None before the first entry."""

    deal_id: UUID
    version: int
    folded_to: datetime | None
    head: Moment[Content] | None
    fold: str | None


@dataclass(frozen=True, slots=True)
class Entry:
    """A version to append."""

    deal_id: UUID
    version: int
    moment: Moment[Content]
    event: type[DealState]
    cause: Cause
    delivery_received_at: datetime | None


_KNOW_DEALS = Query("""
    INSERT INTO deal (deal_id) SELECT unnest(CAST(:deals AS uuid[])) ON CONFLICT DO NOTHING
""")
_LOCK_DEALS = Query("""
    SELECT deal_id, version, folded_to, valid_from, content::text AS content, fold::text AS fold
    FROM deal WHERE deal_id = ANY(ARRAY(SELECT unnest(CAST(:deals AS uuid[])))) ORDER BY deal_id FOR UPDATE
""")


async def lock_deals(session: AsyncSession, deals: Mapping[UUID, bool]) -> dict[UUID, Head]:
    """Lock the deals' rows in id order, making placeholders unless all of them are known to have a row."""
    if not deals:
        return {}
    ids = sorted(deals)
    if not all(deals.values()):
        await _KNOW_DEALS.run(session, {"deals": ids})
    heads: dict[UUID, Head] = {}
    for row in await _LOCK_DEALS.rows(session, {"deals": ids}):
        head = Moment(row.valid_from, CONTENT.validate_json(row.content)) if row.content else None
        heads[row.deal_id] = Head(row.deal_id, row.version, row.folded_to, head, row.fold)
    return heads


_KEEP_INPUTS = Query("""
    INSERT INTO deal_input (deal_id, kind, input_key, valid_from, event_id, payload)
    SELECT n.deal_id, n.kind, n.input_key, n.valid_from, n.event_id, CAST(n.payload AS jsonb)
    FROM unnest(CAST(:deals AS uuid[]), CAST(:kinds AS text[]), CAST(:keys AS text[]), CAST(:times AS timestamptz[]),
                CAST(:events AS uuid[]), CAST(:payloads AS text[]))
      AS n (deal_id, kind, input_key, valid_from, event_id, payload)
    ON CONFLICT DO NOTHING RETURNING deal_id, kind, input_key
""")


async def keep_inputs(session: AsyncSession, inputs: Sequence[Input]) -> set[tuple[UUID, str, str]]:
    """Keep what was not known; returns (deal, kind, key) of those."""
    if not inputs:
        return set()
    values = {
        "deals": [item.deal_id for item in inputs],
        "kinds": [item.kind for item in inputs],
        "keys": [item.key for item in inputs],
        "times": [item.valid_from for item in inputs],
        "events": [item.event_id for item in inputs],
        "payloads": [item.payload.model_dump_json(exclude_defaults=True) for item in inputs],
    }
    return set(await _KEEP_INPUTS.rows(session, values))


@dataclass(slots=True)
class Kept:
    """Inputs of deals, by deal."""

    records: dict[UUID, list[CrmDealChanged]] = field(default_factory=dict)
    quotes: dict[UUID, list[QuoteState]] = field(default_factory=dict)
    decisions: dict[UUID, list[GateDecision]] = field(default_factory=dict)

    def add(self, deal_id: UUID, payload: CrmDealChanged | QuoteState | GateDecision) -> None:
        if isinstance(payload, CrmDealChanged):
            self.records.setdefault(deal_id, []).append(payload)
        elif isinstance(payload, QuoteState):
            self.quotes.setdefault(deal_id, []).append(payload)
        else:
            self.decisions.setdefault(deal_id, []).append(payload)


_INPUTS = Query("SELECT deal_id, kind, payload::text AS payload FROM deal_input WHERE deal_id = ANY(:deals)")
_KINDS: Mapping[str, type[CrmDealChanged | QuoteState | GateDecision]] = {
    "crm": CrmDealChanged,
    "quote": QuoteState,
    "gate": GateDecision,
}


async def inputs_of(session: AsyncSession, deals: Collection[UUID]) -> Kept:
    """All kept inputs of these deals."""
    kept = Kept()
    if deals:
        for deal_id, kind, payload in await _INPUTS.rows(session, {"deals": list(deals)}):
            kept.add(deal_id, _KINDS[kind].model_validate_json(payload))
    return kept


_STORED = Query("""
    SELECT DISTINCT ON (deal_id, valid_from)
        deal_id, valid_from, content::text AS content, source_recorded_at, reconstructed, unobserved_since,
        changed_by
    FROM deal_version WHERE deal_id = ANY(:deals) ORDER BY deal_id, valid_from, version DESC
""")


async def stored_entries(session: AsyncSession, deals: Collection[UUID]) -> dict[UUID, list[Moment[Content]]]:
    """What readers now see of each timeline: per instant the newest version, in time order."""
    entries: dict[UUID, list[Moment[Content]]] = {}
    if deals:
        for row in await _STORED.rows(session, {"deals": list(deals)}):
            content = CONTENT.validate_json(row.content)
            entry = Moment(
                row.valid_from,
                content,
                row.source_recorded_at,
                row.reconstructed,
                row.unobserved_since,
                row.changed_by,
            )
            entries.setdefault(row.deal_id, []).append(entry)
    return entries


COLUMNS = (
    "name",
    "state",
    "pipeline",
    "stage",
    "category",
    "gate",
    "amount",
    "currency",
    "close_date",
    "closed_on",
    "owner_id",
    "account_id",
    "lead_id",
    "region",
    "market",
    "segment",
    "product",
    "provisional",
    "absorbed_into",
    "removed",
)
"""Content that the current row repeats as columns, to be searched; the same as in `_WRITE`."""

_WRITE = Query("""
    WITH appended AS (
        INSERT INTO deal_version
        SELECT * FROM json_populate_recordset(NULL::deal_version, CAST(CAST(:entries AS text) AS json))
    )
    UPDATE deal SET
        folded_to = n.folded_to, fold = n.fold, version = n.version, valid_from = n.valid_from, content = n.content,
        recorded_at = coalesce(n.recorded_at, deal.recorded_at),
        name = n.name, state = n.state, pipeline = n.pipeline, stage = n.stage, category = n.category, gate =
        n.gate, amount = n.amount, currency = n.currency, close_date = n.close_date, closed_on = n.closed_on,
        owner_id = n.owner_id, account_id = n.account_id, lead_id = n.lead_id, region = n.region, market =
        n.market, segment = n.segment, product = n.product, provisional = n.provisional, absorbed_into =
        n.absorbed_into, removed = n.removed
    FROM json_populate_recordset(NULL::deal, CAST(CAST(:rows AS text) AS json)) n
    WHERE deal.deal_id = n.deal_id AND deal.deal_id = ANY(ARRAY(SELECT unnest(CAST(:deals AS uuid[]))))
""")


@dataclass(frozen=True, slots=True)
class Turned:
    """A deal row after a batch. `fold` is None where every input means a full fold (provisional deals)."""

    deal_id: UUID
    version: int
    head: Moment[Content] | None
    folded_to: datetime | None
    fold: Fold | None
    is_new_version: bool


async def write(
    session: AsyncSession, entries: Iterable[Entry], turned: Sequence[Turned], *, recorded_at: datetime
) -> None:
    """Append versions and write the current rows; a deal with new versions is among the turned ones."""
    if not turned:
        return
    contents: dict[int, orjson.Fragment] = {}
    versions = [_version(entry, contents, recorded_at) for entry in entries]
    rows = [_row(deal, contents, recorded_at) for deal in turned]
    values = {
        "entries": orjson.dumps(versions, default=str).decode(),
        "rows": orjson.dumps(rows, default=str).decode(),
        "deals": [deal.deal_id for deal in turned],
    }
    await _WRITE.run(session, values)


def _version(entry: Entry, contents: dict[int, orjson.Fragment], recorded_at: datetime) -> dict[str, Any]:
    return {
        "deal_id": entry.deal_id,
        "version": entry.version,
        "valid_from": entry.moment.valid_from,
        "recorded_at": recorded_at,
        "source_recorded_at": entry.moment.source_recorded_at,
        "reconstructed": entry.moment.reconstructed,
        "unobserved_since": entry.moment.unobserved_since,
        "changed_by": entry.moment.changed_by,
        "event": entry.event.TYPE,
        "cause": entry.cause.model_dump(mode="json", exclude_none=True),
        "delivery_received_at": entry.delivery_received_at,
        "content": _dumped(entry.moment.content, contents),
    }


def _row(deal: Turned, contents: dict[int, orjson.Fragment], recorded_at: datetime) -> dict[str, Any]:
    row: dict[str, Any] = {
        "deal_id": deal.deal_id,
        "version": deal.version,
        "folded_to": deal.folded_to,
        "fold": orjson.Fragment(FOLD.dump_json(deal.fold)) if deal.fold else None,
        "recorded_at": recorded_at if deal.is_new_version else None,
        "provisional": False,
        "removed": False,
    }
    if deal.head is not None:
        row |= {column: getattr(deal.head.content, column) for column in COLUMNS}
        row["valid_from"] = deal.head.valid_from
        row["content"] = _dumped(deal.head.content, contents)
    return row


def _dumped(content: Content, contents: dict[int, orjson.Fragment]) -> orjson.Fragment:
    """The content as JSON, made once for the entry and the row that share it. `contents` are those made, by identity."""
    made = contents.get(id(content))
    if made is None:
        made = contents[id(content)] = orjson.Fragment(CONTENT.dump_json(content))
    return made


_GATE = text(
    "SELECT d.gate FROM deal d WHERE d.deal_id = :deal_id AND d.version > 0 AND {visible}".replace(
        "{visible}", visible("d.owner_id")
    )
)


async def gate_of(session: AsyncSession, deal_id: UUID, scope: Mapping[str, Any]) -> str | None:
    """A deal's gate; None if there is no such deal within scope."""
    found: str | None = await session.scalar(_GATE, {"deal_id": deal_id, **scope})
    return found


_GATE_DECISIONS = text("""
    SELECT payload::text FROM deal_input WHERE deal_id = :deal_id AND kind = 'gate' ORDER BY valid_from, input_key
""")


async def gate_decisions(session: AsyncSession, deal_id: UUID) -> list[str]:
    """What people decided about a deal's gate, as JSON, oldest first."""
    return list((await session.execute(_GATE_DECISIONS, {"deal_id": deal_id})).scalars())
