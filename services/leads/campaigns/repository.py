"""Named queries over campaigns, costs, and the leads and deals that came of them."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.events.deals import DealState
from libs.common.organisation import scope_parameters, visible
from libs.common.web.auth import Principal

_LOCK_KEY = 0x63616D70

NEWEST = "SELECT DISTINCT ON (campaign_id) * FROM campaign ORDER BY campaign_id, version DESC"


async def lock(session: AsyncSession) -> None:
    """Let one transaction at a time change campaigns and costs."""
    await session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})


async def campaigns(session: AsyncSession) -> list[Any]:
    """Each as its newest version has it, by name."""
    return list(await session.execute(text(f"SELECT * FROM ({NEWEST}) AS c ORDER BY name, campaign_id")))  # noqa: S608


async def add_campaign(session: AsyncSession, values: dict[str, Any]) -> None:
    await session.execute(
        text(
            """
            INSERT INTO campaign (campaign_id, version, name, source, channel, market, said_by, recorded_at)
            VALUES (:campaign_id, :version, :name, :source, :channel, :market, :said_by, :recorded_at)
            """
        ),
        values,
    )


async def add_costs(session: AsyncSession, costs: Sequence[dict[str, Any]], *, said_by: str, at: datetime) -> None:
    """Keep costs; what is there already with the same amount stays. The caller has locked campaigns."""
    await session.execute(
        text(
            """
            INSERT INTO campaign_cost (campaign_id, day, currency, version, amount, said_by, recorded_at)
            SELECT :campaign_id, :day, :currency, coalesce(max(version), 0) + 1, :amount, :said_by, :at
            FROM campaign_cost WHERE campaign_id = :campaign_id AND day = :day AND currency = :currency
            HAVING (array_agg(amount ORDER BY version DESC))[1] IS DISTINCT FROM cast(:amount AS numeric)
            """
        ),
        [{**each, "said_by": said_by, "at": at} for each in costs],
    )


async def costs(session: AsyncSession, campaign_id: UUID) -> list[Any]:
    """The newest version of each day and currency, newest day first; at most 1,000."""
    query = text(
        """
        SELECT * FROM (
            SELECT DISTINCT ON (day, currency) * FROM campaign_cost WHERE campaign_id = :campaign_id
            ORDER BY day, currency, version DESC
        ) AS newest ORDER BY day DESC, currency LIMIT 1000
        """
    )
    return list(await session.execute(query, {"campaign_id": campaign_id}))


async def total_costs(session: AsyncSession, *, since: date, until: date) -> list[Any]:
    """(campaign_id, currency, amount) of the days, both included."""
    query = text(
        """
        SELECT campaign_id, currency, sum(amount) AS amount FROM (
            SELECT DISTINCT ON (campaign_id, day, currency) * FROM campaign_cost WHERE day BETWEEN :since AND :until
            ORDER BY campaign_id, day, currency, version DESC
        ) AS newest GROUP BY 1, 2
        """
    )
    return list(await session.execute(query, {"since": since, "until": until}))


_DEALS = text(
    """
    INSERT INTO lead_deal AS known
        (deal_id, lead_id, valid_from, version, state, amount, currency, probability, closed_on, counts)
    SELECT * FROM unnest(
        cast(:deal_ids AS uuid[]), cast(:lead_ids AS uuid[]), cast(:valid_froms AS timestamptz[]),
        cast(:versions AS bigint[]), cast(:states AS text[]), cast(:amounts AS numeric[]), cast(:currencies AS text[]),
        cast(:probabilities AS numeric[]), cast(:closed AS date[]), cast(:counts AS boolean[])
    ) AS n (deal_id, lead_id, valid_from, version, state, amount, currency, probability, closed_on, counts)
    ORDER BY deal_id
    ON CONFLICT (deal_id) DO UPDATE
    SET lead_id = excluded.lead_id, valid_from = excluded.valid_from, version = excluded.version, state = excluded.state,
        amount = excluded.amount, currency = excluded.currency, probability = excluded.probability,
        closed_on = excluded.closed_on, counts = excluded.counts
    WHERE (known.valid_from, known.version) < (excluded.valid_from, excluded.version)
    """
)


async def keep_deals(session: AsyncSession, deals: Sequence[DealState]) -> None:
    """Keep the newest entry of each deal's timeline; `deals` holds each once."""
    await session.execute(
        _DEALS,
        {
            "deal_ids": [deal.deal_id for deal in deals],
            "lead_ids": [deal.lead_id for deal in deals],
            "valid_froms": [deal.valid_from for deal in deals],
            "versions": [deal.version for deal in deals],
            "states": [deal.state for deal in deals],
            "amounts": [deal.amount for deal in deals],
            "currencies": [deal.currency for deal in deals],
            "probabilities": [deal.stage_probability for deal in deals],
            "closed": [deal.closed_on for deal in deals],
            "counts": [not (deal.removed or deal.absorbed_into) for deal in deals],
        },
    )


