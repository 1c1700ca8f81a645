"""Closed deals like one, and how each stood while it was last open. Outcomes are read apart from what is compared."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.organisation import people_seen, scope_parameters, visible
from libs.common.web.auth import Principal
from services.deals.nearest.likeness import Features

EACH_SIDE: Final = 150
"""Of each way of looking, so many deals with a smaller and with a greater amount are compared."""
NARROW: Final = 0.05
"""Up to this share of all people, reading their closed deals by owner costs less than walking the index of amounts of everybody's."""
_CLOSED = "d.state <> 'open' AND d.version > 0 AND NOT d.removed AND NOT d.provisional AND d.deal_id <> :deal_id"
_LIKE = "d.pipeline = :pipeline AND d.currency = :currency"
_ALIKE = "d.product = :product AND d.segment = :segment"

_FEATURES = """
    SELECT (c.content ->> 'amount')::double precision AS amount, c.content ->> 'product' AS product, c.content ->> 'segment' AS segment,
           nullif(c.content ->> 'deal_type', 'unmapped') AS deal_type, CASE WHEN c.is_open THEN c.content ->> 'stage' END AS stage,
           CASE WHEN c.is_open THEN extract(epoch FROM (c.content ->> 'stage_entered_at')::timestamptz
               - (c.content ->> 'created_at')::timestamptz)::double precision / 86400 END AS days_to_stage,
           c.content ->> 'region' AS region,
           (SELECT p.unit_id FROM org_person p WHERE p.person_id = (c.content ->> 'owner_id')::uuid) AS team, d.deal_id
    FROM {deals} d CROSS JOIN LATERAL (
        SELECT coalesce(o.content, d.content) AS content, o.content IS NOT NULL AS is_open
        FROM (SELECT 1) one LEFT JOIN LATERAL (
            SELECT v.content FROM deal_version v
            WHERE v.deal_id = d.deal_id AND v.content ->> 'state' = 'open' AND NOT EXISTS (
                SELECT 1 FROM deal_version c WHERE c.deal_id = v.deal_id AND c.valid_from = v.valid_from AND c.version > v.version
            ) ORDER BY v.valid_from DESC, v.version DESC LIMIT 1
        ) o ON true
    ) c
"""
"""What is compared of a deal: its last entry that holds and is open; without one, what of its only state is no outcome."""

_OF_ONE = _FEATURES.replace("{deals}", "(SELECT d.deal_id, d.content)")
_OF_POOL = _FEATURES.replace(
    "{deals}", "(SELECT d.deal_id, d.content FROM pool JOIN deal d ON d.deal_id = pool.deal_id)"
)
_ONE = text(
    f"""
    SELECT d.pipeline, d.currency, features.* FROM deal d CROSS JOIN LATERAL ({_OF_ONE}) features WHERE d.deal_id = :deal_id
    """  # noqa: S608
)


@dataclass(frozen=True, slots=True)
class Subject:
    """The deal that others are compared with."""

    deal_id: UUID
    pipeline: str
    currency: str | None
    features: Features


async def subject(session: AsyncSession, deal_id: UUID) -> Subject:
    """What is compared of a deal, which the caller found within scope."""
    row = (await session.execute(_ONE, {"deal_id": deal_id})).mappings().one()
    return Subject(deal_id, row["pipeline"], row["currency"], _features(row))


_EVERYBODY = text("SELECT count(*) FROM org_person")


@dataclass(frozen=True, slots=True)
class Bounds:
    """A condition on deals with its values. `narrow`: so few deals meet it that they are better read first and then compared."""

    condition: str = "true"
    values: Mapping[str, Any] = field(default_factory=dict)
    narrow: bool = False


async def bounds(session: AsyncSession, principal: Principal) -> Bounds:
    """That a deal is within scope; where that is a matter of people, as a list of them, which is quick to hold against."""
    if (people := await people_seen(session, principal)) is None:
        return Bounds(visible("d.owner_id"), scope_parameters(principal))
    narrow = len(people) <= NARROW * (await session.scalar(_EVERYBODY) or 0)
    return Bounds("d.owner_id = ANY(cast(:people AS uuid[]))", {"people": people}, narrow)


async def candidates(session: AsyncSession, deal: Subject, *, within: Bounds) -> dict[UUID, Features]:
    """Closed deals of the same pipeline and currency: those whose amounts are next to the deal's, and the same of its product and
    segment; without an amount a sample by id, which is a digest. `within`: what `bounds` gives, or anything, to count only.
    """
    given = {name: getattr(deal.features, name) for name in ("amount", "product", "segment")}
    asked = given | {"deal_id": deal.deal_id, "pipeline": deal.pipeline, "currency": deal.currency, "each": EACH_SIDE}
    like = f"{_CLOSED} AND {_LIKE} AND {within.condition}"
    first, source = "", f"deal d WHERE {like}"
    if within.narrow:
        theirs = f"SELECT d.deal_id, d.amount, d.product, d.segment FROM deal d WHERE {like}"  # noqa: S608
        first, source = f"theirs AS MATERIALIZED ({theirs}), ", "theirs d WHERE true"
    pool = " UNION ".join(f"({each})" for each in _pools(deal, source))
    statement = f"WITH {first}pool AS MATERIALIZED ({pool}) {_OF_POOL}"
    rows = await session.execute(text(statement), asked | dict(within.values))
    return {row["deal_id"]: _features(row) for row in rows.mappings()}


def _pools(deal: Subject, source: str) -> Sequence[str]:
    """The ways of looking. `source`: whence, with conditions."""
    if deal.features.amount is None:
        return [f"SELECT d.deal_id FROM {source} ORDER BY d.deal_id LIMIT 2 * :each"]  # noqa: S608
    ways = [source]
    if deal.features.product is not None and deal.features.segment is not None:
        ways.append(f"{source} AND {_ALIKE}")
    return [
        f"SELECT d.deal_id FROM {way} AND d.amount IS NOT NULL AND d.amount {side} ORDER BY d.amount {order}, d.deal_id {order} LIMIT :each"  # noqa: S608
        for way in ways
        for side, order in (
            (">= CAST(CAST(:amount AS double precision) AS numeric)", ""),
            ("< CAST(CAST(:amount AS double precision) AS numeric)", "DESC"),
        )
    ]


_OUTCOMES = text("""
    SELECT d.deal_id, coalesce(d.name, '') AS name, d.state, d.closed_on, d.amount, d.currency, d.owner_id,
           d.content ->> 'loss_reason' AS loss_reason, d.closed_on - (d.content ->> 'created_at')::timestamptz::date AS days,
           ARRAY(
               SELECT s.competitor FROM (
                   SELECT DISTINCT ON (e.subject) e.said ->> 'competitor' AS competitor, e.said ->> 'state' AS state FROM deal_said e
                   WHERE e.heir = d.deal_id AND e.part = 'competitor' ORDER BY e.subject, e.at DESC, e.version DESC, e.entry_id
               ) s WHERE s.state = 'lost_to' ORDER BY s.competitor
           ) AS lost_to
    FROM deal d WHERE d.deal_id = ANY(CAST(:deals AS uuid[]))
""")


async def outcomes(session: AsyncSession, deals: Collection[UUID]) -> dict[UUID, RowMapping]:
    """What came of closed deals, which the caller found within scope."""
    rows = (await session.execute(_OUTCOMES, {"deals": list(deals)})).mappings()
    return {row["deal_id"]: row for row in rows}


def _features(row: RowMapping) -> Features:
    return Features(**{name: row[name] for name in Features.__slots__})
