"""Chances and models as they go out by HTTP."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from libs.common.web.schemas import Out

Share = Annotated[float, Field(ge=0, le=1)]


class ChanceReasonOut(Out):
    """What one column adds to the log-odds of this lead, against the average lead."""

    column: str
    detail: str
    log_odds: float


class ChanceOut(Out):
    """P(the lead converts within `horizon_days`). logit(chance) = average_log_odds + sum of the reasons' log_odds.

    `prior_share`: how much of it is the rules' prior, the rest rests on `effective_leads` leads like this one. `method` is `rules` where no fitted model has been shown to rank
    better than newest-first; `model_id` is null before the first fit.
    """

    chance: Share
    prior_share: Share
    effective_leads: float
    horizon_days: int
    method: Literal["model", "rules"]
    model_id: UUID | None
    fitted_at: datetime | None
    as_of: datetime
    average_log_odds: float
    reasons: list[ChanceReasonOut]


class IntervalOut(Out):
    low: float
    high: float


class BinOut(Out):
    """Rows of neighbouring chances: what was said and came on average; `low` to `high`: 95 % interval of what came."""

    leads: int
    said: Share
    came: Share
    low: Share
    high: Share


class FiguresOut(Out):
    """How right a model was on the newest leads, which it had not seen. Intervals: 95 %, bootstrap over rows.

    `leads` and `converted` count rows: a lead stands in one for each day of its life on which it is asked.

    `lift`: conversions among the fifth with the best chances over those among the newest fifth; null where those are none.
    """

    leads: int
    converted: int
    said: Share
    came: Share
    auc: float | None
    auc_interval: IntervalOut | None
    newest_first_auc: float | None
    log_loss: float
    log_loss_interval: IntervalOut
    brier: float
    ece: float
    ece_interval: IntervalOut
    lift: float | None
    bins: list[BinOut]


class SegmentOut(FiguresOut):
    by: str
    value: str


class LeakOut(Out):
    column: str
    kind: Literal["modified_after_close", "fill_by_outcome", "too_good"]
    reason: str


class ModelOut(Out):
    """A fit as registered, with why it scores leads or why the rules do. `figures` is null where nothing could be judged."""

    model_id: UUID
    fitted_at: datetime
    method: Literal["model", "rules"]
    why: str
    horizon_days: int
    leads: int
    conversions: int
    rows_per_lead: float
    ridge: float | None
    leaks: list[LeakOut]
    figures: FiguresOut | None


class ModelListOut(Out):
    """The newest first."""

    items: list[ModelOut]


class CalibrationOut(ModelOut):
    """The same with every segment of which enough leads were judged."""

    segments: list[SegmentOut]
