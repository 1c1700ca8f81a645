"""The rule by which the challenger becomes champion: better beyond the paired interval, by one per cent, over six periods."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from services.forecast.record.judging import OURS, Case
from services.forecast.record.several import SHARES
from services.forecast.record.switching import CHALLENGER, evidence


def cases(ours: list[float], theirs: list[float]) -> list[Case]:
    """A lock per period, of which each says by how much each method is off 100."""
    first = datetime(2024, 1, 1, tzinfo=UTC)
    found = []
    for number, (off, other) in enumerate(zip(ours, theirs, strict=True)):
        due = first + timedelta(days=91 * number)
        found.append(
            Case(
                due_at=due,
                closed_at=due + timedelta(days=91),
                period=date(2024, 1, 1) + timedelta(days=91 * number),
                closed=20.0,
                came=100.0,
                said={OURS: 100 + off, CHALLENGER: 100 + other},
                quantiles=np.linspace(60, 140, len(SHARES)),
                shares=SHARES,
                band_80=(68.0, 132.0),
                band_95=None,
                expected_wins=10.0,
                size_cv=None,
            )
        )
    return found


TEN = [10.0, -12.0, 9.0, -11.0, 10.0, 12.0, -9.0, 10.0]


@pytest.mark.parametrize(
    ("theirs", "is_met", "why"),
    [
        ([each / 2 for each in TEN], True, "better by 50.0%, beyond the paired interval"),
        ([each * 0.993 for each in TEN], False, "better by less than 1%"),
        ([2.0, 30.0, 1.0, 3.0, 2.0, 20.0, 1.0, 2.0], False, "not better beyond the paired interval"),
        ([each * 1.5 for each in TEN], False, "not better beyond the paired interval"),
        (TEN, False, "not better beyond the paired interval"),
    ],
)
def test_it_switches_for_a_clear_gain_only(theirs: list[float], is_met: bool, why: str) -> None:
    found = evidence(cases(TEN, theirs))
    assert (found.is_met, found.why.endswith(why)) == (is_met, True), found.why
    assert (found.n, found.periods) == (8, 8)


def test_below_six_periods_it_is_too_early() -> None:
    found = evidence(cases(TEN[:5], [0.5] * 5))
    assert (found.is_met, found.champion, found.why[:9]) == (False, None, "too early")


def test_locks_without_a_challenger_tell_nothing_of_it() -> None:
    alone = [replace(case, said={OURS: case.said[OURS]}) for case in cases(TEN, TEN)]
    assert evidence(alone).periods == 0
    mixed = alone[:4] + cases(TEN, [each / 2 for each in TEN])[4:]
    assert evidence(mixed).periods == 4
