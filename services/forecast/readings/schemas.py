"""What is open, as it is read."""

from libs.common.web.schemas import Out
from services.forecast.rollup.schemas import PeriodOut, Reading, Sum
from services.forecast.rollup.standing import Bucket


class OpenLines(Out):
    """The lines in which open deals of a period stand."""

    commit: Sum
    most_likely: Sum
    best_case: Sum
    pipeline: Sum


class StageRow(Out):
    """The open deals of a stage. `stage` is null for deals without one.

    Days are local ones from the entry into the stage to the business date: of half of the deals at most `median_days`.
    """

    stage: str | None
    lines: OpenLines
    total: Sum
    median_days: int
    longest_days: int


class OpenMonth(Out):
    """What is open with a close date in one fiscal month."""

    month: str
    label: str
    in_period: bool
    is_current: bool
    lines: OpenLines
    total: Sum


class Care(Out):
    """What of the pipeline needs care.

    `overdue`, `unpriced` (no known amount, so only their number is) and `pushed` (at least `many_pushes` times) are inside the
    lines, and one deal may be in several. `carried_over`, `undated` and `held_back` stand beside the lines.
    """

    overdue: Sum
    unpriced: Sum
    pushed: Sum
    many_pushes: int
    carried_over: Sum
    undated: Sum
    held_back: Sum


class PipelineReading(Reading):
    """What is open of a period. The stages add up to `lines` and `total`; `months` go on beyond the period."""

    period: PeriodOut
    total: Sum
    lines: OpenLines
    stages: list[StageRow]
    months: list[OpenMonth]
    care: Care
    is_empty: bool


class LineByPlan(Out):
    """An open line of the period by where the close plans of its deals end, in half of the cases; the three add up to `total`."""

    line: Bucket
    total: Sum
    within: Sum
    later: Sum
    unplanned: Sum


class ClosePlansReading(Reading):
    """What of the open deals of a period closes after it by their close plans, line by line, as of now."""

    period: PeriodOut
    lines: list[LineByPlan]
