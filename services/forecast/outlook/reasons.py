"""What the answers to why a projection moved look like. Money is in the reading's currency and signed, chances are in [0, 1]."""

from datetime import date, datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from libs.common.web.schemas import Out
from services.forecast.movement.schemas import EndOut
from services.forecast.outlook.schemas import PartsOut
from services.forecast.rollup.schemas import PeriodOut, Reading

Term = Literal[
    "won",
    "corrected",
    "reversed",
    "elsewhere",
    "created",
    "reopened",
    "lost",
    "removed",
    "moved_in",
    "moved_out",
    "time",
    "stage",
    "omitted",
    "segment",
    "close_date",
    "pushes",
    "amount",
    "learnt",
    "new_time",
    "new_learnt",
    "due",
    "blend",
]


class ReasonOut(Out):
    """What moved for one reason; `deals`: of how many, null for what is of no deal."""

    term: Term
    amount: Decimal
    deals: int | None


class DealReasonOut(Out):
    """What one reason moved of a deal: of what it adds, and of its chance."""

    term: Term
    amount: Decimal
    chance: float


class DealEndOut(Out):
    """A deal at one end. `chance` to be won in the period, 1 once it is and counts there; `adds` is what the projection has of it."""

    chance: float
    brings: Decimal
    adds: Decimal
    stage: str | None
    amount: Decimal | None
    close_date: date | None


class DealMovedOut(Out):
    """A deal that moved: then + all terms = now, of what it adds and of its chance. `term` moved most. Before the blend.

    Null at an end where nothing was known of it. `changed_at`, `cause_delivery`: its newest entry and what brought it.
    """

    deal_id: UUID
    name: str | None
    change: Decimal
    chance_change: float
    term: Term | None
    terms: list[DealReasonOut]
    then: DealEndOut | None
    now: DealEndOut | None
    changed_at: datetime
    cause_delivery: UUID | None


class OthersMovedOut(Out):
    """What the deals that are not listed moved together."""

    deals: int
    change: Decimal


class _Moved(Reading):
    period: PeriodOut
    since: EndOut
    until: EndOut
    imported_at: datetime | None
    settings: str


class MovedReading(_Moved):
    """Why a projection moved: then.projection + all terms = now.projection, to the cent.

    `deals` moved most, greatest first; they and `others` add up to all terms but those of what is not created yet, what falls
    due and the blend. `residual` is what the terms leave: 0, or a defect.
    """

    then: PartsOut
    now: PartsOut
    change: Decimal
    terms: list[ReasonOut]
    residual: Decimal
    deals: list[DealMovedOut]
    others: OthersMovedOut


class DealMovedReading(_Moved):
    """Why one deal's chance and what it adds moved."""

    deal: DealMovedOut


class LevelOut(Out):
    """A number that somebody or something says of the whole period; null where it is not said."""

    level: Literal["call", "below", "crm", "projection", "target"]
    amount: Decimal | None


class StepOut(Out):
    """What leads from a level to the next that is said: the level it leads to, why, and by how much."""

    to: Literal["below", "crm", "projection", "target"]
    reason: Literal[
        "plug", "judgement", "commit", "closed", "open", "renewals", "not_created", "blend", "short_of_target"
    ]
    amount: Decimal


class BridgeReading(Reading):
    """From a unit's call to its projection and a target: each level that is said + the steps to the next = the next.

    `target_is`: the target was `typed`, or is the unit's `quota`; null without either. `call`: the unit's own. `below`: what those below call, at the CRM's number where nobody did. `crm`: closed won + commit.
    `closed` of the projection differs from that of the call only by what arrived between two readings.
    """

    period: PeriodOut
    deal_type: str | None
    value_basis: str
    target_is: Literal["typed", "quota"] | None
    levels: list[LevelOut]
    steps: list[StepOut]
