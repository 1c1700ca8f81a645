"""The ledgers of closings and of restatements, and the wins that they are about."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import organisation
from services.forecast.periods.counting import Decision
from services.forecast.periods.states import Change

LOCK = 0x50657264
"""Advisory lock: one change of the ledgers at a time."""


@dataclass(frozen=True, slots=True)
class Span:
    """Days of a fiscal month whose wins are looked at if their deal was recorded after `since`, imported ones on request."""

    month: date
    start: date
    until: date
    since: datetime
    with_imported: bool


@dataclass(frozen=True, slots=True)
class Win:
    """A deal that is won now. `won_known_at`: when it became known as won on `booked_on`, without interruption since."""

    deal_id: UUID
    name: str
    owner_id: UUID | None
    amount: Decimal | None
    deal_currency: str | None
    amount_base: Decimal | None
    booked_on: date
    reconstructed: bool
    won_known_at: datetime


async def hold_alone(session: AsyncSession) -> None:
    """Keep others from changing the ledgers until this transaction ends."""
    await session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})


async def ledger(session: AsyncSession, *, known_at: datetime | None = None) -> list[Change]:
    """All closings and reopenings, oldest first; those known at `known_at` if given."""
    rows = await session.execute(
        text(
            """
            SELECT period, start, until, state, changed_at, changed_by, reason FROM period_change
            WHERE cast(:known_at AS timestamptz) IS NULL OR changed_at <= :known_at ORDER BY position
            """
        ),
        {"known_at": known_at},
    )
    return [Change(*row) for row in rows]


async def append_changes(session: AsyncSession, changes: Sequence[Change]) -> list[int]:
    """Append entries in order; returns their positions."""
    rows = await session.execute(
        text(
            """
            INSERT INTO period_change (period, start, until, state, changed_at, changed_by, reason)
            SELECT n.period, n.start, n.until, n.state, n.at, n.by, n.reason
            FROM unnest(cast(:periods AS text[]), cast(:starts AS date[]), cast(:untils AS date[]), cast(:states AS text[]),
                        cast(:ats AS timestamptz[]), cast(:bys AS text[]), cast(:reasons AS text[]))
              WITH ORDINALITY AS n (period, start, until, state, at, by, reason, place)
            ORDER BY n.place RETURNING position
            """
        ),
        {
            "periods": [change.period for change in changes],
            "starts": [change.start for change in changes],
            "untils": [change.until for change in changes],
            "states": [change.state for change in changes],
            "ats": [change.at for change in changes],
            "bys": [change.by for change in changes],
            "reasons": [change.reason for change in changes],
        },
    )
    return sorted(row.position for row in rows)


async def decisions(
    session: AsyncSession, deals: Sequence[UUID] | None = None, *, known_at: datetime | None = None
) -> dict[UUID, list[Decision]]:
    """Finance's decisions about these deals (all, if None), oldest first; those known at `known_at` if given."""
    rows = await session.execute(
        text(
            """
            SELECT deal_id, won_known_at, booked_on, counted_on, decided_at, decided_by, reason FROM restatement
            WHERE (cast(:deals AS uuid[]) IS NULL OR deal_id = ANY(cast(:deals AS uuid[])))
              AND (cast(:known_at AS timestamptz) IS NULL OR decided_at <= :known_at) ORDER BY position
            """
        ),
        {"deals": list(deals) if deals is not None else None, "known_at": known_at},
    )
    found: dict[UUID, list[Decision]] = {}
    for deal_id, *decision in rows:
        found.setdefault(deal_id, []).append(Decision(*decision))
    return found


async def append_decisions(
    session: AsyncSession, made: Mapping[UUID, Decision], *, booked_in: Mapping[UUID, str], counted_in: str
) -> None:
    """Append one decision per deal."""
    await session.execute(
        text(
            """
            INSERT INTO restatement (deal_id, won_known_at, booked_on, booked_period, counted_on, counted_period,
                                     decided_at, decided_by, reason)
            VALUES (:deal_id, :won_known_at, :booked_on, :booked_period, :counted_on, :counted_period, :at, :by, :reason)
            """
        ),
        [
            {
                "deal_id": deal_id,
                "won_known_at": decision.won_known_at,
                "booked_on": decision.booked_on,
                "booked_period": booked_in[deal_id],
                "counted_on": decision.counted_on,
                "counted_period": counted_in,
                "at": decision.at,
                "by": decision.by,
                "reason": decision.reason,
            }
            for deal_id, decision in made.items()
        ],
    )


