"""What the projection was to reach, set before it was built, and whether it did. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from deploy.local.backtest.judging import OURS, Overall, Row

WAPE_AT_MOST: Final = {("bpi12", 7): 0.155, ("bpi12", 28): 0.14, ("maven", 30): 0.10, ("maven", 91): 0.125}
RATIO_AT_MOST: Final = 0.80
COVER_80: Final = (0.65, 0.95)


@dataclass(frozen=True, slots=True)
class Target:
    """`value` says what was measured, `wanted` what was to be."""

    name: str
    value: str
    wanted: str
    is_reached: bool


def targets(rows: Sequence[Row], found: Overall | None) -> list[Target]:
    """Every target that applies to these companies, in a fixed order."""
    told = []
    for row in rows:
        limit = WAPE_AT_MOST.get((row.company, row.horizon_days))
        if row.method == OURS and limit is not None and row.wape is not None:
            name = f"WAPE {row.company}, {row.horizon_days} days"
            told.append(Target(name, f"{row.wape:.3f}", f"at most {limit:.3f}", row.wape <= limit))
    if found is None:
        return told
    low, high = COVER_80
    compared, covered, (own, rival) = found.compared, found.cover80, found.interval_scores
    return [
        *told,
        Target(
            "geometric mean of WAPE ÷ moving average",
            f"{found.ratio:.3f}",
            f"at most {RATIO_AT_MOST:.2f}",
            found.ratio <= RATIO_AT_MOST,
        ),
        Target(
            "pooled log ratio to the moving average",
            f"{compared.log_ratio:+.3f} [{compared.low:+.3f}, {compared.high:+.3f}]",
            "below 0 at 95 %",
            compared.high < 0.0,
        ),
        Target(
            "pooled coverage of 80 % intervals",
            f"{covered.share:.0%} of {covered.n} windows [{covered.low:.0%}, {covered.high:.0%}: {covered.distinct} distinct]",
            f"{low:.0%} to {high:.0%}",
            low <= covered.share <= high,
        ),
        Target(
            "mean interval score",
            f"{own:.3f}",
            f"below the moving average's {rival:.3f}",
            own < rival,
        ),
    ]
