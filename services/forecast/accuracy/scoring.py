"""Value added per step: each step's error on identical node x period x lead time sets. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

Step = Literal["naive", "crm", "reps", "managers", "adjusted"]
STEPS: tuple[Step, ...] = ("naive", "crm", "reps", "managers", "adjusted")
"""In the order in which a forecast is made."""

LEAST_PERIODS = 6
_PLACES = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class Case:
    """One node x period x lead time: what came, and what each step had said; None where it had said nothing."""

    period: str
    lead_weeks: int
    actual: Decimal
    said: Mapping[Step, Decimal | None]


@dataclass(frozen=True, slots=True)
class Score:
    """One step. `wape` and `bias` are shares of what came, None where nothing came (then only `absolute_error` speaks).

    `value_added` is WAPE(naive) - WAPE(step), `value_added_to_previous` against the step before. Both are None as long as it
    is too early.
    """

    step: Step
    absolute_error: Decimal
    wape: Decimal | None
    bias: Decimal | None
    value_added: Decimal | None
    value_added_to_previous: Decimal | None


@dataclass(frozen=True, slots=True)
class Scores:
    """All steps on one set. `too_early` says why no value is shown; None when there are enough periods."""

    n: int
    periods: int
    too_early: str | None
    steps: tuple[Score, ...]


def score(cases: Sequence[Case]) -> Scores:
    """Score every step on the cases in which every step has said something."""
    usable = [case for case in cases if all(case.said.get(step) is not None for step in STEPS)]
    periods = len({case.period for case in usable})
    early = None
    if periods < LEAST_PERIODS:
        early = f"too early: {periods} of at least {LEAST_PERIODS} closed periods have been locked"
    came = sum((case.actual for case in usable), Decimal())
    scores: list[Score] = []
    for step in STEPS:
        errors = [_said(case, step) - case.actual for case in usable]
        total = sum((abs(error) for error in errors), Decimal())
        wape = None if early or came <= 0 else total / came
        bias = None if early or came <= 0 else sum(errors, Decimal()) / came
        scores.append(
            Score(
                step,
                total,
                _share(wape),
                _share(bias),
                _difference(scores[0].wape if scores else None, wape),
                _difference(scores[-1].wape if scores else None, wape),
            )
        )
    return Scores(len(usable), periods, early, tuple(scores))


def _said(case: Case, step: Step) -> Decimal:
    said = case.said[step]
    assert said is not None  # noqa: S101 - only such cases are used
    return said


def _share(value: Decimal | None) -> Decimal | None:
    return None if value is None else value.quantize(_PLACES)


def _difference(before: Decimal | None, wape: Decimal | None) -> Decimal | None:
    share = _share(wape)
    return None if before is None or share is None else before - share
