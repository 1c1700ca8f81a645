"""The statements that keep what was told of promotions, and read it as it was known."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from libs.common.events.base import Received
from libs.common.events.pricing import PromotionChanged

_FIELDS = ("promotion_id", "version", "state", "name", "starts_on", "last_day", "currency", "expected", "valid_from")
_KEEP = text(
    f"""
    INSERT INTO promotion_version ({", ".join(_FIELDS)}, recorded_at)
    VALUES ({", ".join(f":{name}" for name in _FIELDS)}, :recorded_at) ON CONFLICT DO NOTHING
    """  # noqa: S608
)


async def append(session: AsyncSession, events: Sequence[Received[PromotionChanged]]) -> None:
    """Keep versions; one that is known already stays as it is."""
    await session.execute(
        _KEEP,
        [{name: getattr(each.data, name) for name in _FIELDS} | {"recorded_at": each.recorded_at} for each in events],
    )


@dataclass(frozen=True, slots=True)
class Standing:
    """A promotion that is approved or running."""

    promotion_id: UUID
    name: str
    state: Literal["approved", "running"]
    starts_on: date
    last_day: date
    currency: str
    expected: Decimal | None


_STANDING = text("""
    SELECT promotion_id, name, state, starts_on, last_day, currency, expected FROM (
        SELECT DISTINCT ON (promotion_id) * FROM promotion_version
        WHERE recorded_at <= :known_at AND valid_from <= :as_of ORDER BY promotion_id, version DESC
    ) newest
    WHERE state IN ('approved', 'running') AND starts_on < :end AND last_day >= :start
    ORDER BY starts_on, promotion_id
""")


async def standing(
    session: AsyncSession, *, start: date, end: date, as_of: datetime, known_at: datetime
) -> list[Standing]:
    """Promotions with a day in [start, end), as valid and as known at two instants."""
    given = {"start": start, "end": end, "as_of": as_of, "known_at": known_at}
    return [Standing(*row) for row in await session.execute(_STANDING, given)]
