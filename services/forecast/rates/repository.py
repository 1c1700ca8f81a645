"""Rate sets and their rates, every rate ever set."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common import money
from libs.common.sql import Query
from services.forecast.rates.conversion import Entry, Rates

LOCK = 0x52617465
"""Advisory lock: held shared by who values deals, exclusively by who changes rates, so that no deal is valued in between."""


VALUE = """
    CROSS JOIN LATERAL (
        SELECT round(d.amount * (
            SELECT r.rate
            FROM unnest(cast(:rate_from AS date[]), cast(:rate_until AS date[]), cast(:rate_currency AS text[]),
                        cast(:rate AS numeric[])) WITH ORDINALITY AS r (start, until, currency, rate, rank)
            WHERE r.currency = d.currency AND r.start <= d.month AND d.month < r.until
            ORDER BY r.rank LIMIT 1
        ), :places) AS amount_base
    ) a
    CROSS JOIN LATERAL (
        SELECT CASE WHEN d.line IN ('closed_won', 'lost') THEN 0
                    ELSE round(a.amount_base * d.stage_probability, :places) END AS weighted_base
    ) w
"""
"""Joined to deals `d` it gives `a.amount_base` and `w.weighted_base`: the set-based twin of `rollup.standing`, with the same
rounding (half away from zero, per deal). Needs `value_parameters`."""

_EVER = (date(1, 1, 1), date(9999, 12, 31))


def value_parameters(rates: Rates) -> dict[str, Any]:
    """The parameters of `VALUE`: the base currency first, then what the years have of their own, then the default."""
    rows = [(*_EVER, rates.base, Decimal(1))]
    for year in rates.years:
        rows += [(year.start, year.end, currency, rate) for currency, rate in year.to_base.items()]
    rows += [(*_EVER, currency, rate) for currency, rate in rates.default.items()]
    return {
        "rate_from": [row[0] for row in rows],
        "rate_until": [row[1] for row in rows],
        "rate_currency": [row[2] for row in rows],
        "rate": [row[3] for row in rows],
        "places": money.exponent(rates.base),
    }


VERSION = "(SELECT concat(count(*), ' to ', max(recorded_at)) FROM rate)"
"""What names the rates of an instant: they are only ever appended, all of a change with one later time of recording."""

_HOLD = Query(f"SELECT pg_advisory_xact_lock_shared({LOCK})")


async def hold(session: AsyncSession) -> None:
    """Keep rates from changing until this transaction ends. Only a later statement sees those that it keeps."""
    await _HOLD.run(session)


async def hold_alone(session: AsyncSession) -> None:
    """Keep deals from being valued until this transaction ends; waits for those that are."""
    await session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})


async def known(session: AsyncSession, known_at: datetime | None = None) -> dict[int | None, dict[str, Decimal]]:
    """Rates by fiscal year (None is the default set) and currency, as known at `known_at` (now, if None)."""
    rows = await session.execute(
        text(
            """
            SELECT s.fiscal_year, r.currency, r.rate FROM rate_set s
            JOIN (
                SELECT DISTINCT ON (set_name, currency) set_name, currency, rate FROM rate
                WHERE cast(:known_at AS timestamptz) IS NULL OR recorded_at <= :known_at
                ORDER BY set_name, currency, version DESC
            ) r ON r.set_name = s.name
            WHERE r.rate IS NOT NULL
            """
        ),
        {"known_at": known_at},
    )
    sets: dict[int | None, dict[str, Decimal]] = {}
    for row in rows:
        sets.setdefault(row.fiscal_year, {})[row.currency] = row.rate
    return sets


async def entries(session: AsyncSession, known_at: datetime | None = None) -> list[Entry]:
    """Every rate that was ever set, as known at `known_at` (now, if None), oldest first."""
    rows = await session.execute(
        text(
            """
            SELECT s.fiscal_year, r.currency, r.rate, r.recorded_at, r.recorded_by = 'shipped'
            FROM rate_set s JOIN rate r ON r.set_name = s.name
            WHERE cast(:known_at AS timestamptz) IS NULL OR r.recorded_at <= :known_at
            ORDER BY r.recorded_at, r.set_name, r.currency, r.version
            """
        ),
        {"known_at": known_at},
    )
    return [Entry(*row) for row in rows]


async def version_at(session: AsyncSession, known_at: datetime) -> str:
    """What names the rates that were known at an instant."""
    found = await session.scalar(
        text("SELECT concat(count(*), ' to ', max(recorded_at)) FROM rate WHERE recorded_at <= :known_at"),
        {"known_at": known_at},
    )
    return str(found)


async def store(
    session: AsyncSession,
    rates: Mapping[str, Decimal | None],
    *,
    fiscal_year: int | None,
    recorded_at: datetime,
    recorded_by: str,
) -> None:
    """Append rates to a fiscal year's set, which is made if need be; a null rate ends a currency."""
    name = "default" if fiscal_year is None else f"FY{fiscal_year:04}"
    await session.execute(
        text("INSERT INTO rate_set VALUES (:name, :fiscal_year, 'EUR') ON CONFLICT DO NOTHING"),
        {"name": name, "fiscal_year": fiscal_year},
    )
    await session.execute(
        text(
            """
            INSERT INTO rate (set_name, currency, version, rate, recorded_at, recorded_by)
            SELECT :name, n.currency,
                   1 + coalesce((SELECT max(version) FROM rate r
                                 WHERE r.set_name = :name AND r.currency = n.currency), 0),
                   n.rate, :recorded_at, :recorded_by
            FROM unnest(cast(:currencies AS text[]), cast(:rates AS numeric[])) AS n (currency, rate)
            """
        ),
        {
            "name": name,
            "currencies": list(rates),
            "rates": list(rates.values()),
            "recorded_at": recorded_at,
            "recorded_by": recorded_by,
        },
    )
