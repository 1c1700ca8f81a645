"""How right the projection was. Shares of money are in [0, 1] or above; null says that it is too early or that nothing came."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from libs.common.web.schemas import In, Out
from services.forecast.calls.steps import NodeKind
from services.forecast.champion.methods import Method as Name
from services.forecast.record.judging import Closer

By = Literal["lead", "day", "node"]
PartKind = Literal["lead", "day", "unit", "person"]


class CoverageOut(Out):
    """The share of `n` locks of `periods` distinct periods for which it held; `low`, `high`: its interval of 95 %."""

    share: float
    n: int
    periods: int
    low: float
    high: float


class ComparedOut(Out):
    """The mean logarithm of our WAPE over the method's with its interval of 95 %: below 0 the projection was nearer."""

    log_ratio: float
    low: float
    high: float


class MethodOut(Out):
    """A method over the locks at which it said something.

    WAPE is the sum of its errors over the sum of what came, bias the same with signs, CRPS and the interval score of its
    band of 80 % are means over the mean of what came; `remaining` is over what came after the locks. `foretell_wape` is ours
    on the same locks; `closer` says who was nearer as far as the interval of the difference tells.
    """

    method: str
    n: int
    periods: int
    absolute_error: Decimal
    wape: float | None
    wape_remaining: float | None
    bias: float | None
    bias_remaining: float | None
    crps: float | None
    interval_score: float | None
    cover_80: CoverageOut | None
    foretell_wape: float | None
    compared: ComparedOut | None
    closer: Closer | None


class ChosenOut(Out):
    """A choice of the method that answers from `made_at` on, by the rule or by somebody's decision."""

    method: Name
    chosen_by: Literal["rule", "decision"]
    reason: str
    made_by: str
    made_at: datetime


class ChosenIn(In):
    """A decision: which method answers from now on, and why."""

    method: Name
    reason: Annotated[str, Field(min_length=1, max_length=1000)]


class EvidenceOut(Out):
    """Both methods over the company's weekly locks of periods closed since the last choice. `compared`: the champion against the
    challenger, above 0 the challenger was nearer. `is_met`: the rule says to switch.
    """

    n: int
    periods: int
    champion_wape: float | None
    challenger_wape: float | None
    compared: ComparedOut | None
    is_met: bool
    why: str


class ChampionOut(Out):
    """The method that answers at two instants, and the one kept beside it. `chosen` is null where nobody ever chose.

    The rule switches when the challenger's error is smaller by `least_gain`, beyond the paired interval, over six periods.
    """

    as_of: datetime
    known_at: datetime
    method: Name
    challenger: Name
    chosen: ChosenOut | None
    evidence: EvidenceOut
    least_gain: float
    history: list[ChosenOut]


class JudgedOut(Out):
    """All methods on the locks of one set, ours first. The noise floor is the WAPE of a forecaster who knows every chance."""

    n: int
    periods: int
    too_early: str | None
    noise_floor: float | None
    noise_floor_remaining: float | None
    cover_95: CoverageOut | None
    methods: list[MethodOut]


class PartOut(JudgedOut):
    """The same of some of the locks: so many weeks before the end, of a third of the period, or of a node below.

    `kind` says which, and what `key` is; people have no label here.
    """

    kind: PartKind
    key: str
    label: str | None


class LevelOut(Out):
    """What was said to stay below an amount with probability `said`, and how often it did."""

    said: float
    came: CoverageOut


class AccuracyOut(Out):
    """Weekly locks scored at what had been won when their period was closed.

    `waiting`: locks of periods not closed yet. `made_late`: locks whose projection was made later than an hour after, from
    both clocks. `settings`: digests of the engine's settings that the locks were made with.
    """

    as_of: datetime
    known_at: datetime
    node_kind: NodeKind
    node_id: UUID
    deal_type: str | None
    value_basis: str
    currency: str
    ahead: int
    by: By
    settings: list[str]
    excluded_incomplete: int
    unknown_completeness: int
    made_late: int
    waiting: int
    overall: JudgedOut
    reliability: list[LevelOut]
    parts: list[PartOut]
