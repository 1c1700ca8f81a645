"""What readings of the projection look like. Money is in the reading's currency, chances and shares are in [0, 1]."""

from datetime import date, datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from libs.common.web.schemas import Out
from services.forecast.outlook.falling import DueOut
from services.forecast.rollup.schemas import PeriodOut, Reading


class PartsOut(Out):
    """What the projection is made of: the mean of each part, to the cent. They add up to `projection`."""

    closed: Decimal
    open: Decimal
    not_created: Decimal
    renewals: Decimal
    blend: Decimal
    projection: Decimal


class QuantileOut(Out):
    """The landing below which a share of the distribution lies. Quantiles of parts do not add up to those of the whole."""

    share: float
    amount: Decimal


class BandOut(Out):
    """The range into which the landing falls with probability `share`."""

    share: float
    low: Decimal
    high: Decimal


class WidthOut(Out):
    """By what the model's band was widened: `prior` until nine distinct periods of the engine's own are over, then `learnt`."""

    scale: float
    label: Literal["prior", "learnt"]
    periods: int


class WeightOut(Out):
    """A method in the blend: its weight, and what it says of the whole company's period; null when it says nothing yet."""

    method: str
    weight: float
    amount: Decimal | None


class FanOut(Out):
    """A day of the period: what is closed by its end, or what will be, with the band of 80 %."""

    day: date
    closed: Decimal | None
    low: Decimal | None
    middle: Decimal | None
    high: Decimal | None


class BinOut(Out):
    """A bar of the histogram: the probability that the landing lies in [low, high)."""

    low: Decimal
    high: Decimal
    share: float


class DealOut(Out):
    """An open deal as it stands."""

    deal_id: UUID
    name: str | None
    stage: str | None
    close_date: date | None


class ContributionOut(DealOut):
    """An open deal: its chance to be won in the period, what it brings if it is, and the product of both."""

    chance: float
    brings: Decimal
    expected: Decimal


class TargetOut(Out):
    """The probability that the landing is at least `amount`."""

    amount: Decimal
    probability: float


class SuggestedOut(Out):
    """What to call when too much is `over_cost` times as bad as too little: the landing below which the `share` lies,
    1 / (1 + over_cost).
    """

    amount: Decimal
    share: float
    over_cost: float


class PriorOut(Out):
    """What stands in for history until there is some; `wins` were known to learn from. Answered at set-up at `answered_at`;
    where that is null nobody has answered, and round numbers are assumed.
    """

    win_rate: float
    cycle_days: float
    deals_a_month: float
    won_amount: Decimal | None
    answered_at: datetime | None
    wins: int


class ChangeOut(Out):
    """Whether deals go otherwise of late than on all days counted: how likely that is, and since when if so.

    `wins`, `losses`, `moves`: how many times as fast as on all days; the projection counts with these.
    """

    chance: float
    since: date
    wins: float
    losses: float
    moves: float


class LearntOut(Out):
    """Until when history taught the engine: what was valid and known then. Deals count as they stand at the reading's instants."""

    as_of: datetime
    known_at: datetime


class AnswersNowOut(Out):
    """The method that answers: `blended` or the `engine` alone. Since when, by the rule or a decision, why and by whom; null
    where nobody ever chose and the first method answers.
    """

    method: Literal["blended", "engine"]
    since: datetime | None
    chosen_by: Literal["rule", "decision"] | None
    reason: str | None
    made_by: str | None


class ProjectionReading(Reading):
    """The distribution of what will be closed won at the end of a period.

    The means add up, from deals to nodes; quantiles do not (`quantiles_add` is false for ever). `is_over`: the period has
    ended, the projection is what was closed. `settings`: digest of the engine's settings.
    """

    period: PeriodOut
    is_over: bool
    parts: PartsOut
    bands: list[BandOut]
    quantiles: list[QuantileOut]
    quantiles_add: Literal[False] = False
    width: WidthOut
    blend: list[WeightOut]
    expected_wins: float
    new_wins: float
    fan: list[FanOut]
    histogram: list[BinOut]
    contributions: list[ContributionOut]
    others: Decimal
    """What open deals beside `contributions` bring."""
    due: DueOut | None
    """Null for a period that is over."""
    target: TargetOut | None
    suggested: SuggestedOut | None
    """Null for a period that is over."""
    learnt: LearntOut
    change: ChangeOut
    prior: PriorOut
    answers: AnswersNowOut
    settings: str


