"""What was answered at set-up, and what the engine makes of it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from services.forecast.projection.settings import DEFAULT, Settings


@dataclass(frozen=True, slots=True)
class Answered:
    """Four answers, which hold from `given_at` on: share of deals won, median days from creation to close, deals created a
    month, and what a won deal brings on average in `currency`.
    """

    win_rate: Decimal
    cycle_days: Decimal
    deals_a_month: Decimal
    won_amount: Decimal
    currency: str
    given_by: str
    given_at: datetime


def in_force(answered: Sequence[Answered], at: datetime) -> Answered | None:
    """The newest that was given by an instant; they come oldest first."""
    return next((each for each in reversed(answered) if each.given_at <= at), None)


def settings_of(answer: Answered | None, *, currency: str) -> Settings:
    """The engine's settings with an answer instead of its own round numbers.

    The amount is left out where totals are asked in another currency than it was given in.
    """
    if answer is None:
        return DEFAULT
    return replace(
        DEFAULT,
        win_rate=float(answer.win_rate),
        cycle=float(answer.cycle_days),
        deals_a_month=float(answer.deals_a_month),
        won_amount=float(answer.won_amount) if answer.currency == currency else None,
    )
