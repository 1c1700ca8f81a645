"""How right bands and promises were in simulated companies, as lines of text."""

from collections.abc import Iterator, Sequence
from typing import Final

from services.forecast.accuracy import scores
from services.forecast.accuracy.scores import Coverage
from tests.calibration.judging import CHANGED, Judged

STATIONARY: Final = ("stationary", "no seasons")
COVER_STATIONARY: Final = (0.75, 0.85)
COVER_OTHER: Final = (0.70, 0.90)
"""Bounds for the coverage of 80 % bands: where the engine's assumptions hold, and where a world breaks them."""
OFF_AT_MOST: Final = 0.05
"""How far promises may be from what came true, in any bin of them."""
HEAD: Final = (
    f"{'world':<26}{'quarters':>9}{'in 80 %':>9}{'[95 %]':>14}{'in 95 %':>9}{'[95 %]':>14}{'WAPE':>7}{'(mov. av.)':>11}"
    f"{'bias':>8}{'stretch':>9}   promised→kept"
)


def line(judged: Judged) -> str:
    """One world. Promises P(>= target) stand in bins of a fifth: what they said on average, and how often it came true."""
    row = judged.row
    promises = "  ".join(f"{each.said:.2f}→{each.came:.2f}" for each in judged.reliability)
    return (
        f"{judged.world:<26}{row['quarters']:>9}{_cover(judged.cover(scores.ENDS_80))}{_cover(judged.cover(scores.ENDS_95))}"
        f"{row['wape']:>7.3f}{row['wape_moving_average']:>11.3f}{row['bias']:>+8.3f}{row['stretch']:>9.2f}   {promises}"
    )


def verdict(every: Sequence[Judged]) -> Iterator[str]:
    """A line per world and thing that must hold; the quarters that a change of regime hit are not judged."""
    for judged in every:
        if judged.world.endswith(CHANGED):
            continue
        low, high = COVER_STATIONARY if judged.world in STATIONARY else COVER_OTHER
        share = judged.row["cover80"]
        yield f"{_said(low <= share <= high)}  {judged.world}: {share:.1%} in 80 % bands, wanted {low:.0%} to {high:.0%}"
        yield (
            f"{_said(judged.off <= OFF_AT_MOST)}  {judged.world}: promises up to {judged.off:.3f} from what came true, "
            f"wanted at most {OFF_AT_MOST:.2f}"
        )


def _said(is_reached: bool) -> str:
    return "reached" if is_reached else "MISSED "


def _cover(found: Coverage | None) -> str:
    if found is None:
        return f"{'-':>9}{'':>14}"
    return f"{found.share:>9.1%}{f'[{found.low:.0%}, {found.high:.0%}]':>14}"
