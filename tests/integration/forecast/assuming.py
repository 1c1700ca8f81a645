"""A company of two teams whose win rate falls in the middle of a year, week by week as it was recorded."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.integration.forecast.given import deal, named

BEGAN = datetime(2024, 1, 1, 9, tzinfo=UTC)
FELL = datetime(2025, 7, 7, tzinfo=UTC)
NOW = datetime(2025, 12, 1, 9, tzinfo=UTC)
"""A Monday, before that day's lock."""
A_WEEK = 14
SELLERS = ("ada", "ben")
TEAMS = {"north/one": ["ada"], "south/two": ["ben"]}


def company(*, until: datetime = NOW, falls: datetime = FELL) -> list[Any]:
    """Fourteen deals a week, decided after thirty days: two of five won, from `falls` on one of five."""
    return [event for week in range((until - BEGAN).days // 7) for event in _of_week(week, until, falls)]


def _of_week(week: int, until: datetime, falls: datetime) -> Iterator[Any]:
    for place in range(A_WEEK):
        number = week * A_WEEK + place
        born = BEGAN + timedelta(weeks=week, hours=place * 11)
        ended = born + timedelta(days=30)
        about: dict[str, Any] = {
            "owner_id": named(SELLERS[place % 2]),
            "created_at": born,
            "stage_entered_at": born,
            "amount": Decimal(1000 + 40 * (number % 11)),
            "close_date": ended.date(),
            "category": "pipeline",
        }
        yield deal(f"deal {number}", recorded_at=born, valid_from=born, **about)
        if ended < until:
            is_won = number % 5 < (2 if ended < falls else 1)
            about |= {"state": "won" if is_won else "lost", "closed_on": ended.date(), "category": None}
            yield deal(f"deal {number}", 2, recorded_at=ended, valid_from=ended, **about)


def clean_up(on: datetime, *, count: int = 60) -> list[Any]:
    """One person loses many deals at once, which says nothing of winning."""
    events = []
    for number in range(count):
        born = on - timedelta(days=200)
        about: dict[str, Any] = {"owner_id": named("ada"), "created_at": born, "stage_entered_at": born}
        events.append(deal(f"stale {number}", recorded_at=born, valid_from=born, **about))
        lost: dict[str, Any] = {"state": "lost", "closed_on": on.date(), "category": None, "changed_by": named("ada")}
        events.append(deal(f"stale {number}", 2, recorded_at=on, valid_from=on, **about, **lost))
    return events
