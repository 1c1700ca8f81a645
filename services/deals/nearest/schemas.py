"""The nearest closed deals as they go out."""

from datetime import date, datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from libs.common.web.schemas import Out


class NearOut(Out):
    """A closed deal and what came of it. `distance` in [0, 1]; `same`: what they have in common; `times`: its amount by this one's."""

    deal_id: UUID
    name: str
    distance: float
    same: list[str]
    times: float | None
    stage: str | None
    state: Literal["won", "lost"]
    closed_on: date | None
    days: int | None
    amount: Decimal | None
    currency: str | None
    owner_id: UUID | None
    loss_reason: str | None
    lost_to: list[str]


class NearestOut(Out):
    """The nearest closed deals within scope, the nearest first.

    `compared`: closed deals of the pipeline and currency that were looked at. `hidden`: of the nearest of the whole company how many you
    may not see. `weights`: what counts for how much. `why_none` says why there are none.
    """

    deal_id: UUID
    as_of: datetime
    items: list[NearOut]
    won: int
    compared: int
    hidden: int
    weights: dict[str, float]
    why_none: str | None