class MonthOut(Out):
    """What a part brings in a month: what that is made of, and the range of 80 %. `expected_wins`: beside those that are closed.

    `is_few`: so few wins are expected that single deals carry the number; the part's own projection takes them one by one.
    """

    parts: PartsOut
    low: Decimal
    high: Decimal
    expected_wins: float
    is_few: bool


class MonthsRow(Out):
    """A part, and what it brings in each month. `key` is null for deals that have no value in this dimension.

    `kind` is `unit`, `own` (people who stand in the unit itself), `owner`, `value`, or `total`.
    """

    key: str | None
    kind: Literal["unit", "own", "owner", "value", "total"]
    label: str | None
    months: list[MonthOut]


class MonthsReading(Reading):
    """Twelve months from the one that is not over yet, of every part. Means add over parts, months and down to deals."""

    by: Literal["unit", "owner", "market", "product"]
    periods: list[PeriodOut]
    total: MonthsRow
    rows: list[MonthsRow]
    learnt: LearntOut
    settings: str


class LandingOut(Out):
    """A projection: its parts, its bands, and how likely the target is."""

    parts: PartsOut
    bands: list[BandOut]
    target: TargetOut | None


class EffectOut(Out):
    """What a supposition changes once all before it hold, to the cent, and the projection then. `deal`: the one it is of."""

    suppose: str
    deal: DealOut | None
    change: Decimal
    projection: Decimal


class SupposedReading(Reading):
    """What if: the projection as it is, with everything that was supposed, and what each supposition changes.

    The changes add up from one projection to the other. The blend stays as it is, but never takes away more than is to come.
    """

    period: PeriodOut
    as_is: LandingOut
    supposed: LandingOut
    effects: list[EffectOut]


class NeededDealOut(Out):
    """A deal that would have to be won, and how likely the target is with it and all before it won."""

    deal: DealOut
    probability: float


class NeededReading(Reading):
    """What would have to be true for a `target` to be reached with probability `wanted`; now it is `probability`.

    Each alone would do: the `deals` together (`deals_suffice`; else they are those that help most), a `pace` of wins so many
    times today's, or a `creation` so many times today's; null where not even `most` times would do.
    """

    period: PeriodOut
    target: Decimal
    wanted: float
    probability: float
    deals: list[NeededDealOut]
    deals_suffice: bool
    pace: float | None
    creation: float | None
    most: float


class SayingOut(Out):
    """What would have been said of a past period on a day of it, and whether it came true.

    `commit`: closed and commit on that day. `pacing`: by the share that was closed by that day of earlier periods.
    `last_year`: the same period a year before. Null where it could not be known.
    """

    day: int
    as_of: date
    projection: Decimal
    low: Decimal
    high: Decimal
    hit: bool
    commit: Decimal | None
    pacing: Decimal | None
    last_year: Decimal | None


class PastPeriodOut(Out):
    """A past period: what it came to, and what would have been said of it."""

    period: PeriodOut
    closed: Decimal
    sayings: list[SayingOut]


class MethodOut(Out):
    """A method over the past periods, at one day of them: mean error over what came (WAPE), bias, and how many were judged."""

    day: int
    method: str
    periods: int
    wape: float | None
    bias: float | None


class PastReading(Reading):
    """The company's past periods as the engine would have called them, newest first; empty with the reason in `why_empty`."""

    periods: list[PastPeriodOut]
    methods: list[MethodOut]
    why_empty: str | None
    settings: str
