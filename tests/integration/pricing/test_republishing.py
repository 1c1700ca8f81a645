"""What pricing keeps is told again as it was told: promotions in every version, and what approved quotes leave."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import text

from libs.common.messaging import republishing
from services.pricing.component import COMPONENT
from tests.integration.pricing.desk import MANAGER, SYSTEM, open_desk
from tests.integration.pricing.test_promotions import running

_EVENTS = text(
    """
    SELECT id, key, type, occurred_at, recorded_at, aggregate_version, data FROM outbox
    WHERE type IN ('pricing.promotion.changed.v1', 'pricing.quote.weighed.v1') ORDER BY txid, position
    """
)


async def test_promotions_and_weighed_quotes_are_told_again_as_they_were(api_for: Callable[..., Any]) -> None:
    desk = await open_desk(api_for)
    await running(desk)
    for discount in ("0.15", "0.16"):
        request = (await desk.submit(await desk.quote(discount=discount))).json()
        await desk.decide(request, MANAGER, authority="manager")
    async with desk.database.reading() as session:
        first = list(await session.execute(_EVENTS))

    for source in COMPONENT.republishes:
        await republishing.republish(desk.database, source, principal=SYSTEM)

    async with desk.database.reading() as session:
        again = list(await session.execute(_EVENTS))[len(first) :]
    assert {row.type for row in first} == {"pricing.promotion.changed.v1", "pricing.quote.weighed.v1"}
    assert sorted(row[1:] for row in again) == sorted(row[1:] for row in first)
    assert not {row.id for row in again} & {row.id for row in first}
