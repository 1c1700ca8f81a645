"""`make bench-prices`: how long a price check takes beside many won quotes, and publishing their bands.

Quotes are made in the database by a few statements, two lines each; the service publishes their bands itself. Checks of five lines are
asked over HTTP from a process of the service, one after the other on one connection; all of it shares this machine's cores.
"""

import asyncio
import json
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
from pydantic import SecretStr
from sqlalchemy import text

from deploy.local.postgres import Postgres
from deploy.local.scratch import scratch_postgres
from deploy.local.serving import serving
from libs.common import clock, migrations
from libs.common.db import Database
from libs.common.web.auth import Principal
from services.pricing.config import Settings
from services.pricing.guidance import publishing

CHECKS = 200
LINES = 5
PRODUCTS = 200
MARKETS = ("DACH", "Nordics", "Iberia", "Benelux", "Isles")
SEGMENTS = ("enterprise", "mid-market", "small")
SYSTEM = Principal.system("pricing")
Say = Callable[[str], None]

_PRODUCTS = """
    INSERT INTO product (product_id, version, code, name, line, list_price, currency, is_active, valid_from, sequence, mapping_version, digest)
    SELECT md5('product' || n)::uuid, 1, 'P' || n, 'Product ' || n, 'Family ' || n % 20, 50 + n, 'EUR', true, :now, 0, 0, ''
    FROM generate_series(1, :products) n
"""
_DEALS = """
    INSERT INTO deal_reference (deal_id, version, valid_from, name, state, market, segment)
    SELECT md5('deal' || n)::uuid, 1, cast(:now AS timestamptz), 'deal', 'won',
           (cast(:markets AS text[]))[1 + n % 5], (cast(:segments AS text[]))[1 + n / 5 % 3]
    FROM generate_series(1, :quotes) n
"""
_QUOTES = """
    INSERT INTO quote (quote_id, version, deal_id, status, currency, list_amount, net_amount, valid_from, created_at, created_by, request_digest,
                       revised_at, revised_by)
    SELECT md5('quote' || n)::uuid, 2, md5('deal' || n)::uuid, 'accepted', 'EUR', 200, 160, at, at, 'bench', '', at, 'bench'
    FROM (SELECT n, cast(:now AS timestamptz) - make_interval(days => n % 700) AS at FROM generate_series(1, :quotes) n) made
"""
_LINES = """
    INSERT INTO quote_line (quote_id, position, product_id, quantity, list_price, unit_price, discount, net_amount)
    SELECT md5('quote' || n)::uuid, position, md5('product' || 1 + (n * 7 + position * 3) % :products)::uuid, 1, 100, 100,
           (n * 7919::bigint * position % 40) / 100.0, 80
    FROM generate_series(1, :quotes) n, generate_series(1, 2) position
"""


def main(*, quotes: int) -> int:
    """Print what is done and, as the last line, one JSON object."""
    found = run(quotes=quotes, say=lambda said: print(f"prices    | {said}", flush=True))
    print(json.dumps(found, separators=(",", ":")), flush=True)
    return 0


def run(*, quotes: int, say: Say, checks: int = CHECKS) -> dict[str, Any]:
    """Make the quotes, publish their bands, check prices. Seconds for publishing, milliseconds (p50, p95) for a check."""
    with scratch_postgres("pricing") as (postgres, home):
        found, products = asyncio.run(_published(postgres, quotes, say))
        p50, p95 = np.quantile(_checked(postgres, home, products, checks), (0.5, 0.95))
        say(f"{LINES} lines checked in {p50:.1f} ms, in 95 % of {checks} requests within {p95:.1f} ms")
        return found | {"check_p50_ms": round(float(p50), 2), "check_p95_ms": round(float(p95), 2)}


async def _published(postgres: Postgres, quotes: int, say: Say) -> tuple[dict[str, Any], list[UUID]]:
    owner_url = postgres.url("pricing", owner=True)
    await migrations.upgrade("services.pricing", owner_url)
    settings = Settings(database_url=SecretStr(postgres.url("pricing")), owner_database_url=SecretStr(owner_url))
    owner, database = Database(settings.model_copy(update={"database_url": SecretStr(owner_url)})), Database(settings)
    try:
        given = {"now": clock.now(), "quotes": quotes, "products": PRODUCTS}
        async with owner.transaction() as session:
            await session.execute(text(_PRODUCTS), given)
            await session.execute(text(_DEALS), given | {"markets": list(MARKETS), "segments": list(SEGMENTS)})
            await session.execute(text(_QUOTES), given)
            await session.execute(text(_LINES), given)
        async with owner.direct() as connection:
            await connection.execute(text("VACUUM ANALYZE"))
        say(f"{quotes:,} won quotes are there")
        begun = time.monotonic()
        await publishing.publish_quarterly(database, principal=SYSTEM)
        took_s = time.monotonic() - begun
        async with database.reading() as session:
            bands = (await session.execute(text("SELECT count(*) FROM guidance_band"))).scalar_one()
            products = list((await session.execute(text("SELECT product_id FROM product ORDER BY code"))).scalars())
        say(f"{bands:,} bands published in {took_s:.1f} s")
        return {"name": "prices", "quotes": quotes, "bands": bands, "published_s": round(took_s, 1)}, products
    finally:
        await owner.close()
        await database.close()


def _checked(postgres: Postgres, home: Path, products: list[UUID], checks: int) -> list[float]:
    """Milliseconds of each check of the second half; the first warms up."""
    chance = random.Random(7)  # noqa: S311 - which prices are checked is no secret
    with serving("pricing", postgres, home) as caller:
        taken = [
            caller.took_ms(
                "POST",
                "/v1/price-checks",
                {
                    "currency": "EUR",
                    "market": chance.choice(MARKETS),
                    "segment": chance.choice(SEGMENTS),
                    "lines": [
                        {"product_id": str(product), "quantity": "3", "unit_price": "99.50"}
                        for product in chance.sample(products, LINES)
                    ],
                },
            )
            for _ in range(2 * checks)
        ]
    return taken[checks:]
