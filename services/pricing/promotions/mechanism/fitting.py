"""What fits a budget and what does not, once deals came back that had given their part of it back.

A CRM is not refused: a deal that it reopens takes of a promotion again what its quotes take, and the budget may have gone to others
meanwhile. Those who took it while it was free keep it; what came back last is over it first.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Standing:
    """What a quote takes now. `lost_at`: when its deal was last lost or removed, None if never; `quoted_at` of its newest revision."""

    quote_id: UUID
    amount: Decimal
    quoted_at: datetime
    lost_at: datetime | None


def beyond(budget: Decimal, standing: Iterable[Standing]) -> dict[UUID, Decimal]:
    """What each quote takes beyond the budget; together they are what the budget is overrun by. In any order the same."""
    found: dict[UUID, Decimal] = {}
    taken = Decimal()
    for each in sorted(standing, key=_turn):
        before, taken = taken, taken + each.amount
        found[each.quote_id] = max(Decimal(), taken - max(budget, before))
    return found


def _turn(each: Standing) -> tuple[bool, datetime, datetime, UUID]:
    """Those whose deal never left by their day, then those that came back, by when they had left."""
    return each.lost_at is not None, each.lost_at or each.quoted_at, each.quoted_at, each.quote_id
