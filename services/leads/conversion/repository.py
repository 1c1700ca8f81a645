"""Named queries: what was known of past leads and what came of them, models."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.leads.conversion.models import ModelRow

_PAST = text(
    """
    WITH chosen AS MATERIALIZED (
        SELECT lead_id, first_at FROM lead
        WHERE version > 0 AND merged_into IS NULL AND first_at <= cast(:until AS timestamptz)
        ORDER BY first_at DESC, lead_id DESC LIMIT :most
    ),
    story AS MATERIALIZED (
        SELECT chosen.lead_id, greatest(chosen.first_at, min(said.at) FILTER (WHERE said.kind = 'record')) AS seen_at,
               chosen.first_at,
               min(said.at) FILTER (WHERE said.payload ->> 'status' IN ('qualified', 'converted', 'disqualified')
                   OR said.payload ->> 'verdict' IN ('qualified', 'rejected')
                   OR said.payload ->> 'converted_deal_id' IS NOT NULL
                   OR (said.payload ->> 'deleted')::boolean) AS left_at,
               least(
                   min(said.at) FILTER (WHERE said.kind = 'record' AND (said.payload ->> 'status' = 'converted'
                       OR said.payload ->> 'converted_deal_id' IS NOT NULL)),
                   (SELECT min(created_at) FROM deal_link WHERE deal_link.lead_id = chosen.lead_id AND counts)
               ) AS converted_at
        FROM chosen JOIN lead_input AS said ON said.lead_id = chosen.lead_id
        GROUP BY chosen.lead_id, chosen.first_at
    ),
    asked AS (
        SELECT story.*, story.seen_at + age AS at FROM story CROSS JOIN unnest(cast(:ages AS interval[])) AS age
    ),
    known AS (
        SELECT asked.*, facts.payload FROM asked CROSS JOIN LATERAL (
            SELECT said.payload FROM lead_input AS said
            WHERE said.lead_id = asked.lead_id AND said.kind = 'record' AND said.at <= asked.at
            ORDER BY said.at DESC LIMIT 1
        ) AS facts
        WHERE asked.at <= cast(:until AS timestamptz)
          AND (asked.left_at IS NULL OR asked.left_at > asked.at)
          AND (asked.converted_at IS NULL OR asked.converted_at > asked.at)
    )
    SELECT count(DISTINCT lead_id) AS leads,
           count(DISTINCT lead_id) FILTER (WHERE converted_at <= at + cast(:horizon AS interval)) AS conversions,
           array_agg((converted_at IS NOT NULL AND converted_at <= at + cast(:horizon AS interval))::int ORDER BY first_at, lead_id, at) AS came,
           array_agg(payload ->> 'source' ORDER BY first_at, lead_id, at) AS source,
           array_agg(payload ->> 'region' ORDER BY first_at, lead_id, at) AS region,
           array_agg(payload ->> 'market' ORDER BY first_at, lead_id, at) AS market,
           array_agg(payload ->> 'segment' ORDER BY first_at, lead_id, at) AS segment,
           array_agg(payload ->> 'product' ORDER BY first_at, lead_id, at) AS product,
           array_agg(payload ->> 'industry' ORDER BY first_at, lead_id, at) AS industry,
           array_agg(payload ->> 'role' ORDER BY first_at, lead_id, at) AS role,
           array_agg((payload ->> 'employees')::float8 ORDER BY first_at, lead_id, at) AS employees,
           array_agg((payload ->> 'engagement_count')::float8 ORDER BY first_at, lead_id, at) AS touches,
           array_agg(date_part('epoch', at - (payload ->> 'last_activity_at')::timestamptz) / 86400
                     ORDER BY first_at, lead_id, at) AS silent_days,
           array_agg(date_part('epoch', at - first_at) / 86400 ORDER BY first_at, lead_id, at) AS age_days
    FROM known
    """
)


async def past_leads(
    session: AsyncSession, *, until: datetime, horizon: timedelta, ages: Sequence[timedelta], most: int
) -> dict[str, Any]:
    """The newest `most` leads first seen before `until`, each on the days of its life at `ages` on which it still waited.

    A row is what records said up to that day and whether the lead converted within `horizon` of it; rows in the order of
    the leads' creation, as parallel lists (None without a row). A lead that had left the queue when it was first heard of
    has no row: nobody knows what was known of it before.
    """
    found = await session.execute(_PAST, {"until": until, "horizon": horizon, "ages": list(ages), "most": most})
    return dict(found.mappings().one())


class Newest(NamedTuple):
    model_id: UUID
    fitted_at: datetime


async def newest_model(session: AsyncSession) -> Newest | None:
    query = text("SELECT model_id, fitted_at FROM lead_model ORDER BY fitted_at DESC, model_id DESC LIMIT 1")
    row = (await session.execute(query)).one_or_none()
    return None if row is None else Newest(*row)


_COLUMNS = "model_id, fitted_at, method, why, horizon_days, leads, conversions, ridge"
_MODEL = text(
    f"""
    SELECT {_COLUMNS}, figures::text AS figures, segments::text AS segments, leaks::text AS leaks,
           parameters::text AS parameters
    FROM lead_model WHERE model_id = :model_id
    """  # noqa: S608
)
_MODELS = text(
    f"""
    SELECT {_COLUMNS}, figures::text AS figures, '[]' AS segments, leaks::text AS leaks,
           jsonb_build_object('rows_per_lead', parameters -> 'rows_per_lead')::text AS parameters
    FROM lead_model ORDER BY fitted_at DESC, model_id DESC LIMIT :most
    """  # noqa: S608
)


async def find_model(session: AsyncSession, model_id: UUID) -> ModelRow | None:
    row = (await session.execute(_MODEL, {"model_id": model_id})).mappings().one_or_none()
    return None if row is None else _row(dict(row))


async def list_models(session: AsyncSession, *, most: int) -> list[ModelRow]:
    """The newest models first, without segments and with `rows_per_lead` as their only parameter."""
    return [_row(dict(row)) for row in (await session.execute(_MODELS, {"most": most})).mappings()]


def _row(fields: dict[str, Any]) -> ModelRow:
    for name in ("figures", "segments", "leaks", "parameters"):
        fields[name] = None if fields[name] is None else orjson.loads(fields[name])
    return ModelRow(**fields)


_ADD = text(
    f"""
    INSERT INTO lead_model ({_COLUMNS}, figures, segments, leaks, parameters, recorded_at)
    VALUES (:model_id, :fitted_at, :method, :why, :horizon_days, :leads, :conversions, :ridge,
            cast(:figures AS jsonb), cast(:segments AS jsonb), cast(:leaks AS jsonb), cast(:parameters AS jsonb), :recorded_at)
    """  # noqa: S608
)


async def add_model(session: AsyncSession, row: ModelRow, *, recorded_at: datetime) -> None:
    """Register a fit; the registry is only ever appended to."""
    documents = {
        name: None if (value := getattr(row, name)) is None else orjson.dumps(value).decode()
        for name in ("figures", "segments", "leaks", "parameters")
    }
    plain = {name.strip(): getattr(row, name.strip()) for name in _COLUMNS.split(",")}
    await session.execute(_ADD, {**plain, **documents, "recorded_at": recorded_at})