_TOUCHED = f"""
    WITH newest AS ({NEWEST}), told AS (
        SELECT lead.lead_id, lead.verdict, lead.state ->> 'market' AS market,
               date_trunc('month', first_at AT TIME ZONE cast(:zone AS text))::date AS month,
               CASE :touch WHEN 'first' THEN coalesce(state ->> 'first_source', state ->> 'source')
                           ELSE coalesce(state ->> 'last_source', state ->> 'source') END AS source,
               CASE :touch WHEN 'first' THEN state ->> 'first_campaign' ELSE state ->> 'last_campaign' END AS campaign
        FROM lead
        WHERE version > 0 AND NOT deleted
          AND first_at >= cast(:since AS timestamptz) AND first_at < cast(:until AS timestamptz)
          AND {visible("lead.owner_id")}
    ), claimed AS (
        SELECT told.*, c.campaign_id FROM told
        LEFT JOIN LATERAL (
            SELECT n.campaign_id FROM newest n
            WHERE lower(n.name) = lower(told.campaign)
               OR (n.source IS NOT NULL AND lower(n.source) = lower(told.source)
                   AND (n.market IS NULL OR lower(n.market) = lower(told.market)))
            ORDER BY lower(n.name) = lower(coalesce(told.campaign, '')) DESC, n.market IS NULL, n.name, n.campaign_id
            LIMIT 1
        ) AS c ON true
    )
"""  # noqa: S608
_LEADS = text(
    f"""{_TOUCHED}
    SELECT campaign_id, CASE WHEN campaign_id IS NULL THEN coalesce(campaign, source) END AS source,
           count(*) AS leads, count(*) FILTER (WHERE verdict = 'qualified') AS accepted
    FROM claimed GROUP BY 1, 2
    """  # noqa: S608
)
_MONEY = text(
    f"""{_TOUCHED}
    SELECT campaign_id, CASE WHEN campaign_id IS NULL THEN coalesce(campaign, source) END AS source, d.currency,
           count(*) AS deals, count(*) FILTER (WHERE d.state = 'won') AS won_deals,
           coalesce(sum(d.amount) FILTER (WHERE d.state = 'won'), 0) AS won,
           coalesce(sum(d.amount) FILTER (WHERE d.state = 'open'), 0) AS pipeline,
           coalesce(sum(round(d.amount * coalesce(d.probability, 0), 2)) FILTER (WHERE d.state = 'open'), 0) AS weighted
    FROM claimed JOIN lead_deal d ON d.lead_id = claimed.lead_id AND d.counts GROUP BY 1, 2, 3
    """  # noqa: S608
)


async def became(
    session: AsyncSession, *, touch: str, since: datetime, until: datetime, principal: Principal
) -> tuple[list[Any], list[Any]]:
    """Of leads that arrived in [since, until): counts by campaign or source, and deals with money by currency too."""
    given = {"touch": touch, "since": since, "until": until, "zone": "UTC", **scope_parameters(principal)}
    return list(await session.execute(_LEADS, given)), list(await session.execute(_MONEY, given))


_LEADS_MONTHLY = text(
    f"""{_TOUCHED}
    SELECT month, campaign_id, count(*) AS leads, count(*) FILTER (WHERE verdict = 'qualified') AS accepted
    FROM claimed WHERE campaign_id IS NOT NULL GROUP BY 1, 2
    """  # noqa: S608
)
_MONEY_MONTHLY = text(
    f"""{_TOUCHED}
    SELECT month, campaign_id, d.currency, count(*) AS deals, count(*) FILTER (WHERE d.state = 'won') AS won_deals,
           sum(d.amount) FILTER (WHERE d.state = 'won') AS won, sum(d.amount) FILTER (WHERE d.state = 'open') AS pipeline
    FROM claimed JOIN lead_deal d ON d.lead_id = claimed.lead_id AND d.counts
    WHERE campaign_id IS NOT NULL GROUP BY 1, 2, 3
    """  # noqa: S608
)


async def became_monthly(
    session: AsyncSession, *, touch: str, since: datetime, until: datetime, zone: str, principal: Principal
) -> tuple[list[Any], list[Any]]:
    """The same by the month in which the leads arrived, in a time zone, of campaigns alone."""
    given = {"touch": touch, "since": since, "until": until, "zone": zone, **scope_parameters(principal)}
    return list(await session.execute(_LEADS_MONTHLY, given)), list(await session.execute(_MONEY_MONTHLY, given))


async def costs_monthly(session: AsyncSession, *, since: date) -> list[Any]:
    """(month, campaign_id, currency, amount) of the days from `since` on."""
    query = text(
        """
        SELECT date_trunc('month', day)::date AS month, campaign_id, currency, sum(amount) AS amount FROM (
            SELECT DISTINCT ON (campaign_id, day, currency) * FROM campaign_cost WHERE day >= :since
            ORDER BY campaign_id, day, currency, version DESC
        ) AS newest GROUP BY 1, 2, 3
        """
    )
    return list(await session.execute(query, {"since": since}))


_SEEN = text(
    """
    SELECT (SELECT sum(next_offset) FROM consumer_position) AS read, (SELECT count(*) FROM campaign) AS campaigns,
           (SELECT count(*) FROM campaign_cost) AS costs,
           (SELECT (txid::text, position) FROM outbox ORDER BY txid DESC, position DESC LIMIT 1)::text AS written
    """
)


async def seen(session: AsyncSession) -> tuple[Any, ...]:
    """What differs when anything may have changed by which campaigns are counted."""
    return tuple((await session.execute(_SEEN)).one())


async def told(session: AsyncSession, *, since: date) -> dict[tuple[UUID, date], tuple[int, dict[str, Any]]]:
    """Version and content of what was told last, by campaign and month."""
    rows = await session.execute(
        text(
            """
            SELECT DISTINCT ON (campaign_id, month) campaign_id, month, version, content FROM campaign_told
            WHERE month >= :since ORDER BY campaign_id, month, version DESC
            """
        ),
        {"since": since},
    )
    return {(row.campaign_id, row.month): (row.version, row.content) for row in rows}


async def keep_told(session: AsyncSession, rows: Sequence[dict[str, Any]]) -> None:
    """Append what is told now; the caller has locked campaigns."""
    await session.execute(
        text(
            """
            INSERT INTO campaign_told (campaign_id, month, version, content, recorded_at)
            VALUES (:campaign_id, :month, :version, cast(:content AS jsonb), :recorded_at)
            """
        ),
        list(rows),
    )
