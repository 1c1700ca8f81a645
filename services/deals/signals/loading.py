"""Deals with all that signals look at, read in parts. Deal ids are digests, so the first of them by id are a fair sample."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.deals.ledger.repository import CONTENT
from services.deals.ledger.timeline import Content
from services.deals.signals.facts import Deal, Entry, Facts, Pair, PlanTold, Promise, known_from

_SAMPLE = text("""
    SELECT deal_id FROM deal WHERE version > 0 AND NOT provisional AND (CAST(:after AS uuid) IS NULL OR deal_id > :after)
    ORDER BY deal_id LIMIT :limit
""")
_CONCERNED = text("""
    SELECT d.deal_id FROM deal d
    WHERE d.version > 0 AND (CAST(:after AS uuid) IS NULL OR d.deal_id > :after)
      AND (d.state = 'open' AND NOT d.removed AND NOT d.provisional
           OR EXISTS (SELECT 1 FROM deal_signal s WHERE s.deal_id = d.deal_id AND s.raised))
    ORDER BY d.deal_id LIMIT :limit
""")


async def sample(session: AsyncSession, *, after: UUID | None, limit: int) -> list[UUID]:
    """The next deals by id, whatever became of them; without provisional ones."""
    return list((await session.scalars(_SAMPLE, {"after": after, "limit": limit})).all())


async def concerned(session: AsyncSession, *, after: UUID | None, limit: int) -> list[UUID]:
    """The next deals by id that are open, or of which a signal still stands."""
    return list((await session.scalars(_CONCERNED, {"after": after, "limit": limit})).all())


_ENTRIES = text("""
    SELECT deal_id, version, valid_from, recorded_at, source_recorded_at, reconstructed, content::text AS content
    FROM deal_version WHERE deal_id = ANY(CAST(:deals AS uuid[])) ORDER BY deal_id, valid_from, version
""")
_PROMISES = text("""
    SELECT deal_id, commitment_id, entry_id, kind, at, due, recorded_at FROM commitment_entry
    WHERE deal_id = ANY(CAST(:deals AS uuid[]))
""")
_PLANS = text("SELECT * FROM close_plan_told WHERE deal_id = ANY(CAST(:deals AS uuid[]))")


async def deals(session: AsyncSession, wanted: Collection[UUID]) -> list[Deal]:
    """These deals with their entries, promises and how their plans stood, by id."""
    values = {"deals": list(wanted)}
    entries: dict[UUID, list[Entry]] = defaultdict(list)
    for row in await session.execute(_ENTRIES, values):
        known = known_from(row.valid_from, row.recorded_at, row.source_recorded_at, reconstructed=row.reconstructed)
        entries[row.deal_id].append(
            Entry(row.valid_from, row.version, known, facts(CONTENT.validate_json(row.content)))
        )
    promises: dict[UUID, list[Promise]] = defaultdict(list)
    for row in await session.execute(_PROMISES, values):
        said = Promise(row.commitment_id, row.entry_id, row.kind, row.at, row.due, row.recorded_at)
        promises[row.deal_id].append(said)
    plans: dict[UUID, list[PlanTold]] = defaultdict(list)
    for row in await session.execute(_PLANS, values):
        plans[row.deal_id].append(PlanTold(row.version, row.recorded_at, row.p50_on))
    return [Deal(deal, entries[deal], promises.get(deal, ()), plans.get(deal, ())) for deal in sorted(entries)]


def facts(content: Content) -> Facts:
    """What signals look at of an entry's content."""
    return Facts(
        state=content.state,
        pipeline=content.pipeline,
        stage=content.stage,
        stage_entered_at=content.stage_entered_at,
        created_at=content.created_at,
        stage_probability=content.stage_probability,
        amount=content.amount,
        currency=content.currency,
        close_date=content.close_date,
        owner_id=content.owner_id,
        account_id=content.account_id,
        segment=content.segment,
        has_next_step=content.next_step is not None if content.next_step_known else None,
        last_activity_at=content.last_activity_at,
        activity_known=content.activity_known,
        economic_buyer_until=content.economic_buyer_until,
        threads_until=content.threads_until,
        pushes=content.pushes,
        counts=not content.removed and not content.provisional,
    )


_COVER = text("""
    SELECT account_id, ours, theirs, at, recorded_at, cadence_days, ended FROM cover_entry
    WHERE CAST(:accounts AS uuid[]) IS NULL OR account_id = ANY(CAST(:accounts AS uuid[]))
    ORDER BY account_id, ours, theirs, at, entry_id
""")
_SPOKE = text("""
    SELECT p.ours, p.theirs, t.at, e.recorded_at
    FROM (SELECT DISTINCT ours, theirs FROM cover_entry
          WHERE CAST(:accounts AS uuid[]) IS NULL OR account_id = ANY(CAST(:accounts AS uuid[]))) p
    JOIN touchpoint t ON t.contacts @> ARRAY[p.theirs] AND t.ours @> ARRAY[p.ours] AND NOT t.withdrawn
    JOIN touchpoint_entry e ON e.entry_id = t.entry_id
""")
_TOLD = text("SELECT EXISTS (SELECT 1 FROM touchpoint)")


async def pairs(session: AsyncSession, accounts: Collection[UUID] | None = None) -> Mapping[UUID, Sequence[Pair]]:
    """By account the executives who look after each other, of all accounts or of some; none while nobody tells touchpoints."""
    if not await session.scalar(_TOLD):
        return {}
    values = {"accounts": None if accounts is None else list(accounts)}
    spoke: dict[tuple[UUID, UUID], list[tuple[datetime, datetime]]] = defaultdict(list)
    for row in await session.execute(_SPOKE, values):
        spoke[row.ours, row.theirs].append((row.at, row.recorded_at))
    said: dict[tuple[UUID, UUID, UUID], list[tuple[datetime, datetime, int, bool]]] = defaultdict(list)
    for row in await session.execute(_COVER, values):
        said[row.account_id, row.ours, row.theirs].append((row.at, row.recorded_at, row.cadence_days, row.ended))
    found: dict[UUID, list[Pair]] = defaultdict(list)
    for (account, ours, theirs), each in said.items():
        found[account].append(Pair(tuple(each), tuple(spoke.get((ours, theirs), ()))))
    return found