_WINS = f"""
    WITH looked_at AS (
        SELECT d.deal_id
        FROM unnest(cast(:months AS date[]), cast(:starts AS date[]), cast(:untils AS date[]),
                    cast(:since AS timestamptz[]), cast(:imported AS boolean[])) AS s (month, start, until, since, imported)
        JOIN deal_current d ON d.line = 'closed_won' AND d.month = s.month AND d.recorded_at > s.since
        WHERE coalesce(d.closed_on, d.close_date) >= s.start AND coalesce(d.closed_on, d.close_date) < s.until
          AND (s.imported OR NOT d.reconstructed)
        UNION SELECT unnest(cast(:always AS uuid[]))
    ), candidate AS (
        SELECT d.deal_id, d.name, d.owner_id, d.amount, d.currency, d.amount_base, d.reconstructed,
               coalesce(d.closed_on, d.close_date) AS booked_on
        FROM looked_at JOIN deal_current d USING (deal_id)
        WHERE d.line = 'closed_won' AND coalesce(d.closed_on, d.close_date) IS NOT NULL
          AND (cast(:deals AS uuid[]) IS NULL OR d.deal_id = ANY(cast(:deals AS uuid[])))
          AND {organisation.visible("d.owner_id")}
    ), version AS (
        SELECT v.deal_id, v.version, v.valid_from, v.recorded_at,
               v.state = 'won' AND NOT v.removed AND v.absorbed_into IS NULL
               AND coalesce(v.closed_on, v.close_date) IS NOT DISTINCT FROM c.booked_on AS is_so
        FROM deal_version v JOIN candidate c USING (deal_id)
    ), otherwise AS (
        SELECT deal_id, max(valid_from) AS until FROM (
            SELECT DISTINCT ON (deal_id, valid_from) deal_id, valid_from, is_so FROM version
            ORDER BY deal_id, valid_from, version DESC
        ) seen WHERE NOT is_so GROUP BY deal_id
    ), known AS (
        SELECT v.deal_id, min(v.recorded_at) AS won_known_at
        FROM version v LEFT JOIN otherwise o USING (deal_id)
        WHERE v.is_so AND (o.until IS NULL OR v.valid_from > o.until) GROUP BY v.deal_id
    )
    SELECT c.deal_id, c.name, c.owner_id, c.amount, c.currency AS deal_currency, c.amount_base, c.booked_on,
           c.reconstructed, k.won_known_at
    FROM candidate c JOIN known k USING (deal_id)
    WHERE cast(:after_at AS timestamptz) IS NULL OR (k.won_known_at, c.deal_id) > (:after_at, cast(:after_id AS uuid))
    ORDER BY k.won_known_at, c.deal_id LIMIT :limit
"""  # noqa: S608 - the condition of scope is a constant
"""A closing is what stands in the timeline without a break: won, and booked on one day. A second one after a reopening, or
a move to another day, became known with its own first version; a corrected copy of a known one changes nothing."""


async def wins(
    session: AsyncSession,
    spans: Sequence[Span],
    *,
    scope: Mapping[str, Any],
    deals: Sequence[UUID] | None = None,
    always: Sequence[UUID] = (),
    after: tuple[datetime, UUID] | None = None,
    limit: int | None = None,
) -> list[Win]:
    """Deals that are won in one of `spans` or among `always`, within scope, by when that became known.

    Restricted to `deals` if given. Only deals recorded after a span's `since` are looked at: others were known before it.
    """
    rows = await session.execute(
        text(_WINS),
        {
            "months": [span.month for span in spans],
            "starts": [span.start for span in spans],
            "untils": [span.until for span in spans],
            "since": [span.since for span in spans],
            "imported": [span.with_imported for span in spans],
            "deals": list(deals) if deals is not None else None,
            "always": list(always),
            "after_at": after[0] if after else None,
            "after_id": after[1] if after else None,
            "limit": limit,
            **scope,
        },
    )
    return [Win(**row) for row in rows.mappings()]
