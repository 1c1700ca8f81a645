"""Signals as they go out."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from libs.common.web.schemas import Out
from services.deals.signals.switching import Verdict


class RiskOut(Out):
    """Money at risk in one currency: amounts times the measured lift, and times the ends of its interval; rounded by deal."""

    currency: str
    open: Decimal
    at_risk: Decimal
    low: Decimal
    high: Decimal


class LiftOut(Out):
    """What a refit found: the difference of the share won within 90 days, with its 90 % interval; null where there is too little.

    `deals_with` and `deals_without` count deals in strata that have both, `landmarks` their weeks. `is_on`: two refits agreed.
    """

    verdict: Verdict
    is_on: bool
    lift: float | None
    low: float | None
    high: float | None
    chance: float | None
    deals_with: int
    deals_without: int
    landmarks: int


class SignalOut(Out):
    """A signal: its definition, what was measured (null before the first refit), and the open deals within scope that have it."""

    key: str
    name: str
    definition: str
    needs: str
    measured: LiftOut | None
    raised: int
    at_risk: list[RiskOut]


class SignalsOut(Out):
    """All signals. `at_risk`: every deal once, by the signal that lowers its chances most; null before the first refit."""

    as_of: datetime
    refit_as_of: datetime | None
    newest_landmark: date | None
    sampled_deals: int | None
    landmarks: int | None
    raised_deals: int
    at_risk: list[RiskOut] | None
    items: list[SignalOut]


class RefitOut(LiftOut):
    """What one refit found of a signal."""

    as_of: datetime
    newest_landmark: date


class RaisedOn(Out):
    """An open deal on which a signal stands."""

    deal_id: UUID
    name: str | None
    owner_id: UUID | None
    stage: str | None
    close_date: date | None
    amount: Decimal | None
    currency: str | None
    since: datetime


class SignalDetailOut(Out):
    """A signal with its last refits and the largest deals within scope on which it stands."""

    signal: SignalOut
    refits: list[RefitOut]
    deals: list[RaisedOn]


class OnDealOut(Out):
    """A signal of one deal. `holds`: null where nobody can say. `since`: from when it was raised, null unless it stands."""

    key: str
    name: str
    definition: str
    holds: bool | None
    since: datetime | None
    measured: LiftOut | None


class DealSignalsOut(Out):
    """Why a deal is at risk. `at_risk` is by the signal that lowers its chances most; null without one, or without an amount."""

    deal_id: UUID
    as_of: datetime
    refit_as_of: datetime | None
    at_risk: RiskOut | None
    items: list[OnDealOut]
