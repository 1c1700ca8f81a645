"""The rule by which the challenger becomes champion, set before anything is known of either. Pure.

It needs six closed periods, an error smaller by one per cent, and an interval of the paired difference that holds no equality.
Only periods that were closed since the last choice count, so that nothing is decided twice by the same past.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from services.forecast.accuracy.scores import Compared
from services.forecast.record.judging import Case, judge

CHALLENGER: Final = "challenger"
LEAST_GAIN: Final = 0.01


@dataclass(frozen=True, slots=True)
class Evidence:
    """Both methods over `n` locks of `periods` periods. WAPE as shares; `compared` is the champion against the challenger.

    `is_met`: the rule says to switch; `why` says in words what it found.
    """

    n: int
    periods: int
    champion: float | None
    challenger: float | None
    compared: Compared | None
    is_met: bool
    why: str


def evidence(cases: Sequence[Case]) -> Evidence:
    """What locks tell of champion (ours) and CHALLENGER."""
    judged = judge([case for case in cases if CHALLENGER in case.said])
    found = next((each for each in judged.methods if each.name == CHALLENGER), None)
    if found is None or found.compared is None or found.wape is None or found.ours is None:
        return Evidence(
            judged.n, judged.periods, None, None, None, False, judged.too_early or "too early: nothing came"
        )
    gain = 1 - found.wape / found.ours if found.ours else 0.0
    told = f"error {found.wape:.4f} against {found.ours:.4f} over {judged.periods} periods"
    if found.compared.low <= 0:
        is_met, why = False, f"{told}: not better beyond the paired interval"
    elif gain < LEAST_GAIN:
        is_met, why = False, f"{told}: better by less than {LEAST_GAIN:.0%}"
    else:
        is_met, why = True, f"{told}: better by {gain:.1%}, beyond the paired interval"
    return Evidence(judged.n, judged.periods, found.ours, found.wape, found.compared, is_met, why)
