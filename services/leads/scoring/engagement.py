"""Engagement: what the buyer did, fading with a half-life of 30 days since the last sign of life."""

from datetime import datetime, timedelta

from libs.common.events.leads import Reason

HALF_LIFE_DAYS = 30.0
MOST_COUNTED = 20
"""Touches beyond this number say nothing more."""

SILENT_AFTER_DAYS = 90
SILENCE_POINTS = -2


def engagement_points(count: int, age_days: float) -> int:
    """`count` touches, the last `age_days` ago, halved every 30 days and rounded half up; at most 20."""
    worth = min(max(count, 0), MOST_COUNTED) * 0.5 ** (max(age_days, 0.0) / HALF_LIFE_DAYS)
    return int(worth + 0.5)


def engagement_reasons(*, count: int | None, last_activity_at: datetime | None, as_of: datetime) -> tuple[Reason, ...]:
    """Reasons from the number of touches and the time since the last; none when nothing is known.

    Touches without a date count as if they were one half-life old; a date without a number is one touch. A date after
    `as_of` (clocks differ) counts as now.
    """
    if count is None and last_activity_at is None:
        return ()
    touches = count if count is not None else 1
    if last_activity_at is None:
        points = engagement_points(touches, HALF_LIFE_DAYS)
        return (Reason(rule="activity", detail=f"{touches} touches, undated", points=points),)
    age = max(as_of - last_activity_at, timedelta())
    days = age.total_seconds() / 86_400
    reasons = [
        Reason(
            rule="activity",
            detail=f"{touches} touches, the last {age.days} days before {as_of.date().isoformat()}",
            points=engagement_points(touches, days),
        )
    ]
    if days > SILENT_AFTER_DAYS:
        reasons.append(
            Reason(rule="silence", detail=f"nothing for more than {SILENT_AFTER_DAYS} days", points=SILENCE_POINTS)
        )
    return tuple(reasons)
